"""Node's CPU profile, through the inspector that SIGUSR1 opens on the loopback of the host.

While an inspector is open, everybody on the host can run code as the service. So it is open for as long as three round
trips take: the one message that is sent closes it, and has Node itself record and write the profile. The message and
the end of the connection leave together (hosts/websocket.py), since Node stands still while it closes an inspector that
a client still holds.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

from app.errors import AlertprofError, Code, Refused, Retryable
from app.gate.answers import Answer, Process
from app.gate.client import Gate
from app.gate.pool import HostPool
from app.gate.recipes import Recipe
from app.model import Capture, Finding
from app.profilers.base import Recording, StepResult
from app.profilers.checks import name_of, refuse_full_disk, refuse_shell
from app.profilers.gate_profiler import SOON, GateProfiler
from app.profilers.globs import shell_glob
from app.profilers.inspector import ADDRESS, PORT, Inspector
from app.profilers.node_script import PROOF
from app.profilers.recipe_profiler import ArtifactKind, FileFormat, Unit, identity_of
from app.profilers.refusals import Refusals, refusal_of, refused
from app.profilers.signal_profiler import SignalProfiler

OPTION = re.compile(r"--(inspect|debug-port|disable-sigusr1)\b")
STARTED_UP = 10.0  # seconds of age
OPENING = 8.0  # seconds for a busy Node to open its inspector
CLOSING = 5.0  # seconds

NO_INSPECTOR = "is not shown to be Node with an inspector: nothing of Node's is in its executable"
OTHER_PORT = "has NODE_OPTIONS that say something else of its inspector: it would not be found"


@dataclass(frozen=True, slots=True)
class NodeInspector(SignalProfiler):
    """Has a Node process record its own CPU profile.

    exe: only for processes with this in the path of their executable (RE2), such as /node$
    """

    refusals: ClassVar[Refusals] = {
        **SignalProfiler.refusals,
        **refused(Code.NO_PROFILER, {"nonode": NO_INSPECTOR, "otherport": OTHER_PORT}),
    }
    # What is an option of other profilers is none here.
    files: ClassVar[tuple[str, ...]] = ("{tmp}/alertprof-{pid}-*.cpuprofile",)  # type: ignore[misc]
    format: ClassVar[FileFormat] = "cpuprofile"  # type: ignore[misc]
    artifact: ClassVar[ArtifactKind] = ""  # type: ignore[misc]
    rate: ClassVar[float | None] = None  # type: ignore[misc]
    unit: ClassVar[Unit] = ""  # type: ignore[misc]
    sample: ClassVar[str] = ""  # type: ignore[misc]
    stop_signal: ClassVar[str] = ""  # type: ignore[misc]

    exe: str

    def __post_init__(self) -> None:
        self._check_options()

    @property
    def recipe(self) -> Recipe:
        (place,) = map(shell_glob, self.files)
        return Recipe(
            "case $1 in\nhow) what=signal first=USR1 last= no1=10 no2= sure=closed shows= ;;\n"
            f"proof)\n{PROOF};;\nfiles) set +f; fits {place}; set -f ;;\nesac"
        )

    # ------------------------------------------------------------------ before the signal

    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        refuse_shell(process, host, "SIGUSR1 might kill it")
        self._refuse_other_program(process, host, "Node's inspector")
        if not process.readable:
            raise refusal_of(process, host, "unreadable")
        refuse_full_disk(process, host, "since a profile grows by a megabyte in ten seconds")
        subject = f"{host}: pid {process.id.pid} ({name_of(process)})"
        if option := next(filter(OPTION.match, process.cmdline), ""):
            said = f"{subject} was started with {option[:80]}: its inspector is not the one that SIGUSR1 opens"
            raise Refused(Code.NO_PROFILER, said)
        if process.age < STARTED_UP:
            raise Retryable(Code.UNSAFE_SIGNAL, f"{subject} is still starting: before it listens, SIGUSR1 kills it")
        self._refuse_port(subject, process, host, pool)
        return "node-inspector"

    def _refuse_port(self, subject: str, process: Process, host: str, pool: HostPool) -> None:
        """Raises Refused or Retryable where the inspector could not be reached, and then not be closed."""
        gate = pool.gate(host)
        if gate.ports(process.id.pid).elsewhere:
            said = f"{subject} is in a network namespace of its own, whose loopback cannot be reached from the host"
            raise Refused(Code.NO_PROFILER, said)
        if Inspector(pool, host, process.id.pid).reachable():
            said = f"{subject}: something listens on port {PORT} of the host already, perhaps another inspector"
            raise Retryable(Code.ALREADY_PROFILING, said)

    def start(self, recording: Recording) -> StepResult:
        gate = recording.gate()
        if gate.status(recording.token).code == "unknown" and (process := gate.look(recording.process.pid)):
            self.judge(process, recording.host, recording.pool)
        return GateProfiler.start(self, recording)

    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        seconds = round(capture.duration.total_seconds())
        return (
            f"signal {identity_of(process)} {self.recipe.id} {seconds} TOKEN: SIGUSR1 to pid {process.id.pid}",
            f"Runtime.evaluate to {ADDRESS}:{PORT}: record for {seconds} s, close the inspector now",
            f"fetch TOKEN of what is new in {', '.join(self.files)}, then drop TOKEN",
        )

    # ------------------------------------------------------------------ from the signal on

    def _started(self, gate: Gate, recording: Recording) -> StepResult:
        """The recording has begun once the inspector is closed. Until then each further look tries it again."""
        try:
            said = self._close(recording, OPENING)
        except AlertprofError as fault:  # a start that fails for good would leave the inspector open
            said = f"its inspector is open still: {fault.reason.message}"
        return StepResult(f"SIGUSR1 sent; {said}", SOON)

    def _look_again(self, recording: Recording) -> StepResult:
        self._close(recording, 0)
        return GateProfiler._look_again(self, recording)

    def stop(self, recording: Recording) -> StepResult:
        """Waits for the file. An inspector that is open still is closed first."""
        with suppress(Retryable):  # whatever keeps it open, the recording ends, and the finding below tells
            self._close(recording, 0)
        result = GateProfiler.stop(self, recording)
        if result.again is not None or not inspector_of(recording).is_open():
            return result
        return replace(result, findings=(*result.findings, left_open(recording)))

    def stop_message(self, capture: Capture) -> str:
        if capture.started_at is None:
            return SignalProfiler.stop_message(self, capture)
        end = (capture.started_at + capture.duration).strftime("%H:%M:%S")
        return f"asked to stop early, which Node is not: its recording ends by itself, at {end} UTC"

    def _close(self, recording: Recording, seconds: float) -> str:
        """Once it is open, has the process record for the time that is left, and close its inspector. Says what came of
        it. seconds: how long to wait for it to open."""
        inspector = inspector_of(recording)
        if not inspector.opens_within(seconds):
            return "no inspector is open: it is closed by now, or the service takes SIGUSR1 for something else"
        process = recording.gate().look(recording.process.pid)
        if process is None or process.id != recording.process:
            return "the process has gone"
        left = recording.time_left(recording.capture.duration).total_seconds()
        inspector.close(process, f"alertprof-{process.nspid}-{recording.capture.id}.cpuprofile", max(left, 0.0))
        if not inspector.closes_within(CLOSING):
            return "its inspector was asked to close, and is open still"
        return "its inspector was opened and closed again, and it records"

    def _danger(self, capture: Capture, answer: Answer) -> str | None:
        return None

    def _stopped(self, gate: Gate, recording: Recording, answer: Answer) -> StepResult:
        appeared = "Node wrote its profile" if answer.files else "Node wrote no profile"
        return StepResult(appeared)

    def _suffix(self, n: int) -> str:
        return ".cpuprofile" if n == 1 else f".{n}.cpuprofile"


def inspector_of(recording: Recording) -> Inspector:
    """The inspector of the capture's process."""
    return Inspector(recording.pool, recording.host, recording.process.pid)


def left_open(recording: Recording) -> Finding:
    """For an inspector that did not close: a person has to see to it."""
    detail = (
        f"{recording.host}: the inspector of pid {recording.process.pid} is open at {ADDRESS}:{PORT}, and did not "
        "close when it was asked to. Everybody on that host can run code as the service. Restart the service"
    )
    return Finding("critical", "its inspector is open", detail, code="inspector_open")
