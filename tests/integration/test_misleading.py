"""Programs that mislead: they hold go-zero, and would record for ever, end or become another at its signal.

Whatever the gate concludes of them, their own event logs and descriptors say what became of them. The table of
docs/reliability.md ("Programs that mislead") is this list.
"""

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from app.errors import Refused
from app.gate.answers import Mode, Process
from app.gate.client import Gate
from app.gate.pool import HostPool
from app.profilers.go_zero import GoZero
from tests.integration.test_gate import look, stopped, token
from tests.lab import golang
from tests.lab.process import Process as Started
from tests.lab.process import eventually as until
from tests.lab.shell import CHOSEN, SHELLS, ShellPipe, local_gate
from tests.lab.target import Service

NEVER_ASKED = cast(HostPool, None)  # what judges go-zero asks nothing of the host


@dataclass(frozen=True)
class Program:
    """One of golang.TARGETS, and as what it is refused ("" where it may be profiled)."""

    target: str
    refused: str
    args: tuple[str, ...] = ()
    appended: str = ""  # another target, whose executable is added to this one's


CONFLICT, UNSAFE = "evidence_conflict", "unsafe_signal"
REFUSED = {
    "its own code takes the end of a recording as a value": Program("valued", CONFLICT),
    "it says v1.6.0 and ends recordings by itself": Program("lying", CONFLICT),
    "it says v1.10.3 and toggles": Program("toggle-newer", CONFLICT, ("usual",)),
    "another program with go-zero is part of it": Program("asking", CONFLICT, ("usual",), "timed"),
    "it holds go-zero twice": Program("twice", CONFLICT),
    "a supervisor restarts it at SIGUSR2": Program("supervised", UNSAFE),
    "it ends at SIGUSR2": Program("asking", UNSAFE, ("ends",)),
    "it ends at SIGUSR2, and has a symbol table": Program("asking-with-names", UNSAFE, ("ends",)),
    "it ends at SIGUSR2, and is position-independent": Program("asking-pie", UNSAFE, ("ends",)),
    "it ends at SIGUSR1": Program("asking", UNSAFE, ("ends-usr1",)),
    "it ends at every signal": Program("asking", UNSAFE, ("ends-all",)),
    "it ends at every signal, and has a table of counts": Program("asking", UNSAFE, ("ends-too",)),
    "it executes itself anew at SIGUSR2": Program("asking", UNSAFE, ("executes",)),
    "it hands over to a child at SIGUSR2": Program("asking", UNSAFE, ("succeeded",)),
    "it computes which signal ends it": Program("asking", UNSAFE, ("computed", "12")),
    "a context of it ends at SIGUSR2": Program("asking", UNSAFE, ("context",)),
    "it asks for SIGUSR2 several times": Program("asking", UNSAFE, ("several",)),
}
HONEST = {
    "it asks for SIGINT and SIGTERM": Program("asking", "", ("usual",)),
    "it asks for SIGINT and SIGTERM by a context": Program("asking", "", ("usual-too",)),
    "it asks for them, and is position-independent": Program("asking-pie", "", ("usual",)),
    "it has a gRPC and an HTTP server": Program("served", ""),
    "its version is between two releases": Program("asking-between", "", ("usual",)),
}


@pytest.fixture(params=CHOSEN)
def gate(request: pytest.FixtureRequest) -> Iterator[Gate]:
    opened = local_gate(str(request.param))
    yield opened
    opened.close()


@pytest.fixture
def dash() -> Iterator[Gate]:
    opened = local_gate("dash")
    yield opened
    opened.close()


def running(program: Program, folder: Path) -> Service:
    folder.mkdir(parents=True, exist_ok=True)
    called = "several" if program.appended else ""
    try:
        return Service(program.target, folder, called=called, args=program.args, appended=program.appended)
    except golang.Unavailable as reason:
        pytest.skip(str(reason))


def listening(gate: Gate, service: Service) -> Process:
    until(lambda: look(gate, service.pid).listens, "it listens")
    return look(gate, service.pid)


def judged(process: Process) -> str:
    """The reason code of its refusal, or ""."""
    try:
        GoZero().judge(process, "here", NEVER_ASKED)
    except Refused as refused:
        return refused.reason.code.value
    return ""


def unharmed(service: Service, program: int) -> bool:
    return service.alive and image(service.pid) == program and not service.recording()


def journal(word: str) -> Path:
    return Path("/run/.alertprof-0" if os.geteuid() == 0 else Path.home() / f".alertprof-{os.geteuid()}") / word


def rewritten(word: str, line: str, by: int) -> None:
    """A time in the journal, put so much later: what the target notes, it seems to have noted then."""
    said = journal(word).read_text()
    moved = re.sub(f"(?<={line})\\d+", lambda m: str(int(m[0]) + by), said)
    assert moved != said
    journal(word).write_text(moved)


def stack(process: Process) -> int:
    return int(process.id.image.partition(":")[2])


def image(pid: int) -> int:
    """Where its stack begins: another number for another program."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[25])


@pytest.mark.parametrize("what", REFUSED)
def test_a_program_that_misleads_is_refused_and_neither_records_nor_ends(dash: Gate, tmp_path: Path, what: str) -> None:
    program = REFUSED[what]
    with running(program, tmp_path) as service:
        born = image(service.pid)
        until(lambda: judged(listening(dash, service)) == program.refused, f"it is refused as {program.refused}")
        process = look(dash, service.pid)
        mode = process.mode if process.mode is not Mode.CONFLICT else Mode.TOGGLE
        for claimed in {mode, Mode.TIMED}:  # the gate itself does not take the client's word
            assert dash.start(process.id, claimed, 1, token()).code in ("not", "shared")
        assert unharmed(service, born)
        assert service.events() == []


@pytest.mark.parametrize("what", HONEST)
def test_a_program_that_does_not_mislead_is_profiled(gate: Gate, tmp_path: Path, what: str) -> None:
    with running(HONEST[what], tmp_path) as service:
        process, word = listening(gate, service), token()
        assert process.askers == (1, 1)
        assert judged(process) == ""
        assert gate.start(process.id, process.mode, 30, word).code == "started"
        assert stopped(gate, word).code == "finished"
        assert what == "it has a gRPC and an HTTP server" or service.count("start") == service.count("stop") == 1
        assert unharmed(service, stack(process))


def test_a_program_that_has_filled_its_variables_costs_its_host_no_memory(tmp_path: Path) -> None:
    """What looks through them has 64 MiB of its own."""
    narrow = Gate(ShellPipe(["sh", "-c", "ulimit -v 65536; exec dash -s"]), "here", send_script=True)
    with running(Program("asking", "", ("filled",)), tmp_path) as service:
        assert listening(narrow, service).askers == (1, 1)
    narrow.close()


def test_a_restarter_among_vendored_packages_is_seen(dash: Gate, tmp_path: Path) -> None:
    """Without modules, as GO111MODULE=off builds, their functions are called by the folder that they lie in."""
    program = tmp_path / "orders"
    vendored = b"\0example.com/orders/vendor/github.com/jpillora/overseer.Run\0"
    program.write_bytes(golang.build("asking").read_bytes() + vendored)
    program.chmod(0o700)
    with Started([program, "usual"], tmp_path / "log") as service:
        until(lambda: look(dash, service.pid).listens, "it listens")
        assert look(dash, service.pid).restarter == "github.com/jpillora/overseer"
        assert judged(look(dash, service.pid)) == UNSAFE


def test_what_asks_between_the_look_and_the_signal_is_seen_in_the_step_that_signals(gate: Gate, tmp_path: Path) -> None:
    with running(Program("asking", "", ("late",)), tmp_path) as service:
        process = listening(gate, service)
        assert judged(process) == ""
        (service.tmp / "ask").touch()
        until((service.tmp / "asked").exists, "it asks for SIGUSR2 itself")
        assert gate.start(process.id, Mode.TOGGLE, 1, token()).code == "shared"
        assert unharmed(service, stack(process))


def test_a_recording_that_does_not_end_by_itself_is_ended_by_the_switch_with_one_signal(
    gate: Gate, tmp_path: Path
) -> None:
    """Nothing tells its version, and its function table looks like that of a go-zero that ends recordings."""
    with running(Program("valued-unversioned", ""), tmp_path) as service:
        process, word = listening(gate, service), token()
        assert process.mode is Mode.TIMED
        assert gate.start(process.id, Mode.TIMED, 0, word).code == "started"
        assert gate.stop(word).code == "open"  # it is not the client who ends it
        until(lambda: not service.recording(), "the target has ended it")
        answer = stopped(gate, word)
        assert (answer.code, answer.fired, answer.left) == ("finished", True, False)
        assert [event.what for event in service.events()] == ["usr2", "start", "usr2", "stop"]


def test_the_switch_sends_nothing_where_something_else_asks_for_the_signal_by_then(dash: Gate, tmp_path: Path) -> None:
    with running(Program("valued-unversioned", ""), tmp_path) as service:
        process, word = listening(dash, service), token()
        assert dash.start(process.id, Mode.TIMED, 0, word).code == "started"
        (service.tmp / "ask").touch()
        until((service.tmp / "asked").exists, "SIGUSR2 would end it")
        rewritten(word, "due ", -61)
        until(lambda: "left" in journal(word).read_text().split(), "the target has left it alone")
        assert dash.stop(word).left
        assert service.alive and service.count("usr2") == 1


def test_one_that_was_begun_by_a_gate_that_arms_no_switch_for_it_is_ended_too(dash: Gate, tmp_path: Path) -> None:
    """As versions did that took every recording of this kind for one that ends by itself."""
    with running(Program("valued-unversioned", ""), tmp_path) as service:
        word = token()
        assert dash.start(listening(dash, service).id, Mode.TIMED, 60, word).code == "started"
        lines = journal(word).read_text().splitlines(keepends=True)
        os.kill(next(int(line[4:].partition(":")[0]) for line in lines if line.startswith("dog ")), signal.SIGKILL)
        journal(word).write_text("".join(line for line in lines if not line.startswith(("dog ", "due "))))
        assert dash.stop(word).code == "open"
        rewritten(word, "sent ", -76)
        assert stopped(dash, word).fired
        assert [event.what for event in service.events()] == ["usr2", "start", "usr2", "stop"]


def test_the_switch_of_a_gate_that_is_gone_ends_it_too(tmp_path: Path) -> None:
    pipe = ShellPipe([*SHELLS["dash"], "-s"])
    with running(Program("valued-unversioned", ""), tmp_path) as service:
        gate = Gate(pipe, "here", send_script=True)
        process = listening(gate, service)
        assert gate.start(process.id, Mode.TIMED, 0, token()).code == "started"
        pipe.kill()
        until(lambda: not service.recording(), "the target has ended it")
        assert service.count("usr2") == 2


def test_a_torn_down_session_sends_nothing_to_a_recording_that_ends_by_itself(tmp_path: Path) -> None:
    pipe = ShellPipe([*SHELLS["dash"], "-s"])
    with Service("timed", tmp_path, env={"STANDIN_PROFILE_SECONDS": "3"}) as service:
        gate = Gate(pipe, "here", send_script=True)
        assert gate.start(listening(gate, service).id, Mode.TIMED, 3, token()).code == "started"
        os.killpg(pipe.process.pid, signal.SIGTERM)
        pipe.process.wait(60)
        until(lambda: not service.recording(), "it has ended by itself")
        assert [event.what for event in service.events()] == ["usr2", "start", "stop"]


def test_a_recording_that_takes_no_end_is_left_alone_after_one_more_signal_and_told(dash: Gate, tmp_path: Path) -> None:
    with Service("timed", tmp_path, env={"STANDIN_PROFILE_SECONDS": "1000"}) as service:
        word = token()
        assert dash.start(listening(dash, service).id, Mode.TIMED, 0, word).code == "started"
        service.wait_event("refused")
        assert not dash.stop(word).left, "it has a minute yet"
        rewritten(word, "due ", -61)
        until(lambda: dash.stop(word).left, "it is given up")
        assert [event.what for event in service.events()] == ["usr2", "start", "usr2", "refused"]
        assert service.alive


def test_a_process_that_ends_at_our_signal_is_told_with_the_time_that_it_took(gate: Gate, tmp_path: Path) -> None:
    """Nothing shows beforehand what these two do at a recording."""
    with running(Program("asking", "", ("touchy",)), tmp_path) as service:
        process, word = listening(gate, service), token()
        assert judged(process) == ""
        first = gate.start(process.id, Mode.TOGGLE, 30, word)
        until(lambda: not service.alive, "it has ended")
        for answer in (gate.status(word), gate.stop(word), gate.status(word)):
            assert answer.ended and answer.ended.signal == "SIGUSR2"
            assert 0 <= answer.ended.after < 10
        assert first.code in ("started", "gone")


def test_a_process_that_executes_another_program_at_our_signal_is_told_too(gate: Gate, tmp_path: Path) -> None:
    with running(Program("asking", "", ("renewed",)), tmp_path) as service:
        process, word = listening(gate, service), token()
        until(lambda: gate.start(process.id, Mode.TOGGLE, 30, word).code != "unarmed", "the switch is alive")
        until(lambda: gate.status(word).code == "replaced", "it has become another")
        assert gate.status(word).ended


def test_a_process_that_ends_long_after_our_signal_is_not_counted_as_harm(dash: Gate, tmp_path: Path) -> None:
    """It is killed while the gate's clock says that ten seconds have passed since the signal."""
    with Service("toggle", tmp_path) as service:
        word = token()
        dash.start(listening(dash, service).id, Mode.TOGGLE, 60, word)
        rewritten(word, "after USR2 ", -1100)
        service.stop()
        answer = dash.stop(word)
        assert (answer.code, answer.ended) == ("gone", None)
