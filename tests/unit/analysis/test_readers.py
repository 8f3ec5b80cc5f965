"""Processes that stay: same answers, and after whatever a file does to one, the next file is read."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.analysis import readers, reading_process
from app.analysis.child import Limits
from app.analysis.isolate import check_files, top_of, tree_of
from app.analysis.profile import BadProfile, read
from app.analysis.readers import Readers
from app.analysis.reading_process import LIMITS, ROOT, command
from app.analysis.top import top
from app.analysis.tree import tree
from app.errors import Retryable
from app.model import Kind
from tests.lab.process import eventually
from tests.unit.analysis.synthetic import cpu, heap
from tests.unit.analysis.test_isolate import KILLER, SMALL, endless, explosive, written


@pytest.fixture
def kept() -> Iterator[Readers]:
    made = Readers()
    yield made
    made.close()


def pids(kept: Readers) -> list[int]:
    return [reader.process.pid for reader in kept.idle]


def gone(pid: int) -> bool:
    """Has it ended within a while? A zombie has."""

    def ended() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    return eventually(ended, f"{pid} has ended")


def test_one_process_answers_several_questions_as_they_are_answered_without_it(kept: Readers, tmp_path: Path) -> None:
    one, other = cpu([(["leaf", "main"], 5)]), heap().sample(["läuft\n\x1b[31m", "main"], 1, 2, 3, 4)
    first, second = written(tmp_path / "cpu", one), written(tmp_path / "heap", other)
    assert top_of(first, ask=kept.ask) == top(read(one.data()), 30)
    started = pids(kept)
    assert len(started) == 1
    assert top_of(second, 1, "alloc_space", ask=kept.ask) == top(read(other.data()), 1, "alloc_space")
    assert tree_of(second, ask=kept.ask) == tree(read(other.data()))
    assert pids(kept) == started


def test_one_process_checks_several_files_and_stays(kept: Readers, tmp_path: Path) -> None:
    good, other = written(tmp_path / "cpu", cpu()), written(tmp_path / "heap", heap())
    assert check_files([(Kind.CPU, good), (Kind.HEAP, other)], ask=kept.ask) == {good: None, other: None}
    started = pids(kept)
    assert check_files([(Kind.HEAP, other), (Kind.CPU, good)], ask=kept.ask) == {good: None, other: None}
    assert pids(kept) == started
    assert len(started) == 1


def test_a_file_that_ends_the_process_costs_the_files_behind_it_no_verdict(
    kept: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *words, code = command()
    monkeypatch.setattr(reading_process, "command", lambda: [*words, f"{KILLER}\n{code}"])
    files = [(Kind.CPU, written(tmp_path / name, cpu())) for name in "abc"]
    said = check_files(files, ask=kept.ask)
    assert list(said.values()) == [None, "cannot be read: the process that reads it ended with -11", None]


def test_no_more_processes_stay_than_are_kept(kept: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "IDLE", 0)
    assert top_of(written(tmp_path / "cpu", cpu([(["main"], 5)])), ask=kept.ask).total == 5
    assert pids(kept) == []


def test_nothing_is_started_before_the_first_question(kept: Readers) -> None:
    assert pids(kept) == []


def test_a_file_that_changed_under_its_name_is_read_again(kept: Readers, tmp_path: Path) -> None:
    path = written(tmp_path / "cpu", cpu([(["main"], 5)]))
    assert top_of(path, ask=kept.ask).total == 5
    assert top_of(written(path, cpu([(["main"], 7)])), ask=kept.ask).total == 7


@pytest.mark.parametrize(
    ("hostile", "limits", "said"),
    [
        (explosive, SMALL, "needs more than 200 MiB of memory to read"),
        (endless, LIMITS._replace(cpu_seconds=1), "takes more than 1 s of processor time to read"),
        (endless, LIMITS._replace(wall_seconds=0.5), r"takes more than 0\.5 s to read"),
    ],
)
def test_a_file_that_is_too_much_for_a_process_is_the_last_that_it_reads(
    hostile: Callable[[Path], Path], limits: Limits, said: str, kept: Readers, tmp_path: Path
) -> None:
    good = written(tmp_path / "good", cpu([(["main"], 5)]))
    top_of(good, ask=kept.ask)
    used = pids(kept)
    with pytest.raises(BadProfile, match=said):
        top_of(hostile(tmp_path / "file"), limits=limits, ask=kept.ask)
    assert pids(kept) == []
    assert gone(used[0])
    assert top_of(good, ask=kept.ask).total == 5


def test_a_process_that_was_killed_while_idle_costs_no_answer(kept: Readers, tmp_path: Path) -> None:
    good = written(tmp_path / "good", cpu([(["main"], 5)]))
    top_of(good, ask=kept.ask)
    used = pids(kept)[0]
    os.kill(used, signal.SIGKILL)
    assert gone(used)
    assert top_of(good, ask=kept.ask).total == 5
    assert pids(kept) != [used]


def test_a_process_makes_way_after_so_many_files(
    kept: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "FILES", 2)
    good = written(tmp_path / "good", cpu([(["main"], 5)]))
    top_of(good, ask=kept.ask)
    used = pids(kept)[0]
    top_of(good, ask=kept.ask)
    assert pids(kept) == []
    assert gone(used)


def test_a_process_that_keeps_the_memory_of_a_large_file_makes_way(
    kept: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "LARGE", 1 << 20)
    assert top_of(written(tmp_path / "good", cpu([(["main"], 5)])), ask=kept.ask).total == 5
    assert pids(kept) == []


def test_no_process_outlives_the_service_however_it_ends(tmp_path: Path) -> None:
    path = written(tmp_path / "cpu", cpu([(["main"], 5)]))
    code = f"""
import pathlib, signal
from app.analysis.isolate import top_of
from app.analysis.readers import Readers
kept = Readers()
top_of(pathlib.Path({str(path)!r}), ask=kept.ask)
print(kept.idle[0].process.pid, flush=True)
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout
        reader = int(service.stdout.readline())
        assert Path(f"/proc/{reader}").exists()
        service.kill()
    assert gone(reader)


def test_a_process_holds_no_file_and_no_secret_of_the_service(
    kept: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTPROF_TOKEN", "secret")
    with (tmp_path / "held").open("wb"):
        top_of(written(tmp_path / "cpu", cpu()), ask=kept.ask)
        proc = Path(f"/proc/{pids(kept)[0]}")
        assert {fd.name for fd in (proc / "fd").iterdir()} == {"0", "1", "2"}
        assert b"secret" not in (proc / "environ").read_bytes()


def test_no_process_to_be_had_says_nothing_about_the_file(
    kept: Readers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(Retryable, match="no process to read profiles in"):
        top_of(written(tmp_path / "a", cpu()), ask=kept.ask)
