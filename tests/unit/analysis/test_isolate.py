"""The separate process: same answers, and whatever a file does to it becomes a sentence."""

import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from app.analysis import reading_process
from app.analysis.facts import facts
from app.analysis.isolate import check_file, check_files, convert_file, facts_of, mapped_of, top_of, tree_of
from app.analysis.profile import BadProfile, Mapped, read
from app.analysis.reading_process import LIMITS, ROOT
from app.analysis.stacks import Options
from app.analysis.top import top
from app.analysis.tree import tree
from app.errors import Retryable
from app.model import Kind
from tests.unit.analysis.synthetic import Maker, cpu, heap

SMALL = LIMITS._replace(memory=200 << 20)


def bomb(path: Path, size: int) -> Path:
    """A gzip file of `size` zeros (a multiple of 16 MiB), written without ever holding them."""
    stream, piece = zlib.compressobj(9, zlib.DEFLATED, 31), bytes(16 << 20)
    first = stream.compress(piece) + stream.flush(zlib.Z_FULL_FLUSH)  # from here on every piece is the same bytes
    again = stream.compress(piece) + stream.flush(zlib.Z_FULL_FLUSH)
    with path.open("wb") as file:
        file.write(first)
        for _ in range(size // len(piece) - 1):
            file.write(again)
    return path


def explosive(path: Path) -> Path:
    """A small file, few enough bytes decompressed, but each two of them an object once parsed."""
    path.write_bytes(zlib.compress(b"\x12\x00" * (50 << 20), wbits=31))
    return path


def endless(path: Path) -> Path:
    """A hundred thousand deep stacks, each of them valid, in a small file."""
    made = cpu([([f"f{number}" for number in range(100)], 5)])
    sample = made.message.sample[0].SerializeToString()
    field = b"\x12" + bytes([len(sample) & 127 | 128, len(sample) >> 7]) + sample
    path.write_bytes(zlib.compress(made.plain() + field * 100_000, 1, wbits=31))
    return path


def written(path: Path, made: Maker) -> Path:
    path.write_bytes(made.data())
    return path


def test_the_facts_are_the_same_as_without_a_process_between_and_broken_files_are_left_out(tmp_path: Path) -> None:
    recorded = Path(__file__).parents[2] / "data" / "faults" / "ledger"
    cpu_file, snapshot = recorded / "cpu.pprof", recorded / "goroutine.pprof"
    bad = tmp_path / "bad"
    bad.write_bytes(cpu_file.read_bytes()[:-20])
    found = facts_of([cpu_file, bad, snapshot])
    assert found == {cpu_file: facts(cpu_file), snapshot: facts(snapshot)}
    assert facts(written(tmp_path / "other", cpu([(["a", "b"], 5)]))) is None  # no Go program


def test_the_table_is_the_same_as_without_a_process_between(tmp_path: Path) -> None:
    made = heap().sample(["läuft\n[31m", "main"], 1, 2, 3, 4).sample(["main"], 1, 1, 1, 1)
    path = written(tmp_path / "heap", made)
    for sample_type in (None, "alloc_space"):
        assert top_of(path, 1, sample_type) == top(read(made.data()), 1, sample_type)


def test_the_tree_is_the_same_as_without_a_process_between(tmp_path: Path) -> None:
    made = heap().sample(["läuft\n\x1b[31m", "main"], 1, 2, 3, 4).sample(["main"], 1, 1, 1, 1)
    path = written(tmp_path / "heap", made)
    for sample_type in (None, "alloc_space"):
        assert tree_of(path, sample_type) == tree(read(made.data()), sample_type)
    with pytest.raises(BadProfile, match=r"^it has no sample type 'wall'; it has "):
        tree_of(path, "wall")


def test_where_the_code_lay_is_told_of_every_file_that_can_be_read(tmp_path: Path) -> None:
    made = cpu([(["main"], 5)])
    mapping = made.message.mapping[0]
    mapping.memory_start, mapping.memory_limit, mapping.file_offset = 0x400000, 0x6E7000, 0x1000
    good, other = written(tmp_path / "cpu", made), written(tmp_path / "heap", heap())
    bad = tmp_path / "bad"
    bad.write_bytes(b"<html>")
    found = mapped_of([good, bad, bomb(tmp_path / "bomb", 512 << 20), other])
    assert found == {good: (Mapped(0x400000, 0x6E7000, 0x1000, "/srv/app", ""),), other: read(heap().data()).mapped}


def test_a_tree_of_the_largest_size_comes_home(tmp_path: Path) -> None:
    stacks = [([f"{n}\x00" * 200, *(["deeper"] * 500)], n + 1) for n in range(5000)]
    assert len(tree_of(written(tmp_path / "cpu", cpu(stacks))).nodes) > 2500


def test_a_text_becomes_a_profile_in_the_other_process(tmp_path: Path) -> None:
    text, out = tmp_path / "text", tmp_path / "out.pprof"
    text.write_bytes(b"main;leaf 3\n")
    convert_file("folded", text, out, Options(rate=200, seconds=2))
    assert (top_of(out).total, top_of(out).duration_seconds) == (15_000_000, 2)
    assert check_file(Kind.CPU, out) is None

    text.write_bytes(b"app 7 1.0: 5 cpu-clock:\n\t7f main+0x1 (a)\n\n")
    convert_file("perf-script", text, out)
    assert top_of(out).total == 5


def test_of_a_text_that_is_wrong_nothing_is_written(tmp_path: Path) -> None:
    text, out = tmp_path / "text", tmp_path / "out.pprof"
    out.write_bytes(b"what a child wrote before it was killed")
    text.write_bytes(b"main;leaf 3\nmain;le")
    with pytest.raises(BadProfile, match=r"^line 2 is cut: it has no end$"):
        convert_file("folded", text, out)
    assert not out.exists()
    text.write_bytes(b"".join(b"f%d;leaf 1\n" % number for number in range(100_000)))
    with pytest.raises(BadProfile, match=r"needs more than 80 MiB of memory to read|the process that reads it ended"):
        convert_file("folded", text, out, limits=LIMITS._replace(memory=80 << 20))
    assert not out.exists()


def test_a_disk_that_takes_no_profile_says_nothing_about_the_text(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"main;leaf 3\n")
    with pytest.raises(Retryable, match=r"cannot be written in pprof's form: No such file or directory"):
        convert_file("folded", text, tmp_path / "nowhere" / "out.pprof")


def test_what_is_wrong_arrives_as_the_same_sentence(tmp_path: Path) -> None:
    path = written(tmp_path / "cpu", cpu())
    with pytest.raises(BadProfile, match=r"^it has no sample type 'wall'; it has samples, cpu$"):
        top_of(path, 30, "wall")
    with pytest.raises(BadProfile, match=r"^cannot be read: No such file or directory$"):
        top_of(tmp_path / "none")


def test_several_files_are_checked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = count_processes(monkeypatch)
    good, swapped, gone = written(tmp_path / "a", cpu()), written(tmp_path / "b", heap()), tmp_path / "c"
    assert check_files([(Kind.CPU, good), (Kind.CPU, swapped), (Kind.CPU, gone)]) == {
        good: None,
        swapped: "a pprof profile, but one of the kind heap, not cpu",
        gone: "cannot be read: No such file or directory",
    }
    assert len(started) == 1
    assert check_file(Kind.HEAP, swapped) is None


def test_nothing_to_check_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    started = count_processes(monkeypatch)
    assert check_files([]) == {}
    assert started == []


def test_ten_gigabytes_of_zeros_stay_under_the_memory_limit(tmp_path: Path) -> None:
    path = bomb(tmp_path / "bomb", 10 << 30)
    said = check_file(Kind.CPU, path, limits=LIMITS._replace(memory=512 << 20))
    assert said == f"more than {256 << 20} bytes decompressed, which is the limit"


def test_a_file_that_needs_too_much_memory_is_said_to(tmp_path: Path) -> None:
    path = explosive(tmp_path / "file")
    assert check_file(Kind.CPU, path, limits=SMALL) == "needs more than 200 MiB of memory to read"
    with pytest.raises(BadProfile, match="needs more than 200 MiB of memory to read"):
        top_of(path, limits=SMALL)


def test_a_file_that_takes_too_long_is_said_to(tmp_path: Path) -> None:
    path = endless(tmp_path / "file")
    with pytest.raises(BadProfile, match="takes more than 1 s of processor time to read"):
        top_of(path, limits=LIMITS._replace(cpu_seconds=1))
    with pytest.raises(BadProfile, match=r"takes more than 0\.5 s to read"):
        top_of(path, limits=LIMITS._replace(wall_seconds=0.5))


def test_a_file_that_kills_its_reader_costs_no_other_file_its_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [(Kind.CPU, written(tmp_path / name, cpu())) for name in "abc"]
    *words, code = reading_process.command()
    monkeypatch.setattr(reading_process, "command", lambda: [*words, f"{KILLER}\n{code}"])
    said = check_files(files)
    assert [said[path] for _, path in files] == [
        None,
        "cannot be read: the process that reads it ended with -11",
        None,
    ]


KILLER = """
import os, app.analysis.verdict as v
real = v.check
def check(kind, path):
    if os.path.basename(path) == "b":
        os.kill(os.getpid(), 11)
    return real(kind, path)
v.check = check
"""


def test_the_reader_gets_no_secret_of_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTPROF_TOKEN", "secret")
    started = count_processes(monkeypatch)
    check_file(Kind.CPU, written(tmp_path / "a", cpu()))
    assert set(started[0]["env"]) <= {"LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"}


def test_no_process_to_be_had_says_nothing_about_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(Retryable, match="no process to read profiles in"):
        check_file(Kind.CPU, written(tmp_path / "a", cpu()))


def test_reading_needs_nothing_of_the_service() -> None:
    code = "import sys, app.analysis.isolate; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"fastapi", "pydantic", "sqlalchemy", "paramiko", "asyncio", "structlog"}
    assert heavy.isdisjoint(ended.stdout.split())


def count_processes(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    started: list[dict[str, Any]] = []
    real = subprocess.run

    def run(command: Any, **options: Any) -> Any:
        started.append(options)
        return real(command, **options)

    monkeypatch.setattr(subprocess, "run", run)
    return started
