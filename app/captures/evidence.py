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

# Keys of a capture's notes. Of each moment: True once every rung was climbed, before that the kinds of those that were.
LOOKED, BEGUN, ENDED, CLEANED = "looked", "sampled", "gathered", "cleaned"
CAUSE = "ended_by"
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
        if scenes.process is None or capture.notes.get(LOOKED) is True:
            return capture
        target = capture.target or Target(scenes.host, scenes.process.id.pid, Path(scenes.process.exe).name)
        named = replace(capture, target=target)
        subject = Subject(named, scenes.host, scenes.process.id, self.pool, now, scenes.lines, at_leisure)
        return self._climbed(capture, subject, LOOKED, lambda rung, subject: rung.look(subject), now)

    def begin(self, capture: Capture, now: datetime) -> Capture:
        """The capture whose recording has begun. Asked again meanwhile, it begins what could not begin before."""

        def begin(rung: Rung, subject: Subject) -> Gathered:
            return rung.begin(replace(subject, crowded=self.pool.crowded))

        return self._from_capture(capture, BEGUN, begin, now)

    def end(self, capture: Capture, now: datetime) -> Capture:
        """The capture whose recording is over or has failed, with everything that was gathered meanwhile."""
        return self._from_capture(capture, ENDED, lambda rung, subject: rung.end(subject), now)

    def clean(self, capture: Capture, now: datetime) -> Capture:
        """The capture after its evidence was removed from the target, as far as it is at home. Its row was saved."""
        home = capture.notes.get(ENDED, ())

        def clean(rung: Rung, subject: Subject) -> Gathered:
            return rung.clean(subject) if home is True or kind_of(rung) in home else Gathered()

        return self._from_capture(capture, CLEANED, clean, now)

    def _from_capture(self, capture: Capture, moment: str, climb: Climb, now: datetime) -> Capture:
        if capture.process is None or capture.notes.get(moment) is True:
            return capture
        subject = Subject(capture, host_of(capture), capture.process, self.pool, now)
        return self._climbed(capture, subject, moment, climb, now)

    def _climbed(self, capture: Capture, subject: Subject, moment: str, climb: Climb, now: datetime) -> Capture:
        """The capture after every rung at this moment. What is done is noted, and not done again."""
        done = list(capture.notes.get(moment, ()))
        for rung in rungs():
            if (kind := kind_of(rung)) in done:
                continue
            gathered, final = climbed(climb, rung, subject, moment)
            try:
                capture = self._with(capture, gathered, subject, now)
            except OSError as fault:
                said = f"{kind} is missing: our own store does not take it: {fault}"
                capture, final = capture.with_event_once(now, STEP, said), False
            if final:
                done.append(kind)
        return replace(capture, notes={**capture.notes, moment: len(done) == len(rungs()) or done})

    def _with(self, capture: Capture, gathered: Gathered, subject: Subject, now: datetime) -> Capture:
        """The capture with what a rung brought home. Raises OSError if our store does not take it."""
        stored = self._stored(subject.capture, gathered.pieces, now)
        anew = {what(artifact) for artifact in stored}
        kept = tuple(artifact for artifact in capture.artifacts if what(artifact) not in anew)
        notes: dict[str, Any] = {**capture.notes, **({CAUSE: gathered.cause} if gathered.cause else {})}
        findings = (*capture.findings, *gathered.findings)
        capture = replace(capture, artifacts=in_order((*kept, *stored)), findings=findings, notes=notes)
        return capture.with_event_once(now, STEP, gathered.message) if gathered.message else capture

    def _stored(self, capture: Capture, pieces: tuple[Piece, ...], now: datetime) -> tuple[Artifact, ...]:
        if not pieces:
            return ()
        artifacts = []
        with self.store.incoming(capture.id) as folder:
            for piece in pieces:
                name = artifact_name(capture, piece.kind, piece.suffix, now)
                path = folder / name
                path.write_bytes(piece.content)
                self.store.put(f"{capture.id}/{name}", path)
                artifacts.append(Artifact(name, piece.kind, len(piece.content), sha256(path)))
        return tuple(artifacts)


def climbed(climb: Climb, rung: Rung, subject: Subject, moment: str) -> tuple[Gathered, bool]:
    """What a rung brings home, and whether that is all that it will. What is not at home is asked for again and never
    removed from the host, whatever the reason."""
    but = "remains on the host" if moment == CLEANED else "is missing"
    try:
        return climb(rung, subject), True
    except AlertprofError as fault:
        final = isinstance(fault, Refused) and moment != ENDED
        return Gathered(f"{kind_of(rung)} {but}: {fault.reason.message}"), final
    except Exception as fault:  # a fault of ours must not cost the capture
        log.exception("a rung broke", capture_id=subject.capture.id, rung=kind_of(rung))
        return Gathered(f"{kind_of(rung)} {but}: {type(fault).__name__}: {fault}"[:500]), moment != ENDED


@cache
def rungs() -> tuple[Rung, ...]:
    """One of each, in the order in which they are climbed."""
    return tuple(sorted((rung() for rung in kinds("app.evidence", Rung).values()), key=lambda rung: rung.place))


def what(artifact: Artifact) -> tuple[Kind, str]:
    """What it shows, whenever it was taken: its kind, and what stands behind the time in its name."""
    return artifact.kind, artifact.name.rpartition("Z")[2]


def in_order(artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
    """The artifacts by kind, as they are listed."""
    return tuple(sorted(artifacts, key=lambda artifact: list(Kind).index(artifact.kind)))


def with_look(capture: Capture, looked: Capture) -> Capture:
    """The capture at an earlier step with what the first look brought home meanwhile."""
    events = (event for event in looked.timeline[len(capture.timeline) :] if event.step == STEP)
    notes = {**capture.notes, **({LOOKED: looked.notes[LOOKED]} if LOOKED in looked.notes else {})}
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
