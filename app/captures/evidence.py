"""The evidence ladder of one capture: its rungs are climbed, and what they bring home becomes artifacts and findings.

Called by the steps. Evidence never costs the capture: a fault of a rung becomes an event of the timeline. What a rung
brings is durable when these methods return; the row that lists it is saved with the step.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import structlog

from app.captures.artifacts import artifact_name, sha256
from app.errors import AlertprofError, Code, Reason, Refused
from app.evidence.base import Gathered, Piece, Rung, Subject
from app.gate.answers import Process
from app.gate.client import Gate, Texts
from app.gate.pool import HostPool
from app.model import Artifact, Capture, Kind, Target
from app.plugins import kind_of, kinds
from app.profilers.base import host_of
from app.stores import Store

LOOKED, BEGUN, ENDED, CAUSE = "looked", "sampled", "gathered", "ended_by"  # keys of a capture's notes
STEP = "evidence"  # of its events
EXITED = frozenset({Code.PROCESS_EXITED, Code.PROCESS_REPLACED})

log = structlog.get_logger()


Climb = Callable[[Rung, Subject], Gathered]


class Scenes:
    """The first looks of one search: each candidate's is asked for with it, and the last one is kept.

    process: that was looked at last; None where none was; lines: its scene; host: where it runs"""

    def __init__(self) -> None:
        self.host, self.lines = "", Texts()
        self.process: Process | None = None

    def look(self, gate: Gate, pid: int) -> Process | None:
        """Everything about a process, as Gate.look."""
        process, lines = gate.look_at_scene(pid)
        if process:
            self.host, self.process, self.lines = gate.host, process, lines
        return process


@dataclass(frozen=True, slots=True)
class Ladder:
    """Climbs the rungs. store: where what they bring is kept."""

    pool: HostPool
    store: Store

    def look(self, capture: Capture, scenes: Scenes, now: datetime, *, at_leisure: bool) -> Capture:
        """The capture with the evidence of its first look, which is taken once. at_leisure: no signal waits."""
        if scenes.process is None or LOOKED in capture.notes:
            return capture
        target = capture.target or Target(scenes.host, scenes.process.id.pid, Path(scenes.process.exe).name)
        named = replace(capture, target=target)
        subject = Subject(named, scenes.host, scenes.process.id, self.pool, scenes.lines, at_leisure)
        return self._climbed(capture, subject, LOOKED, lambda rung, subject: rung.look(subject), now)

    def begin(self, capture: Capture, now: datetime) -> Capture:
        """The capture whose recording has just begun."""
        return self._from_capture(capture, BEGUN, lambda rung, subject: rung.begin(subject), now)

    def end(self, capture: Capture, now: datetime) -> Capture:
        """The capture whose recording is over or has failed, with everything that was gathered meanwhile."""
        return (
            self._from_capture(capture, ENDED, lambda rung, subject: rung.end(subject), now)
            if BEGUN in capture.notes
            else capture
        )

    def clean(self, capture: Capture, now: datetime) -> Capture:
        """The capture after its evidence, which is durable, was removed from the target."""
        return (
            self._from_capture(capture, "cleaned", lambda rung, subject: rung.clean(subject), now)
            if ENDED in capture.notes
            else capture
        )

    def _from_capture(self, capture: Capture, moment: str, climb: Climb, now: datetime) -> Capture:
        if capture.process is None or moment in capture.notes:
            return capture
        subject = Subject(capture, host_of(capture), capture.process, self.pool)
        return self._climbed(capture, subject, moment, climb, now)

    def _climbed(self, capture: Capture, subject: Subject, moment: str, climb: Climb, now: datetime) -> Capture:
        """The capture after every rung at this moment, which is noted: a repeated step asks only for what may be there
        still."""
        whole = True
        for rung in rungs():
            try:
                gathered = climb(rung, subject)
            except AlertprofError as fault:
                gathered = Gathered(f"{kind_of(rung)} is missing: {fault.reason.message}")
                whole = whole and isinstance(fault, Refused)
            except Exception as fault:  # a fault of ours must not cost the capture
                log.exception("a rung broke", capture=capture.id, rung=kind_of(rung))
                gathered = Gathered(f"{kind_of(rung)} is missing: {type(fault).__name__}: {fault}"[:500])
            capture = self._with(capture, gathered, subject, now)
        return replace(capture, notes={**capture.notes, moment: True}) if whole else capture

    def _with(self, capture: Capture, gathered: Gathered, subject: Subject, now: datetime) -> Capture:
        try:
            stored = self._stored(subject.capture, gathered.pieces)
        except OSError as fault:
            stored = ()
            capture = capture.with_event(now, STEP, f"our own store does not take it: {fault}")
        names = {artifact.name for artifact in stored}
        kept = tuple(artifact for artifact in capture.artifacts if artifact.name not in names)
        notes: dict[str, Any] = {**capture.notes, **({CAUSE: gathered.cause} if gathered.cause else {})}
        findings = (*capture.findings, *gathered.findings)
        capture = replace(capture, artifacts=in_order((*kept, *stored)), findings=findings, notes=notes)
        return capture.with_event(now, STEP, gathered.message) if gathered.message else capture

    def _stored(self, capture: Capture, pieces: tuple[Piece, ...]) -> tuple[Artifact, ...]:
        if not pieces:
            return ()
        artifacts = []
        with self.store.incoming(capture.id) as folder:
            for piece in pieces:
                name = artifact_name(capture, piece.kind, piece.suffix)
                path = folder / name
                path.write_bytes(piece.content)
                self.store.put(f"{capture.id}/{name}", path)
                artifacts.append(Artifact(name, piece.kind, len(piece.content), sha256(path)))
        return tuple(artifacts)


@cache
def rungs() -> tuple[Rung, ...]:
    """One of each, in the order in which they are climbed."""
    return tuple(sorted((rung() for rung in kinds("app.evidence", Rung).values()), key=lambda rung: rung.place))


def in_order(artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """The artifacts by kind, as they are listed."""
    return tuple(sorted(artifacts, key=lambda artifact: list(Kind).index(artifact.kind)))


def with_look(capture: Capture, looked: Capture) -> Capture:
    """The capture at an earlier step with what the first look brought home meanwhile."""
    events = (event for event in looked.timeline[len(capture.timeline) :] if event.step == STEP)
    notes = {**capture.notes, **({LOOKED: True} if LOOKED in looked.notes else {})}
    return replace(capture, artifacts=looked.artifacts, timeline=(*capture.timeline, *events), notes=notes)


def cause_of(capture: Capture) -> str:
    """Why the capture's process has ended, as the end of a sentence; "" where the evidence does not show it."""
    return str(capture.notes.get(CAUSE, ""))


def explained(capture: Capture, reason: Reason) -> Reason:
    """The reason why a capture failed, with the cause of its process's end where the evidence shows it."""
    cause = cause_of(capture)
    if not cause or reason.code not in EXITED or cause in reason.message:
        return reason
    return Reason(reason.code, f"{reason.message}: {cause}")
