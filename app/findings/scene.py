"""What findings are made of: the facts in the files of one capture, and in those of its service's baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from app.analysis.charges import Charge, Charges
from app.analysis.diff.table import Difference
from app.analysis.facts import Facts
from app.analysis.goroutines import Group, Place
from app.finding import Finding
from app.findings.claim import Claim
from app.findings.resident import Resident
from app.model import Kind

AFTER: Final = "-after"
SERVERS: Final = ("net/http.Serve", "net/http.ListenAndServe", "net/http.(*Server)", "net.(*TCPListener)", "os/signal.")

Groups = tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """The facts of a capture. Each is None or empty where the capture has no such file.

    heap, heap_after: at the beginning and at the end, or the first alone
    snapshots: goroutine profiles and dumps in the order of time; before, after: the two profiles that may be compared
    seconds: of the recording; uptime: of the process, in seconds; about: the alert's name and annotations
    claim: what its rule said of the CPU time, where that is certain
    resident: the memory of the process; baseline: what it is compared with; None where the service has none
    """

    cpu: Charges | None = None
    heap: Charges | None = None
    heap_after: Charges | None = None
    mutex: Charges | None = None
    dump: Groups = ()
    before: Groups = ()
    after: Groups = ()
    leaked: Groups = ()
    seconds: float = 0.0
    uptime: float = 0.0
    about: str = ""
    claim: Claim | None = None
    resident: Resident | None = None
    baseline: "Baseline | None" = None

    @property
    def snapshots(self) -> tuple[Groups, ...]:
        return tuple(groups for groups in (self.before, self.dump, self.after) if groups)

    @property
    def cores(self) -> float:
        """CPU seconds for each second of the recording."""
        length = (self.cpu.seconds if self.cpu else None) or self.seconds
        return self.cpu.totals[self.cpu.measured] / 1e9 / length if self.cpu and length else 0.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """A calm capture of the same service.

    at: when it was made; scene: its facts; differences: by kind, between its file and the capture's
    unlike: a sentence that says that it is of another build or version of Go; "" if it is of the same
    """

    at: datetime
    scene: Scene
    differences: Mapping[Kind, Difference] = field(default_factory=dict)
    unlike: str = ""

    @property
    def said(self) -> str:
        """`unlike` as the end of a detail."""
        return f". {self.unlike}" if self.unlike else ""

    def __str__(self) -> str:
        return f"the baseline of {self.at:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, and how strong it is among those of its severity: the share of a cost, or more than 1."""

    finding: Finding
    strength: float


@dataclass(frozen=True, slots=True)
class File:
    """The facts in one file. name: of the artifact, of which only the suffix is read."""

    kind: Kind
    name: str
    facts: Facts


def scene(files: Sequence[File], seconds: float, uptime: float, about: str) -> Scene:
    """The scene that the files of a capture make."""
    charged: dict[tuple[Kind, bool], Charges] = {}
    groups: dict[tuple[Kind, bool], Groups] = {}
    dump: Groups = ()
    for file in files:
        key = (file.kind, AFTER in file.name)
        if isinstance(file.facts, Charges):
            charged[key] = file.facts
        elif file.facts and file.name.endswith(".txt"):
            dump = file.facts
        elif file.facts:
            groups[key] = file.facts
    return Scene(
        cpu=charged.get((Kind.CPU, False)),
        heap=charged.get((Kind.HEAP, False)),
        heap_after=charged.get((Kind.HEAP, True)),
        mutex=charged.get((Kind.MUTEX, False)),
        dump=dump,
        before=groups.get((Kind.GOROUTINE, False), ()),
        after=groups.get((Kind.GOROUTINE, True), ()),
        leaked=groups.get((Kind.GOROUTINELEAK, True)) or groups.get((Kind.GOROUTINELEAK, False), ()),
        seconds=seconds,
        uptime=uptime,
        about=about,
    )


def idles(place: Place) -> bool:
    """Whether a goroutine is part of a program's frame: main itself, or one that accepts connections or signals."""
    return place.at == "main.main" or place.waits_in.startswith(SERVERS)


def by_name(charges: Charges) -> dict[str, Charge]:
    """The charged functions by their names."""
    return {charge.function: charge for charge in charges.functions}
