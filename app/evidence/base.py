"""The evidence ladder: what the scene shows besides the profile, cheapest first. captures/evidence.py climbs it.

A rung is one module here with one subclass of `Rung`; its file's name is its kind, and `kinds("app.evidence", Rung)`
finds it. To add a rung, add a file. It overrides the moments that concern it:

    look     the process is found, nothing was signalled yet: in a hurry, since the signal waits
    begin    the recording has begun: beside it there is time
    end      the recording is over or has failed: bring home what was gathered meanwhile
    clean    everything is durable: remove from the target what the rung made there

Each returns what it brings home, and may be called again after a crash. A fault costs the rung alone, never the
capture: it becomes an event of the timeline.
"""

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pydantic_core import to_json

from app.errors import Code, Refused
from app.gate.client import Gate
from app.gate.pool import HostPool
from app.model import Capture, Finding, Kind, ProcessId

OLD_GATE = "the gate that is installed there is of an earlier alertprof: install what `alertprof gate` prints"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of evidence, to become an artifact.

    content: its bytes; suffix: the end of the artifact's name, which tells it from others of its kind
    """

    content: bytes
    suffix: str = ".json"
    kind: Kind = Kind.EVIDENCE


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a rung brings home at one moment.

    message: for the timeline; "" if there is nothing to say
    pieces, findings: added to the capture
    cause: why the process has ended, as the end of a sentence; "" if it lives or nobody knows
    """

    message: str = ""
    pieces: tuple[Piece, ...] = ()
    findings: tuple[Finding, ...] = ()
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rung works on.

    pool: leads to the host; now: the time; scene: the lines of the gate's verb `scene`, which came with the first look
    at_leisure: no signal waits for a rung: the capture is refused, or its alert is only pending
    crowded: other hosts wait to be reached: what will still be there in some seconds is gathered then
    """

    capture: Capture
    host: str
    process: ProcessId
    pool: HostPool
    now: datetime
    scene: tuple[str, ...] = ()
    at_leisure: bool = False
    crowded: bool = False

    def gate(self) -> Gate:
        """The host's gate. Raises Refused if the host was restarted since the process was found."""
        gate = self.pool.gate(self.host)
        if gate.boot != self.process.boot:
            raise Refused(Code.PROCESS_EXITED, f"{self.host}: the host was restarted")
        return gate


class Rung(ABC):
    """One rung of the ladder. Every method may raise Refused or Retryable; what it brings is missing then.

    place: rungs are climbed in the order of this number
    """

    place: ClassVar[int]

    def look(self, subject: Subject) -> Gathered:
        """Before anything is signalled."""
        return Gathered()

    def begin(self, subject: Subject) -> Gathered:
        """Right after a recording has begun."""
        return Gathered()

    def end(self, subject: Subject) -> Gathered:
        """After the recording, or when it has failed."""
        return Gathered()

    def clean(self, subject: Subject) -> Gathered:
        """Removes from the target what `begin` made there; what `end` brought is durable."""
        return Gathered()


def as_json(document: Mapping[str, Any], suffix: str = ".json") -> Piece:
    """A document of evidence as a file. schema: docs/evidence.md describes it."""
    return Piece(to_json(document, indent=1, ensure_ascii=True) + b"\n", suffix)
