"""A recording that an earlier gate began is ended by this one: tests/data/journals has what that gate wrote for each.

Before parts/ there was one gate.sh. Its journals are taken as they are, but for what differs with every process: its
identity, the names and identities of its files, and the times.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.gate.client import Gate
from app.model import ProcessId
from tests.integration.test_eight_bugs import journals
from tests.integration.test_gate import fetched, look, stopped, token
from tests.lab.process import eventually
from tests.lab.shell import SHELLS, local_gate
from tests.lab.target import Service

RECORDED = Path(__file__).parent.parent / "data" / "journals"
RunTarget = Callable[..., Service]
TIMES: dict[str, Callable[[float], int]] = {  # seconds since boot, or hundredths of one
    "due": lambda now: int(now) + 45,
    "sent": int,
    "after USR2": lambda now: int(now * 100),
}


def uptime() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


def begun_by_the_earlier_gate(service: Service, process: ProcessId, mode: str) -> str:
    """The token of a recording that is on, with the journal that the earlier gate wrote of one like it."""
    service.signal()
    service.wait_event("start")
    eventually(lambda: len(service.held()) == 6, "its six files are open")
    word, lines = token(), (RECORDED / f"{mode}.journal").read_text().splitlines()
    for number, line in enumerate(lines):
        if line.startswith("intent "):
            lines[number] = f"intent {process.pid} {process.start} {process.image} {mode}"
        elif m := re.fullmatch(r"(due|sent|after USR2) \d+", line):
            lines[number] = f"{m[1]} {TIMES[m[1]](uptime())}"
        elif line.startswith("dog "):
            lines[number] = "dog 99999999:1"  # it was killed with its gate
        elif m := re.fullmatch(r"file (\w+) \d+ [\d:]+ .*", line):
            path = service.files()[m[1]]
            there = path.stat()
            stamp = path.stem.rpartition("-")[2]
            lines[number] = f"file {m[1]} {stamp} {there.st_dev}:{there.st_ino}:{there.st_uid} {path}"
    (journals() / word).write_text("\n".join([*lines, ""]))
    return word


@pytest.mark.parametrize("shell", sorted(SHELLS))
@pytest.mark.parametrize(
    ("mode", "events"), [("toggle", ["usr2", "start", "usr2", "stop"]), ("timed", ["usr2", "start", "stop"])]
)
def test_a_recording_that_the_earlier_gate_began_is_ended_and_its_files_come_home(
    run_target: RunTarget, shell: str, mode: str, events: list[str]
) -> None:
    service = run_target(mode, STANDIN_PROFILE_SECONDS="3")
    gate: Gate = local_gate(shell)
    word = begun_by_the_earlier_gate(service, look(gate, service.pid).id, mode)
    assert gate.status(word).code == "open"
    answer = stopped(gate, word)
    assert answer.code == "finished" and len(answer.files) == 6
    for kind, path in service.files().items():
        assert fetched(gate, word, kind)[1] == path.read_bytes()
    assert gate.drop(word).code == "ok"
    assert [event.what for event in service.events()] == events
    assert list(service.tmp.iterdir()) == [] or os.geteuid() != 0
    gate.close()
