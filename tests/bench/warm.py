"""A signal over a connection that is open: the gate's verbs against a TCP echo and against ssh's ControlMaster."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from app.gate.answers import Mode
from app.gate.assemble import SCRIPT
from app.gate.client import Gate
from app.gate.entry import SENT_COMMAND
from app.gate.pool import HostPool
from app.gate.words import words_of
from app.hosts.ssh import Connector
from tests.bench import openssh
from tests.bench.bell import Bell, Bells, Ear, seen, tidy, token
from tests.bench.echo import Echo
from tests.bench.rounds import Goal, Group, rounds
from tests.lab.sshd import Sshd

START, TWIN = "start, stops by itself", "start, stops by itself (again)"
TOGGLE, DUMP = "start, dead-man's switch armed first", "dump"
CHECKED = "identity check and kill alone"
ECHO, ECHO_ONLY = "TCP echo, then kill", "TCP echo alone"
MASTER, KILL, NULL = "ssh ControlMaster, kill", "kill from here", "gate, no signal (round trip)"

# The gate's own `send_signal` (read /proc/PID/stat, compare, kill, look again) as a verb, with nothing around it.
POKE = b'verb_poke() { pid=$1 wanted_start=$2; send_signal USR1 "$3" && code=ok; }\n'


def measure(folder: Path, *, quick: bool) -> Group:
    with Sshd(folder / "sshd") as sshd, Echo() as echo, Bell("toggle", folder / "bell") as bell:
        connector = Connector(sshd.settings())
        pool = HostPool(connector)
        gate, poked = pool.gate(sshd.host), gate_that_pokes(connector, sshd.host)
        known = words_of(seen(gate, bell.pid).id)
        ear, bells = Ear(), Bells(folder)
        with openssh.Master(sshd) as master:
            kill = [*master.command(), f"kill -USR1 {bell.pid}"]
            series = rounds(
                {
                    START: lambda: started(gate, ear, bells.fresh("timed")),
                    TWIN: lambda: started(gate, ear, bells.fresh("timed")),
                    TOGGLE: lambda: started(gate, ear, bells.fresh("toggle")),
                    CHECKED: lambda: ear.milliseconds(bell, lambda: poked._ask("poke", *known)),
                    DUMP: lambda: dumped(gate, ear, bells.fresh("timed")),
                    NULL: lambda: milliseconds(gate),
                    ECHO: lambda: ear.milliseconds(bell, lambda: usr1(bell, behind=echo.round_trip)),
                    ECHO_ONLY: lambda: echoed(echo),
                    KILL: lambda: ear.milliseconds(bell, lambda: usr1(bell)),
                    MASTER: lambda: ear.milliseconds(bell, lambda: openssh.run(kill)),
                },
                15 if quick else 100,
            )
        poked.close()
        pool.close()
    return Group(
        "A warm signal: from the request until the handler ran",
        "ms",
        series,
        MASTER,
        (
            Goal(CHECKED, ECHO, 5),
            Goal(CHECKED, MASTER, 0.06),
            Goal(START, ECHO, 5),
            Goal(START, MASTER, 0.06),
            Goal(TOGGLE, ECHO, 5),
            Goal(TOGGLE, MASTER, 0.06),
        ),
        START,
        TWIN,
    )


def gate_that_pokes(connector: Connector, host: str) -> Gate:
    script = SCRIPT.replace(b"verb_list() {", POKE + b"verb_list() {", 1)
    script = script.replace(b"  look | see |", b"  poke | look | see |", 1)
    with patch("app.gate.client.script", lambda recipes: script):
        return Gate(connector.connect(host).open(SENT_COMMAND), host, send_script=True)


def started(gate: Gate, ear: Ear, bell: Bell) -> float:
    """`start` whole: look, lock, journal, (arm,) check, kill; on a process that the gate has seen before."""
    word = token()
    with bell:
        process = seen(gate, bell.pid)
        took = ear.milliseconds(bell, lambda: gate.start(process.id, bell.mode, 30, word))
    tidy(gate, word)
    return took


def dumped(gate: Gate, ear: Ear, bell: Bell) -> float:
    """`dump`: the journal is read, the process checked, its handlers looked at, and SIGUSR1 sent."""
    word = token()
    with bell:
        process = seen(gate, bell.pid)
        gate.start(process.id, Mode.TIMED, 30, word)
        took = ear.milliseconds(bell, lambda: gate.dump(word))
    tidy(gate, word)
    return took


def milliseconds(gate: Gate) -> float:
    began = time.monotonic_ns()
    gate.status(token())  # of a token that the journal does not have
    return (time.monotonic_ns() - began) / 1e6


def echoed(echo: Echo) -> float:
    began = time.monotonic_ns()
    echo.round_trip()
    return (time.monotonic_ns() - began) / 1e6


def usr1(bell: Bell, behind: Callable[[], None] = lambda: None) -> None:
    behind()
    os.kill(bell.pid, signal.SIGUSR1)
