"""The end of a log and variables of a process, as the gate reads them under every shell."""

import os
from pathlib import Path

import pytest

from tests.unit.gate.shells import SHELLS, said

PARTS = "identity recipes log_verbs"


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def printed(shell: str, log: Path, before: str = "") -> str:
    """The lines of a log and the code."""
    script = f"{before}\nprint_file '{log.parent}' '{log.name}'; printf %s \"$out\"; echo $code"
    return said(shell, PARTS, script, log.parent.parent)


def test_the_end_of_a_file_is_printed_and_nothing_that_stands_in_its_place(shell: str, tmp_path: Path) -> None:
    (folder := tmp_path / "its logs").mkdir()
    (tmp_path / "shadow").write_text("root:x\n")
    log = folder / "access.log"
    log.write_bytes(b"enabled\n\n  disabled")
    assert printed(shell, log).splitlines() == ["log enabled", "log ", "log   disabled", "", "ok"]
    log.unlink()
    assert printed(shell, log) == "absent\n"
    log.symlink_to("../shadow")
    assert printed(shell, log) == "special\n"
    log.unlink()
    os.mkfifo(log)
    assert printed(shell, log) == "special\n"
    log.unlink()
    os.link(tmp_path / "shadow", log)
    assert printed(shell, log) == "linked\n"
    (tmp_path / "other").symlink_to(folder)
    assert printed(shell, tmp_path / "other" / "access.log") == "astray\n"


def test_without_a_dd_that_follows_no_links_a_file_is_read_only_where_nobody_else_may_put_one(
    shell: str, tmp_path: Path
) -> None:
    (folder := tmp_path / "logs").mkdir(0o755)
    (log := folder / "access.log").write_text("enabled\n")
    assert printed(shell, log, "dd() { return 1; }") == "log enabled\n\nok\n"
    folder.chmod(0o775)
    assert printed(shell, log, "dd() { return 1; }") == "tools\n"


def test_a_units_lines_are_those_of_its_journal_since_then(shell: str, tmp_path: Path) -> None:
    script = """timeout() { shift; "$@"; }; journalctl() { printf '%s\\n' "$@"; }
since=1790000000; print_unit orders@1.service; echo $code"""
    lines = said(shell, PARTS, script, tmp_path).splitlines()
    assert lines[:3] == ["log --unit=orders@1.service", "log --since=@1790000000", "log --lines=2001"]
    assert lines[-1] == "ok"


def test_the_first_line_of_a_units_long_journal_is_told_to_be_a_part(shell: str, tmp_path: Path) -> None:
    script = """timeout() { shift; "$@"; }; journalctl() { printf 'password=%s\\nb\\n' hunter2; }; since=1
print_unit x.service; log_bytes=6; print_unit x.service; printf %s "$out"; journalctl() { :; }; print_unit x.service"""
    told = ["log password=hunter2", "log b", "", "log ter2", "log b", "", "cut 1"]
    assert said(shell, PARTS, script, tmp_path).splitlines() == told


def test_no_variable_is_told_but_those_that_are_named(shell: str, tmp_path: Path) -> None:
    (tmp_path / "environ").write_bytes(b"GOGC=150\0OTHER=x\0TEXT=a\nGOMEMLIMIT=9\0GOGC_2=1\0")
    script = "print_variables GOGC GOMEMLIMIT; echo $code"
    assert said(shell, PARTS, script, tmp_path) == "variable GOGC=150\nok\n"
