"""A recording that an earlier gate began is ended by this one: tests/data/journals has what that gate wrote for each.

Before parts/ there was one gate.sh. Its journals are taken as they are, but for what differs with every process: its
identity, the names and identities of its files, and the times.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from app.gate.client import Gate
from app.model import ProcessId
from tests.integration.test_eight_bugs import journals
from tests.integration.test_gate import fetched, look, running, stopped, token
from tests.integration.test_gate_commands import gates, halted, sh
from tests.integration.test_gate_signals import BOTH, Target
from tests.lab.process import eventually
from tests.lab.shell import CHOSEN, local_gate
from tests.lab.target import Service

RECORDED = Path(__file__).parent.parent / "data" / "journals"
RunTarget = Callable[..., Service]
TIMES: dict[str, Callable[[float], int]] = {  # seconds since boot, or hundredths of one
    "due": lambda now: int(now) + 45,
    "sent": int,
    "end": lambda now: int(now) + 600,
    "after USR1": lambda now: int(now * 100),
    "after USR2": lambda now: int(now * 100),
}
COMMAND = 'printf some >"$3"; sleep 200; printf more >>"$3"'


def uptime() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


def begun_by_the_earlier_gate(service: Service, process: ProcessId, mode: str) -> str:
    """The token of a recording that is on, with the journal that the earlier gate wrote of one like it."""
    service.signal()
    service.wait_event("start")
    eventually(lambda: len(service.held()) == 6, "its six files are open")
    return written(token(), process, mode, service.files())


def written(word: str, process: ProcessId, mode: str, files: Mapping[str, Path], **own: str) -> str:
    """The token, after the recorded journal of this mode was written for it. own: what its lines say, by first word."""
    lines = (RECORDED / f"{mode}.journal").read_text().splitlines()
    own = {
        "intent": f"{process.pid} {process.start} {process.image} {mode}",
        "dog": "99999999:1",  # it was killed with its gate
        **own,
    }
    for number, line in enumerate(lines):
        if (first := line.partition(" ")[0]) in own:
            lines[number] = f"{first} {own[first]}"
        elif m := re.fullmatch(r"(due|end|sent|after USR[12]) \d+", line):
            lines[number] = f"{m[1]} {TIMES[m[1]](uptime())}"
        elif m := re.fullmatch(r"file (\w+) \d+ [\d:]+ .*", line):
            path = files[m[1]]
            there = path.stat()
            stamp = path.stem.rpartition("-")[2]
            lines[number] = f"file {m[1]} {stamp} {there.st_dev}:{there.st_ino}:{there.st_uid} {path}"
    (journals() / word).write_text("\n".join([*lines, ""]))
    return word


@pytest.mark.parametrize("shell", CHOSEN)
@pytest.mark.parametrize(
    ("mode", "events"), [("toggle", ["usr2", "start", "usr2", "stop"]), ("timed", ["usr2", "start", "stop"])]
)
def test_a_recording_that_the_earlier_gate_began_is_ended_and_its_files_come_home(
    run_target: RunTarget, shell: str, mode: str, events: list[str]
) -> None:
    service = run_target(mode, STANDIN_PROFILE_SECONDS="12")
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


@pytest.mark.parametrize("shell", CHOSEN)
def test_a_recording_between_two_signals_that_the_earlier_gate_began_is_ended(tmp_path: Path, shell: str) -> None:
    target = Target(tmp_path / "target", "long")
    with gates(shell) as open_gate:
        gate, since = open_gate(BOTH), int(time.time()) - 1
        os.kill(target.pid, signal.SIGUSR1)
        target.wait("usr1")
        process = look(gate, target.pid).id
        word = written(token(), process, "signal", {}, since=str(since), dir=str(target.folder))
        assert gate.status(word).code == "open"
        assert stopped(gate, word).code == "finished"
        assert fetched(gate, word, "file1")[1] == b"begun and ended"
        assert target.log() == ["usr1", "usr2"]
        assert gate.drop(word).code == "ok"
        assert target.dumps() == []
    target.process.kill()
    target.process.communicate()


@pytest.mark.parametrize("shell", CHOSEN)
def test_a_command_that_the_earlier_gate_began_is_ended_and_its_output_comes_home(shell: str) -> None:
    recipe, word = sh(COMMAND), token()
    output = journals() / f"{word}.d" / "output"
    output.parent.mkdir(mode=0o700)
    (output.parent / "said").touch(mode=0o600)
    with gates(shell) as open_gate, running("sleep", "100") as process:
        gate = open_gate(recipe)
        command = subprocess.Popen(["/bin/sh", "-c", COMMAND, "sh", "1", "600", str(output)], start_new_session=True)
        eventually(lambda: output.exists() and output.read_bytes() == b"some", "it has written")
        ran = f"{command.pid}:{look(gate, command.pid).id.start}"
        written(word, look(gate, process.pid).id, "command", {}, ran=ran)
        assert gate.status(word).code == "open"
        assert halted(gate, word).code == "finished"
        assert command.wait(60) != 0
        assert fetched(gate, word, "output")[1] == b"some"
        assert gate.drop(word).code == "ok"
        assert not output.parent.exists()
