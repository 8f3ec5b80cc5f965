"""The verbs that send and remove a token's files, on made-up journals and files, under every shell."""

from pathlib import Path

import pytest

from tests.unit.gate.shells import SHELLS, said

TOKEN = "0123456789abcdef" * 2
PARTS = "identity open_files journal files directory file_verbs"


@pytest.fixture(params=sorted(SHELLS))
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two files of a recording that is over, whose process has ended, and its journal."""
    made = {kind: tmp_path / f"orders-7-{kind}-1128022951.pprof" for kind in ("cpu", "mem")}
    lines = ["intent 9999999 22 26:28 toggle"]
    for kind, path in made.items():
        path.write_text(f"the {kind} profile")
        seen = path.stat()
        lines.append(f"file {kind} 1128022951 {seen.st_dev}:{seen.st_ino}:{seen.st_uid} {path}")
    (tmp_path / TOKEN).write_text("\n".join([*lines, "closed", ""]))
    return made


def swap(path: Path) -> None:
    """Another file of the same name; the first lives on, so that its number is not given away again."""
    path.rename(path.with_suffix(".moved"))
    path.write_text("somebody else's")


def done(shell: str, folder: Path, *requests: str) -> list[str]:
    """The answers to these requests, each with its code as its last line."""
    script = "home=$PWD; read_own_id\n"
    script += "".join(f"out='' code=error; verb_{each}; printf '%s.%s\\n' \"$out\" \"$code\"\n" for each in requests)
    return said(shell, PARTS, script, folder).splitlines()


def test_a_fetch_sends_the_file_byte_for_byte(shell: str, tmp_path: Path, files: dict[str, Path]) -> None:
    files["cpu"].write_text("the cpu profile\n")
    assert done(shell, tmp_path, f"fetch {TOKEN} cpu 100") == ["size 16", "the cpu profile", ".ok"]
    assert done(shell, tmp_path, f"fetch {TOKEN} cpu 15") == ["size 16", ".big"]
    assert done(shell, tmp_path, f"fetch {TOKEN} trace 100", f"fetch {TOKEN[::-1]} cpu 100") == [".unknown"] * 2


def test_what_has_the_name_of_a_tokens_file_is_neither_sent_nor_removed(
    shell: str, tmp_path: Path, files: dict[str, Path]
) -> None:
    swap(files["cpu"])
    assert done(shell, tmp_path, f"fetch {TOKEN} cpu 100") == [".vanished"]
    told = done(shell, tmp_path, f"drop {TOKEN}")
    assert told == ["file cpu 1128022951 vanished", "removed mem", ".ok"]
    assert files["cpu"].read_text() == "somebody else's" and not files["mem"].exists()


def test_a_drop_is_answered_in_the_same_way_when_it_is_repeated(
    shell: str, tmp_path: Path, files: dict[str, Path]
) -> None:
    (tmp_path / "orders-7-cpu-1128022952.pprof").write_text("of another recording")
    first, second = (done(shell, tmp_path, f"drop {TOKEN}") for _ in range(2))
    assert (first, second) == (["removed cpu", "removed mem", ".ok"], [".ok"])
    assert [path.name for path in tmp_path.glob("*.pprof")] == ["orders-7-cpu-1128022952.pprof"]


def test_a_drop_that_could_not_look_removes_nothing_and_says_so(
    shell: str, tmp_path: Path, files: dict[str, Path]
) -> None:
    script = f'home=$PWD; read_own_id; stat() {{ return 126; }}; verb_drop {TOKEN}; echo "$out$code"'
    assert said(shell, PARTS, script, tmp_path) == "blind\n"
    assert all(path.exists() for path in files.values())


def test_the_files_of_a_recording_that_is_on_are_not_removed(
    shell: str, tmp_path: Path, files: dict[str, Path]
) -> None:
    journal = tmp_path / TOKEN
    journal.write_text(journal.read_text().replace("closed\n", ""))
    assert done(shell, tmp_path, f"drop {TOKEN}") == [".open"]
    assert all(path.exists() for path in files.values())
