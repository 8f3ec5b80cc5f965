"""The process in which memory is read: what it may ask for, and what becomes of a reading that it does not survive."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.analysis import reading_process
from app.analysis.child import Limits
from app.analysis.goheap.ranges import Answer, Range, Unreadable
from app.analysis.memory_reader import Program, read_memory
from app.errors import Code, Retryable

PROGRAM = Program("go1.26.8", 0x401000, "/srv/orders")
PATIENT, SHORT = Limits(wall_seconds=60), Limits(wall_seconds=1)
SECRET = "hunter2 of the heap"


def zeros(wanted: Sequence[Range]) -> Answer:
    return Answer(tuple(bytes(each.size) for each in wanted), ())


def test_what_is_no_program_is_refused_by_the_process_that_reads_it(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="is no 64-bit little-endian ELF file"):
        read_memory(PROGRAM, tmp_path, ".pprof", zeros)


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("raise SystemExit(input() and 3)", "the process that reads it ended with 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "the process that reads it ended with -9"),
        ("import sys; input(); sys.exit('" + SECRET + "')", "the process that reads it ended with 1"),
        ("import time; time.sleep(60)", "takes more than 1 s to read"),
        ('input(); print(\'{"wanted": [["disk", 0, 8]]}\', flush=True)', "spoiled the process that reads it"),
        ('input(); print(\'{"stacks": 3, "unwritten": []}\', flush=True)', "spoiled the process that reads it"),
        ("input(); print('{', flush=True); input()", "spoiled the process that reads it"),
        ('input(); print(\'{"wanted": [["mem", 0, 268435456]]}\', flush=True); input()', "more memory than is read"),
        ('input(); print(\'{"wanted": [["mem", -1, 8]]}\', flush=True); input()', "more memory than is read"),
        (
            'import sys\nwhile sys.stdin.readline(): print(\'{"wanted": [["mem", 0, 1]]}\', flush=True)',
            "too many requests",
        ),
    ],
)
def test_whatever_becomes_of_that_process_the_reading_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, said: str
) -> None:
    monkeypatch.setattr(reading_process, "command", lambda: [sys.executable, "-c", does])
    (out := tmp_path / "block.pprof").write_bytes(b"half of it")
    with pytest.raises(Unreadable, match=said) as caught:
        read_memory(PROGRAM, tmp_path, ".pprof", zeros, limits=SHORT if "takes more" in said else PATIENT)
    assert SECRET not in str(caught.value)
    assert not out.exists()


def test_a_process_that_does_not_take_what_it_asked_for_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    does = 'input(); print(\'{"wanted": [["mem", 0, 16777216]]}\', flush=True); import time; time.sleep(60)'
    monkeypatch.setattr(reading_process, "command", lambda: [sys.executable, "-c", does])
    with pytest.raises(Unreadable, match="takes more than 1 s to read"):
        read_memory(PROGRAM, tmp_path, ".pprof", zeros, limits=SHORT)


def test_a_host_that_cannot_be_asked_now_is_no_fault_of_the_profile(tmp_path: Path) -> None:
    def lost(_wanted: Sequence[Range]) -> Answer:
        raise Retryable(Code.HOST_UNREACHABLE, "10.0.0.5: lost")

    with pytest.raises(Retryable, match="lost"):
        read_memory(PROGRAM, tmp_path, ".pprof", lost)
