"""What a whole capture costs the target's host beside the recording: alertprof against `ssh host kill` and `scp`.

Each variant runs twice a round: once for processor time and bytes, once under strace for what is started. All of them
record a go-zero stand-in of their own, which toggles and which is not counted, and go through the same relay.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.model import Capture, Target
from app.profilers.base import Fetched, Incoming, Recording, StepResult
from app.profilers.go_zero import GoZero
from tests.bench import openssh
from tests.bench.report import table
from tests.bench.rounds import Group, Unmeasured, ratio, rounds
from tests.bench.traced import Started, Trace, strace
from tests.lab import cgroups
from tests.lab.process import eventually
from tests.lab.relay import Relay
from tests.lab.sshd import Sshd
from tests.lab.target import Service
from tests.unit.ledger.builders import manual

OURS, TWIN, HAND, DUMPED = "alertprof", "alertprof (again)", "by hand", "by hand, with the dump"
SECONDS = 1.0  # of one recording
EXECVE, FORKS, CPU = "programs started (execve)", "forks (clone)", "processor time"
WIRE, BESIDES = "bytes on the wire", "bytes on the wire besides the files"
UNITS = {EXECVE: "programs", FORKS: "forks", CPU: "ms", WIRE: "kB", BESIDES: "kB"}  # kB: 1000 bytes


@dataclass(slots=True)
class Counted:
    """What the rounds counted: values[quantity][variant], and started[variant] with what each run started."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=lambda: {q: {} for q in UNITS})
    started: dict[str, list[Started]] = field(default_factory=dict)

    def add(self, name: str, quantities: Mapping[str, float], started: Started) -> None:
        for quantity, value in quantities.items():
            self.values[quantity].setdefault(name, []).append(value)
        self.started.setdefault(name, []).append(started)


@dataclass(frozen=True, slots=True)
class Host:
    """A server, and the port of the relay in front of it."""

    sshd: Sshd
    relay: Relay
    folder: Path

    def ours(self, service: Service, home: Path) -> int:
        """A capture as the pipeline makes it of a process named by pid. Returns how many files came home."""
        with closing(HostPool(Connector(self.sshd.settings(port=self.relay.port)))) as pool:
            gate, profiler = pool.gate(self.sshd.host), GoZero()
            gate.process(service.pid)
            process = gate.look(service.pid)
            assert process
            chosen = profiler.choose(process, self.sshd.host, pool)
            target = Target(self.sshd.host, service.pid)
            new = manual(uuid4().int, process=process.id, target=target, profiler=chosen.name)
            capture = replace(new, duration=timedelta(seconds=SECONDS), started_at=datetime.now(UTC))
            repeated(profiler.watch, capture, pool, profiler.start(recording(capture, pool)))
            repeated(profiler.stop, capture, pool, StepResult(again=timedelta()))
            files: list[Fetched] = []
            profiler.collect(recording(capture, pool), Incoming(home, files.append))
            profiler.clean(recording(capture, pool))
            return sum(not file.fault for file in files)

    def by_hand(self, service: Service, home: Path, *, dump: bool) -> int:
        """As a person does it. What lies on the target stays there, and nobody looks before the signal."""
        self._kill(service, "USR2")
        eventually(service.recording, "the recording is on")
        if dump:
            self._kill(service, "USR1")
        time.sleep(SECONDS)
        self._kill(service, "USR2")
        eventually(lambda: not service.recording(), "the recording is over")
        openssh.run(openssh.copier(self.sshd, self.relay.port, f"{service.tmp}/*", home))
        return len(list(home.iterdir()))

    def _kill(self, service: Service, name: str) -> None:
        behind = ("-o", f"Port={self.relay.port}")  # of two ports ssh takes the first
        openssh.run([*openssh.client(self.sshd, *behind), f"kill -{name} {service.pid}"])


def recording(capture: Capture, pool: HostPool) -> Recording:
    return Recording(capture, pool, datetime.now(UTC))


def repeated(step: Callable[[Recording], StepResult], capture: Capture, pool: HostPool, result: StepResult) -> None:
    """Calls a step until it is finished, when it says, as the pipeline does."""
    while result.again is not None:
        time.sleep(result.again.total_seconds())
        result = step(recording(capture, pool))


Way = Callable[[Host, Service, Path], int]
WAYS: dict[str, tuple[Way, int]] = {  # and how many files have to come
    OURS: (Host.ours, 7),
    TWIN: (Host.ours, 7),
    HAND: (partial(Host.by_hand, dump=False), 6),
    DUMPED: (partial(Host.by_hand, dump=True), 7),
}


def measure(folder: Path, *, quick: bool) -> tuple[Group, ...]:
    openssh.needed("strace", "strace")
    if not cgroups.hierarchy():
        raise Unmeasured("processor time is read from a control group: run as root where cgroups are writable")
    log, count, counted = folder / "strace", 1 if quick else 5, Counted()
    with (
        host(folder / "plain") as plain,
        host(folder / "traced", within=strace(log)) as traced,
        cgroups.Cgroup(f"alertprof-bench-{plain.sshd.port}") as group,
    ):
        for pid in servers(plain):
            group.add(pid)
        trace = Trace(log)

        def run(name: str) -> float:
            quantities = spent(plain, group, name)
            started = programs(traced, trace, name)
            both = {EXECVE: started.programs.total(), FORKS: started.forks + started.sshd_forks}
            counted.add(name, {**quantities, **both}, started)
            return quantities[CPU]

        rounds({name: partial(run, name) for name in WAYS}, count)
    return groups(counted, count)


@contextmanager
def host(folder: Path, within: list[str] | None = None) -> Iterator[Host]:
    with Sshd(folder, within=within or ()) as sshd, Relay(sshd.port) as relay:
        kind, key = sshd.known_hosts.read_text().split()[1:3]
        with sshd.known_hosts.open("a") as file:
            file.write(f"[{sshd.host}]:{relay.port} {kind} {key}\n")
        yield Host(sshd, relay, folder)


def servers(host: Host) -> list[int]:
    """The server itself, without sessions."""
    return [int((host.folder / "sshd.pid").read_text())]


def spent(host: Host, group: cgroups.Cgroup, name: str) -> dict[str, float]:
    try:
        cpu, passed = group.cpu_ms(), host.relay.passed
    except OSError as error:
        raise Unmeasured(f"processor time is read from cgroup v2, which is not mounted here ({error})") from error
    files = capture(host, name)
    cpu, passed = group.cpu_ms() - cpu, host.relay.passed - passed
    return {CPU: cpu, WIRE: passed / 1000, BESIDES: (passed - files) / 1000}


def programs(host: Host, trace: Trace, name: str) -> Started:
    trace.started()  # until now, which is not ours
    capture(host, name)
    return trace.started()


def capture(host: Host, name: str) -> int:
    """One capture of a fresh process, until nothing of it runs on the server any more. Returns its files' bytes."""
    way, wanted = WAYS[name]
    number = len(list(host.folder.glob("capture-*")))
    home = host.folder / f"capture-{number}" / "home"
    home.mkdir(parents=True)
    before = set(host.sshd.sessions())
    with Service("toggle", home.parent / "target") as service:
        came = way(host, service, home)
        eventually(lambda: set(host.sshd.sessions()) <= before, "all sessions have ended")
    if came != wanted:
        raise Unmeasured(f"{name}: {came} files came, not {wanted}")
    return sum(file.stat().st_size for file in home.iterdir())


def groups(counted: Counted, count: int) -> tuple[Group, ...]:
    made = []
    for quantity, unit in UNITS.items():
        series = {name: values[-count:] for name, values in counted.values[quantity].items()}
        title = f"What a capture costs the target: {quantity}"
        made.append(Group(title, unit, {name: series[name] for name in WAYS}, HAND, (), OURS, TWIN))
    side_by_side = (summary(made), apart(counted, count), f"Programs of alertprof: {listed(counted, OURS, count)}.")
    return (*made[:-1], replace(made[-1], notes=side_by_side))


def summary(made: list[Group]) -> str:
    """Medians of every quantity, and alertprof's ratio to each way by hand."""
    rows = [
        (
            f"{quantity}, {UNITS[quantity]}" if UNITS[quantity] in ("ms", "kB") else quantity,
            *(f"{statistics.median(group.series[name]):.4g}" for name in (OURS, HAND, DUMPED)),
            *(f"{ratio(group.series, OURS, name).median:.3g}" for name in (HAND, DUMPED)),
        )
        for quantity, group in zip(UNITS, made, strict=True)
    ]
    return table(("median", OURS, HAND, DUMPED, f"ratio to {HAND}", f"ratio to {DUMPED}"), rows)


def apart(counted: Counted, count: int) -> str:
    """sshd's own share of what was started."""
    quantities: dict[str, Callable[[Started], int]] = {
        "execve below sshd": lambda s: s.others,
        "execve of sshd itself": lambda s: s.sshd_programs,
        "forks below sshd": lambda s: s.forks,
        "forks of sshd itself": lambda s: s.sshd_forks,
    }
    rows = [
        (what, *(f"{statistics.median(map(of, counted.started[name][-count:])):.4g}" for name in (OURS, HAND, DUMPED)))
        for what, of in quantities.items()
    ]
    return table(("median", OURS, HAND, DUMPED), rows)


def listed(counted: Counted, name: str, count: int) -> str:
    """The programs of the run with the median number of them."""
    runs = sorted(counted.started[name][-count:], key=lambda started: started.others)
    median: Counter[str] = runs[len(runs) // 2].programs
    return ", ".join(f"{program} {times}" for program, times in median.most_common())
