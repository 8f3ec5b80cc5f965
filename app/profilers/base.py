"""How a process is made to profile itself. Called by pipeline.py, one step of a capture at a time.

A profiler does one thing a call and returns; between calls the capture is a row. What it must remember goes into the
capture's `notes` (plain JSON). A call may be repeated after a crash, so each asks the target before it acts.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.hosts.door import Door
from app.hosts.gate import Process
from app.model import Capture, Kind


@dataclass(frozen=True, slots=True)
class Progress:
    """What a call came to. `again`: look once more after this long; None: this chapter is finished."""

    message: str = ""
    again: timedelta | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file brought home, not yet judged: on our disk at `path`, `size` bytes as the target announced.

    `fault`: why there is none after all, in plain words.
    """

    kind: Kind
    path: Path
    size: int
    fault: str = ""


class Profiler(ABC):
    """One way to profile. Every method may raise Refusal (final) or Passing (asked again)."""

    @abstractmethod
    def judge(self, process: Process, host: str) -> str:
        """The profiler's full name for this process, as the API shows it. Raises Refusal when it must not be profiled.

        Everything that can change is looked at once more in the step that acts; this is for a clear answer beforehand.
        """

    @abstractmethod
    def start(self, capture: Capture, door: Door, now: datetime) -> Progress:
        """Make it record, exactly once for this capture's token, and see that it does."""

    @abstractmethod
    def watch(self, capture: Capture, door: Door, now: datetime) -> Progress:
        """Look at a recording that runs; finished when it has ended or its time is up."""

    @abstractmethod
    def stop(self, capture: Capture, door: Door, now: datetime) -> Progress:
        """See to it that the recording ends; finished when it provably has."""

    @abstractmethod
    def collect(self, capture: Capture, door: Door, folder: Path, keep: Callable[[Fetched], None]) -> Progress:
        """Bring the files into `folder` one by one; `keep` judges and stores each."""

    @abstractmethod
    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        """Which kinds a whole capture would have besides these."""

    @abstractmethod
    def clean(self, capture: Capture, door: Door) -> Progress:
        """Remove from the target what this capture made, and nothing else."""
