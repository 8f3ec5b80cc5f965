"""How a process is made to profile itself. captures/search.py chooses a profiler; captures/pipeline.py runs its steps.

A profiler does one thing per call and returns. Between two calls the capture is a row in the ledger: whatever the
profiler has to remember goes into the capture's `notes` (plain JSON). A call may be repeated after a crash, so each
step asks the target before it acts.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from app.analysis.stacks import UNTOLD, Options
from app.analysis.unnamed import Named
from app.errors import Code, Refused
from app.gate.answers import Process
from app.gate.client import Gate
from app.gate.facts import Harm
from app.gate.pool import HostPool
from app.gate.recipes import Recipe
from app.model import Capture, Finding, Kind, ProcessId
from app.profilers.harm import refusal as blocked_refusal

SWITCH_FIRED = "the dead-man's switch on the host had ended"  # begins a message; the metrics count it


@dataclass(frozen=True, slots=True)
class StepResult:
    """The outcome of one call of a profiler.

    message: for the timeline; "" if there is nothing to say
    again: the step is not finished, call it again after this time; None if it is finished
    notes: added to the capture's notes
    harm: what a signal of this capture did to the process, which has ended or runs another program since
    findings: added to the capture's findings
    """

    message: str = ""
    again: timedelta | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    harm: Harm | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file on our disk that was fetched from the target. Nobody has judged its content yet.

    path, size: where it is, and its size in bytes as the target announced it
    fault: why the file is missing or incomplete; "" if it is whole
    suffix: the end of the artifact's name, where it differs from the usual one of the kind
    format: the format of another profiler's file, which is converted to a pprof profile as well; "" for other files
    options: what is known of such a file that it does not say itself
    becomes: the kind of the converted profile; None for what its content says
    threads: how many threads the process had after the recording; None where that bounds no time in the file
    converted: whether we made it of another profiler's file; then its sample types need not be those of its kind
    finding: what is doubtful about the file
    slices: further profiles of the same recording, to be merged with the one at `path`
    names: of functions, by the addresses at which the profile has none; the innermost of several first
    """

    kind: Kind
    path: Path
    size: int
    fault: str = ""
    suffix: str = ""
    format: str = ""
    options: Options = UNTOLD
    becomes: Kind | None = None
    threads: int | None = None
    converted: bool = False
    finding: Finding | None = None
    slices: tuple[Path, ...] = ()
    names: Mapping[int, tuple[Named, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Selection:
    """The profiler that was chosen for one process.

    name: the full name, as the API shows it
    why: why this profiler was chosen; "" if that needs no explanation
    length: how long it records, whatever duration was requested; None if it takes the requested duration
    besides: a profiler that takes no time, whose files are taken before the recording is started
    """

    profiler: "Profiler"
    name: str
    why: str = ""
    length: timedelta | None = None
    besides: "Profiler | None" = None


@dataclass(frozen=True, slots=True)
class Recording:
    """What a step works on: the capture, the pool that leads to its host, and the time (aware UTC) of the step."""

    capture: Capture
    pool: HostPool
    now: datetime

    @property
    def token(self) -> str:
        return self.capture.token

    @property
    def host(self) -> str:
        return host_of(self.capture)

    @property
    def process(self) -> ProcessId:
        """The process that is recorded. Raises Refused if the capture has none."""
        return process_of(self.capture)

    def gate(self) -> Gate:
        """The gate of the host. Raises Refused if the host was restarted since the process was found."""
        return self._same_boot(self.pool.gate(self.host))

    @contextmanager
    def files(self) -> Iterator[Gate]:
        """The gate of the host for file transfers. Raises Refused as `gate` does."""
        with self.pool.files(self.host) as gate:
            yield self._same_boot(gate)

    def time_left(self, length: timedelta) -> timedelta:
        """How much of a recording of this length is still to come; zero or negative when its time is up."""
        return (self.capture.started_at or self.now) + length - self.now

    def _same_boot(self, gate: Gate) -> Gate:
        if gate.boot != self.process.boot:
            message = f"{gate.host}: the host was restarted, pid {self.process.pid} is gone with its files"
            raise Refused(Code.PROCESS_EXITED, message)
        return gate


@dataclass(frozen=True, slots=True)
class Incoming:
    """Where `collect` delivers.

    folder: an empty folder on our disk for the files
    keep: receives each file
    stopping: true once somebody asks for an early end or the service ends; Retryable once another replica has it
    """

    folder: Path
    keep: Callable[[Fetched], None]
    stopping: Callable[[], bool] = lambda: False


class ProfilerSpec(ABC):
    """What a rule may name as `profiler`: chooses how one process is profiled."""

    @abstractmethod
    def choose(self, process: Process, host: str, pool: HostPool) -> Selection:
        """Raises Refused if the process must not be profiled this way, Retryable if the host does not answer."""

    def recipes(self) -> tuple[Recipe, ...]:
        """The parts of the configuration that the gate's script must contain."""
        return ()

    def notes(self) -> tuple[str, ...]:
        """What `check-config` says of options that are valid and may not be what is meant, a sentence each."""
        return ()


class Profiler(ProfilerSpec):
    """One way to profile a process. Every method may raise Refused (final) or Retryable (call again later).

    streams: the recording arrives while it is made, over a connection that stays open; the pipeline calls `collect`
        instead of `watch` and `stop`
    signals: it signals the process; a process whose executable is blocked is refused
    dumps: it has a goroutine dump to bring home right after the start
    """

    streams: ClassVar[bool] = False
    signals: ClassVar[bool] = False
    dumps: ClassVar[bool] = False

    def choose(self, process: Process, host: str, pool: HostPool) -> Selection:
        name = self.judge(process, host, pool)
        if self.signals and process.blocked:
            raise blocked_refusal(host, process.id.pid, PurePosixPath(process.exe).name, process.blocked)
        return Selection(self, name)

    @abstractmethod
    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        """The profiler's full name for this process, as the API shows it.

        Raises Refused if the process must not be profiled. The step that acts checks again whatever may have changed;
        this check gives a clear answer beforehand.
        """

    @abstractmethod
    def may_have_begun(self, recording: Recording) -> bool:
        """Whether anything may have been done on the target for this capture already."""

    @abstractmethod
    def start(self, recording: Recording) -> StepResult:
        """Starts the recording, exactly once for the capture's token, and checks that it runs."""

    def dump(self, recording: Recording, incoming: Incoming) -> StepResult:
        """Hands the goroutine dump to `incoming.keep`, if there is one by now. The recording goes on meanwhile, and is
        looked at again after the result's time; at once where there is none."""
        return StepResult()

    @abstractmethod
    def watch(self, recording: Recording) -> StepResult:
        """Looks at a running recording. Finished when the recording has ended or its time is up."""

    def stop_message(self, capture: Capture) -> str:
        """The timeline's message when somebody asks a running recording to stop early."""
        return "asked to stop early"

    @abstractmethod
    def stop(self, recording: Recording) -> StepResult:
        """Ends the recording. Finished when it has provably ended."""

    @abstractmethod
    def collect(self, recording: Recording, incoming: Incoming) -> StepResult:
        """Fetches the files and hands each to `incoming.keep`."""

    @abstractmethod
    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        """The kinds that a complete capture has besides these."""

    @abstractmethod
    def clean(self, recording: Recording) -> StepResult:
        """Removes from the target what this capture made there, and nothing else."""

    @abstractmethod
    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        """What would be sent to profile this process, one line each. For `explain`, which sends nothing."""


def process_of(capture: Capture) -> ProcessId:
    """The process of a capture. Raises Refused if it has none."""
    if capture.process is None:
        raise Refused(Code.PROCESS_NOT_FOUND, f"capture {capture.id} was started without a process")
    return capture.process


def host_of(capture: Capture) -> str:
    """The host of a capture; "" before it has a target."""
    return capture.target.host if capture.target else ""
