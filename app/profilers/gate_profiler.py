"""The base of the profilers that act through the gate: go_zero, signal and command.

The steps are the same for all of them: begin the recording, look at it, end it, fetch its files, remove them. A
profiler says what differs in the small methods and class variables below.
"""

from abc import abstractmethod
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from app.errors import Retryable
from app.gate.answers import Answer
from app.gate.client import Gate
from app.gate.facts import Harm
from app.model import Capture
from app.profilers.base import Fetched, Incoming, Profiler, Recording, StepResult
from app.profilers.besides import own_kinds
from app.profilers.refusals import COMMON, Refusals, refusal
from app.profilers.remote_files import remove_files

LOOK_EVERY = timedelta(seconds=5)  # between two looks at a recording
SOON = timedelta(milliseconds=500)  # between two looks at a recording that is about to end

# Answers of the gate.
STARTED = frozenset({"started", "replayed", "ended"})
GONE = frozenset({"gone", "replaced"})
OVER = frozenset({"finished", *GONE})
UNFENCED = frozenset({"busy", "blind", "journal"})  # an earlier claim may begin something yet


class GateProfiler(Profiler):
    """A profiler whose recordings are journaled by the gate under the capture's token.

    refusals: the meaning of the gate's refusals
    running: answers to `status` for a recording that runs
    ending: answers to `stop` for a recording that has not ended yet
    ended: answers to `stop` for a recording that has
    lost: the timeline's message for a process that ended too early
    """

    refusals: ClassVar[Refusals] = COMMON
    running: ClassVar[frozenset[str]] = frozenset({"open"})
    ending: ClassVar[frozenset[str]] = frozenset({"open", "busy"})
    ended: ClassVar[frozenset[str]] = frozenset({"finished"})
    lost: ClassVar[str]

    # ------------------------------------------------------------------ what differs

    @abstractmethod
    def _request_start(self, gate: Gate, recording: Recording) -> Answer:
        """Asks the gate to begin the recording. The same token never begins a second one."""

    @abstractmethod
    def _started(self, gate: Gate, recording: Recording) -> StepResult:
        """The result of a start, once the recording runs."""

    def _length(self, capture: Capture) -> timedelta:
        """How long it records."""
        return capture.duration

    @abstractmethod
    def _danger(self, capture: Capture, answer: Answer) -> str | None:
        """Why a running recording must be ended early, or None."""

    def _look_again(self, recording: Recording) -> StepResult:
        """When to look next at a recording that runs as it should."""
        left = recording.time_left(self._length(recording.capture))
        return StepResult(again=min(left, LOOK_EVERY)) if left > timedelta(0) else StepResult()

    def _stop_interval(self, capture: Capture) -> timedelta:
        """The time between two requests to end the recording."""
        return SOON

    @abstractmethod
    def _stopped(self, gate: Gate, recording: Recording, answer: Answer) -> StepResult:
        """The result of a stop, once the recording has ended."""

    @abstractmethod
    def _fetch(self, gate: Gate, recording: Recording, folder: Path) -> list[Fetched]:
        """Fetches the recording's files into the folder."""

    # ------------------------------------------------------------------ the steps

    def may_have_begun(self, recording: Recording) -> bool:
        gate, fence = recording.gate(), recording.capture.fence
        if fence and (code := gate.fence(recording.process, recording.token, fence).code) in UNFENCED:
            reason = refusal(recording.capture, code, self.refusals).reason
            raise Retryable(reason.code, reason.message)  # what an earlier claim sent may arrive yet
        return gate.status(recording.token).code != "unknown"

    def start(self, recording: Recording) -> StepResult:
        gate = recording.gate()
        answer = self._request_start(gate, recording)
        if self.signals and (harm := harm_in(gate, recording, answer)):
            return StepResult(f"{harm.signal} sent", harm=harm)
        if answer.code not in STARTED:
            raise refusal(recording.capture, answer.code, self.refusals)
        return self._started(gate, recording)

    def watch(self, recording: Recording) -> StepResult:
        answer = recording.gate().status(recording.token)
        if answer.ended or answer.code in OVER:
            return StepResult(harm=answer.ended)
        if answer.code not in self.running:
            raise refusal(recording.capture, answer.code, self.refusals)
        if danger := self._danger(recording.capture, answer):
            return StepResult(f"stopped early: {danger}")
        return self._look_again(recording)

    def stop(self, recording: Recording) -> StepResult:
        gate = recording.gate()
        return self._after_stop(gate, recording, gate.stop(recording.token))

    def _after_stop(self, gate: Gate, recording: Recording, answer: Answer) -> StepResult:
        """What the gate's answer to `stop` means."""
        if answer.code in self.ending:
            return StepResult(again=self._stop_interval(recording.capture))
        if answer.ended or answer.code in GONE:
            return StepResult(self.lost, notes={"lost": True}, harm=answer.ended)
        if answer.code not in self.ended:
            raise refusal(recording.capture, answer.code, self.refusals)
        return self._stopped(gate, recording, answer)

    def collect(self, recording: Recording, incoming: Incoming) -> StepResult:
        have = own_kinds(recording.capture)
        if have and not self.missing(have):
            return StepResult("the files are home already")
        with recording.files() as gate:
            files = self._fetch(gate, recording, incoming.folder)
        for file in files:
            incoming.keep(file)
        whole = sum(not file.fault for file in files)
        named = sum(len(file.names) for file in files)
        names = f", and the names of {named} places in the code" if named else ""
        return StepResult(f"{whole} of {len(files)} files fetched from the host{names}")

    def clean(self, recording: Recording) -> StepResult:
        return remove_files(recording.gate(), recording.capture)


def harm_in(gate: Gate, recording: Recording, answer: Answer) -> Harm | None:
    """What our signal did to the process, or None.

    The process may be gone before the repeated start reaches the journal's entry; then the journal tells."""
    if answer.ended is None and answer.code in GONE:
        return gate.status(recording.token).ended
    return answer.ended
