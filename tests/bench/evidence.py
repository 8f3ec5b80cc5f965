"""The evidence ladder: when the first look is at home, how long a signal waits for it, what the samples cost the host.

The process is a sleeping one that no profiler takes, so that nothing is signalled. "At home" ends when the file has its
name in the store, which is after it was synced.
"""

import json
import statistics
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from app.gate.client import Gate
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from tests.bench import openssh
from tests.bench.bell import seen, token
from tests.bench.line import WORN_IN, Poster
from tests.bench.report import table
from tests.bench.rounds import Goal, Group, rounds
from tests.integration.scene import Scene, alert, message
from tests.lab.process import Process, eventually

HOME, TWIN = "POST until the first look is at home", "POST until the first look is at home (again)"
LOOK, BOTH = "look alone", "look and scene in one round trip"
CAT = "ssh HOST cat /proc/PID/status"
CONFIG = {"rules": [{"name": "any", "cooldown": "0s"}], "limits": {"per_hour": 100_000}}
POLL = 0.0005  # seconds
SAMPLED = 20  # seconds
TICK = 10  # milliseconds


def measure(folder: Path, *, quick: bool) -> Group:
    with ExitStack() as within:
        scene = within.enter_context(Scene(folder / "scene", config=CONFIG, run=Process))
        sleeper = within.enter_context(subprocess.Popen(["sleep", "3600"]))
        within.callback(sleeper.kill)
        pool = HostPool(Connector(scene.sshd.settings()))
        within.callback(pool.close)
        gate = pool.gate(scene.sshd.host)
        at_home = posting(scene, folder, sleeper.pid)
        cat = [*openssh.client(scene.sshd), f"cat /proc/{sleeper.pid}/status"]
        series = rounds(
            {
                HOME: at_home,
                TWIN: at_home,
                LOOK: lambda: milliseconds(lambda: gate.look(sleeper.pid)),
                BOTH: lambda: milliseconds(lambda: gate.look_at_scene(sleeper.pid)),
                CAT: lambda: milliseconds(lambda: openssh.run(cat)),
            },
            5 if quick else 40,
            unkept=2,
        )
        costs = cost(gate, sleeper.pid, 3 if quick else SAMPLED)
    waits = [both - look for both, look in zip(series[BOTH], series[LOOK], strict=True)]
    tenths = statistics.quantiles(waits, n=10)  # the first shows what is not waiting for a processor
    goal = (
        f"A signal waits {tenths[4]:.1f} ms longer for the scene (goal: 20 ms; {tenths[0]:.1f} ms in the quickest "
        f"tenth of the rounds, {tenths[8]:.1f} ms in the slowest), and for the sync of its file."
    )
    goals = (Goal(HOME, CAT, 1.0),)
    return Group("The first evidence at home", "ms", series, CAT, goals, HOME, TWIN, (goal, costs))


def posting(scene: Scene, folder: Path, pid: int) -> Callable[[], float]:
    """From the POST of a new alert until its evidence is in the store."""
    poster, numbers = Poster(scene.service.port), count(WORN_IN)
    store = scene.service.folder / "artifacts"

    def value() -> float:
        body = json.dumps(message([alert(f"{next(numbers):016x}", host="127.0.0.1", pid=pid)])).encode()
        poster.connect()
        began = time.monotonic_ns()
        (capture,) = json.loads(poster.post(body))["captures"]
        while not any((store / capture).glob("*-evidence-*Z.json")):
            time.sleep(POLL)
        took = (time.monotonic_ns() - began) / 1e6
        scene.service.wait_capture(capture)
        return took

    return value


def milliseconds(act: Callable[[], object]) -> float:
    began = time.monotonic_ns()
    act()
    return (time.monotonic_ns() - began) / 1e6


def cost(gate: Gate, pid: int, seconds: int) -> str:
    """What the samples of so many seconds cost the host: processor time of the sampler and of all that it started."""
    word = token()
    gate.sample(seen(gate, pid).id, 3600, word)
    home = next(each for each in (Path("/run/.alertprof-0"), Path("/tmp/.alertprof-0")) if each.exists())  # noqa: S108
    sampler = eventually(lambda: (home / f"{word}.samples").read_text().split()[1:2], "it samples")[0].split(":")[0]
    time.sleep(2)  # what is around the process has been looked at
    first = ticks(sampler)
    time.sleep(seconds)
    spent = (ticks(sampler) - first) * TICK
    size = sum(len(line) + 1 for line in gate.samples(word))
    gate.unsample(word)
    rows = [
        ("what is around the process, once", f"{first * TICK} ms"),
        (
            "each second after that",
            f"{spent / seconds:.1f} ms ({spent / seconds / 10:.2f} % of a core; goal: below 1 %)",
        ),
        (f"written in {seconds + 2} s", f"{size} bytes (goal: below 1 MB)"),
    ]
    return f"What the samples cost the host:\n\n{table(('what', 'cost'), rows)}"


def ticks(pid: str) -> int:
    """Processor time of a process and of the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(int(field) for field in fields[11:15])
