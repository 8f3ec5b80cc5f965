"""How a process is made to profile itself. Called by search.py, which chooses, and by pipeline.py, one step at a time.

A profiler does one thing a call and returns; between calls the capture is a row. What it must remember goes into the
capture's `notes` (plain JSON). A call may be repeated after a crash, so each asks the target before it acts.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from app.errors import Code, Refused
from app.gate.client import Gate, Process
from app.gate.pool import HostPool
from app.gate.recipes import Recipe
from app.model import Capture, Finding, Harm, Kind, ProcessId
from app.profilers.harm import refusal as blocked_refusal


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a call came to. `again`: look once more after this long; None: this chapter is finished."""

    message: str = ""
    again: timedelta | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    harm: Harm | None = None  # what a signal of this capture did to the process, which is gone then
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file brought home, not yet judged: on our disk at `path`, `size` bytes as the target announced.

    `fault`: why there is none after all, in plain words. `suffix`: what its name ends with, where that is not what the
    kind's usually do.
    """

    kind: Kind
    path: Path
    size: int
    fault: str = ""
    suffix: str = ""
    format: str = ""  # of a text of another profiler's, which is kept and becomes a profile in pprof's form as well
    slices: tuple[Path, ...] = ()  # further profiles of the same recording, which become one with that at `path`


@dataclass(frozen=True, slots=True)
class Selection:
    """The profiler for one process, its full name as the API shows it, and why it was this one. `length`: how long it
    records, whatever is asked for; None: as long as that."""

    profiler: "Profiler"
    name: str
    why: str = ""
    length: timedelta | None = None


class ProfilerSpec(ABC):
    """What a rule may name as `profiler`: chooses how one process is profiled."""

    @abstractmethod
    def choose(self, process: Process, host: str, pool: HostPool) -> Selection:
        """Raises Refusal when the process must not be profiled so, Passing when the host does not answer."""

    def recipes(self) -> tuple[Recipe, ...]:
        """What of the configuration has to be part of the gate's own script."""
        return ()


class Profiler(ProfilerSpec):
    """One way to profile. Every method may raise Refusal (final) or Passing (asked again).

    `streams`: the recording comes home while it is made, over a connection that is held meanwhile: `collect` is called
    in the place of watch and stop. `signals`: it signals the process, which no process of a blocked executable is.
    """

    streams: ClassVar[bool] = False
    signals: ClassVar[bool] = False

    def choose(self, process: Process, host: str, pool: HostPool) -> Selection:
        name = self.judge(process, host, pool)
        if self.signals and process.blocked:
            raise blocked_refusal(host, process.id.pid, PurePosixPath(process.exe).name, process.blocked)
        return Selection(self, name)

    @abstractmethod
    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        """The profiler's full name for this process, as the API shows it. Raises Refusal when it must not be profiled.

        Everything that can change is looked at once more in the step that acts; this is for a clear answer beforehand.
        """

    def begun(self, capture: Capture, pool: HostPool) -> bool:
        """May anything have been done on the target for this capture already?"""
        return gate_of(capture, pool).status(capture.token).code != "unknown"

    @abstractmethod
    def start(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        """Make it record, exactly once for this capture's token, and see that it does."""

    @abstractmethod
    def watch(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        """Look at a recording that runs; finished when it has ended or its time is up."""

    def asked_to_stop(self, capture: Capture) -> str:
        """What is said when somebody asks a running recording to stop early."""
        return "asked to stop early"

    @abstractmethod
    def stop(self, capture: Capture, pool: HostPool, now: datetime) -> StepResult:
        """See to it that the recording ends; finished when it provably has."""

    @abstractmethod
    def collect(
        self,
        capture: Capture,
        pool: HostPool,
        folder: Path,
        keep: Callable[[Fetched], None],
        stopping: Callable[[], bool],
    ) -> StepResult:
        """Bring the files into `folder` one by one; `keep` judges and stores each. `stopping`: somebody has asked for
        an early end meanwhile, or the service is ending."""

    @abstractmethod
    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        """Which kinds a whole capture would have besides these."""

    @abstractmethod
    def clean(self, capture: Capture, pool: HostPool) -> StepResult:
        """Remove from the target what this capture made, and nothing else."""

    @abstractmethod
    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        """What would be sent to profile this process, a line each: for explain, which sends nothing."""


def process_of(capture: Capture) -> ProcessId:
    if capture.process is None:
        raise Refused(Code.PROCESS_NOT_FOUND, f"capture {capture.id} was started without a process")
    return capture.process


def host_of(capture: Capture) -> str:
    return capture.target.host if capture.target else ""


def gate_of(capture: Capture, pool: HostPool) -> Gate:
    """To the host of the capture's process."""
    return same_boot(pool.gate(host_of(capture)), process_of(capture))


def same_boot(gate: Gate, process: ProcessId) -> Gate:
    """The gate, if its host is still up that the process ran on."""
    if gate.boot != process.boot:
        raise Refused(
            Code.PROCESS_EXITED, f"{gate.host}: the host was restarted, pid {process.pid} is gone with its files"
        )
    return gate
