"""A file of 64 MB from the host onto our disk: the gate's `fetch` against `ssh host cat`, both aes128-gcm."""

import os
import time
from pathlib import Path

from app.gate.answers import Mode
from app.gate.client import Gate
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from tests.bench import openssh
from tests.bench.bell import Bell, seen, token
from tests.bench.rounds import Goal, Group, Unmeasured, rounds
from tests.lab.process import eventually
from tests.lab.sshd import Sshd

SIZE = 64 << 20
WHOLE, TWIN, FETCH = "a gate for files, fetch", "a gate for files, fetch (again)", "fetch alone"
CAT = "ssh cat over ControlMaster"


def measure(folder: Path, *, quick: bool) -> Group:
    with Sshd(folder / "sshd") as sshd, Bell("timed", folder / "bell") as bell, openssh.Master(sshd) as master:
        pool = HostPool(Connector(sshd.settings()))
        word = recorded(pool.gate(sshd.host), bell)
        big = enlarged(bell)
        cat = [*master.command(), f"cat {big}"]
        with pool.files(sshd.host) as open_gate:
            series = rounds(
                {
                    WHOLE: lambda: whole(pool, sshd.host, word, folder / "ours"),
                    TWIN: lambda: whole(pool, sshd.host, word, folder / "ours"),
                    FETCH: lambda: fetched(open_gate, word, folder / "ours"),
                    CAT: lambda: catted(cat, folder / "theirs"),
                },
                4 if quick else 20,
            )
        pool.close()
    goals = (Goal(WHOLE, CAT, 0.6, at_least=True), Goal(FETCH, CAT, 0.6, at_least=True))
    return Group(f"Download of {SIZE >> 20} MiB onto disk", "MB/s", series, CAT, goals, WHOLE, TWIN)


def recorded(gate: Gate, bell: Bell) -> str:
    """A recording that is over: its token, whose files may be fetched."""
    word = token()
    gate.start(seen(gate, bell.pid).id, Mode.TIMED, 30, word)
    eventually(lambda: gate.stop(word).code == "finished", "the recording is over")
    return word


def enlarged(bell: Bell) -> Path:
    """The recording's trace, the same file, with as much behind it as a busy service would have written."""
    trace = bell.service.files()["trace"]
    with trace.open("ab") as file:
        file.write(os.urandom(SIZE - trace.stat().st_size))
    return trace


def whole(pool: HostPool, host: str, word: str, to: Path) -> float:
    to.unlink(missing_ok=True)
    began = time.monotonic()
    with pool.files(host) as gate:
        fetch(gate, word, to)
    return speed(began)


def fetched(gate: Gate, word: str, to: Path) -> float:
    to.unlink(missing_ok=True)
    began = time.monotonic()
    fetch(gate, word, to)
    return speed(began)


def fetch(gate: Gate, word: str, to: Path) -> None:
    with to.open("wb") as file:
        [answer] = gate.fetch(word, {"trace": file.write}, 1 << 30, 60)
    if answer.code != "ok" or to.stat().st_size != SIZE:
        raise Unmeasured(f"the gate answers {answer.code}, {to.stat().st_size} bytes came")


def catted(command: list[str], to: Path) -> float:
    to.unlink(missing_ok=True)
    began = time.monotonic()
    with to.open("wb") as file:
        openssh.run(command, file)
    if to.stat().st_size != SIZE:
        raise Unmeasured(f"ssh cat brought {to.stat().st_size} bytes")
    return speed(began)


def speed(began: float) -> float:
    return SIZE / 1e6 / (time.monotonic() - began)
