"""No connection yet: login, gate and first signal, against one run of `ssh`; and the longest wait of a login."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

from app.gate.client import Gate
from app.gate.entry import SENT_COMMAND
from app.gate.pool import HostPool
from app.hosts import wire
from app.hosts.ssh import Connector
from tests.bench import openssh
from tests.bench.bell import Bell, Bells, Ear, seen, tidy, token
from tests.bench.report import table
from tests.bench.rounds import Goal, Group, p95, rounds
from tests.lab.sshd import Sshd

OURS, TWIN, LOOKED = "login, gate, start", "login, gate, start (again)", "login, gate, look, start"
TUNED, DEFAULT = "ssh tuned, kill", "ssh as it comes, kill"
LOGIN, SESSION, READY = "login", "session and command", "gate ready"
STEP_LIMIT = 30.0  # ms; above it somebody waits for a delayed acknowledgement


def measure(folder: Path, *, quick: bool) -> Group:
    count = 8 if quick else 40
    with Sshd(folder / "sshd") as sshd, Bell("toggle", folder / "bell") as bell:
        connector = Connector(sshd.settings())
        spare = HostPool(connector)
        gate = spare.gate(sshd.host)
        ear, bells = Ear(), Bells(folder)

        def ours(*, look: bool) -> float:
            return signalled(connector, gate, ear, bells.fresh("timed"), look=look)

        def theirs(*options: str) -> float:
            kill = [*openssh.client(sshd, *options), f"kill -USR1 {bell.pid}"]
            return ear.milliseconds(bell, lambda: openssh.run(kill))

        series = rounds(
            {
                OURS: lambda: ours(look=False),
                TWIN: lambda: ours(look=False),
                LOOKED: lambda: ours(look=True),
                TUNED: lambda: theirs(*openssh.TUNED),
                DEFAULT: theirs,
            },
            count,
        )
        steps = table_of_steps([login(connector, sshd.host) for _ in range(count)])
        spare.close()
    goals = (Goal(OURS, TUNED, 0.25), Goal(LOOKED, TUNED, 0.25))
    return Group("A cold signal: from nothing until the handler ran", "ms", series, TUNED, goals, OURS, TWIN, (steps,))


def signalled(connector: Connector, seen_by: Gate, ear: Ear, bell: Bell, *, look: bool) -> float:
    """A new connection and a gate that knows nothing; `seen_by` has told who the process is unless it is to look."""
    word, pool = token(), HostPool(connector)
    with bell:
        host, known = seen_by.host, None if look else seen(seen_by, bell.pid)

        def ring() -> None:
            gate = pool.gate(host)
            process = known or seen(gate, bell.pid)
            gate.start(process.id, bell.mode, 30, word)

        took = ear.milliseconds(bell, ring)
    pool.close()
    tidy(seen_by, word)
    return took


# ---------------------------------------------------------------------- the steps of a login

Phases = dict[str, tuple[float, float]]  # name -> ms in all, ms of the longest wait


def login(connector: Connector, host: str) -> Phases:
    """One login, watched at the socket: between a byte's coming or going and the next, somebody waits."""
    moments: list[float] = []
    with watched(moments):
        phases: Phases = {}
        connection = timed(phases, LOGIN, moments, lambda: connector.connect(host))
        pipe = timed(phases, SESSION, moments, lambda: connection.open(SENT_COMMAND))
        timed(phases, READY, moments, lambda: Gate(pipe, host, send_script=True)).close()
        connection.close()
    return phases


def timed(phases: Phases, name: str, moments: list[float], act: Callable[[], Any]) -> Any:
    moments.clear()
    moments.append(time.perf_counter())
    made = act()
    moments.append(time.perf_counter())
    gaps = [1000 * (after - before) for before, after in pairwise(moments)]
    phases[name] = (sum(gaps), max(gaps))
    return made


@contextmanager
def watched(moments: list[float]) -> Iterator[None]:
    recv, send = wire.Wire.recv, wire.Wire.send

    def received(sock: wire.Wire, *words: Any) -> bytes:
        data = recv(sock, *words)
        moments.append(time.perf_counter())
        return data

    def sent(sock: wire.Wire, *words: Any) -> int:
        moments.append(time.perf_counter())
        return send(sock, *words)

    with patch.object(wire.Wire, "recv", received), patch.object(wire.Wire, "send", sent):
        yield


def table_of_steps(logins: list[Phases]) -> str:
    head = ("step", "median ms", "longest wait, median ms", "p95", f"waits over {STEP_LIMIT:g} ms")
    rows = []
    for name in (LOGIN, SESSION, READY):
        whole, longest = zip(*(phases[name] for phases in logins), strict=True)
        over = sum(wait > STEP_LIMIT for wait in longest)
        middle = statistics.median(longest)
        rows.append((name, f"{statistics.median(whole):.3g}", f"{middle:.3g}", f"{p95(longest):.3g}", f"{over}"))
    return f"The steps of {len(logins)} logins (goal: no wait over {STEP_LIMIT:g} ms):\n\n{table(head, rows)}"
