"""The evidence ladder of one capture: its rungs are climbed, and what they bring home becomes artifacts and findings.

Called by the steps. Evidence never costs the capture: a fault of a rung becomes an event of the timeline. What a rung
brings is durable when these methods return; the row that lists it is saved with the step.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from app.captures.artifacts import artifact_name, sha256
from app.captures.moments import BEGUN, CLEANED, ENDED, EXITED, LOOKED, Climb, Outcome, climbed
from app.captures.untaken import HOST, KEPT, STORE, WAITS, keeping, kept_in, with_note
from app.errors import Reason
from app.evidence.base import Gathered, Piece, Rung, Subject
from app.gate.answers import Process
from app.gate.client import Gate, Texts
from app.gate.pool import HostPool
from app.model import Artifact, Capture, Kind, Target
from app.plugins import kind_of, kinds
from app.profilers.base import host_of
from app.stores import Store

CAUSE = "ended_by"  # the key in a capture's notes
STEP = "evidence"  # of its events


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
        """The capture whose recording is over or has failed, with everything that was gathered meanwhile.

        Its note WAITS says what is still to come. While it waits for our store, the host is not asked before the store
        takes files again."""
        if capture.notes.get(WAITS) == STORE and self.store.refusal():
            return capture
        capture = self._from_capture(self._with_kept(capture), ENDED, lambda rung, subject: rung.end(subject), now)
        return with_note(capture, WAITS, STORE) if KEPT in capture.notes else capture

    def clean(self, capture: Capture, now: datetime, *, missing: bool = False) -> Capture:
        """The capture after its evidence was removed from the target, as far as it is at home. Its row was saved.

        missing: also what is not at home and will not come any more"""
        home = capture.notes.get(ENDED, ())

        def clean(rung: Rung, subject: Subject) -> Gathered:
            return rung.clean(subject) if missing or home is True or kind_of(rung) in home else Gathered()

        return self._from_capture(capture, CLEANED, clean, now)

    def given_up(self, capture: Capture, now: datetime) -> Capture:
        """The capture that waits no longer for our store: its timeline says what is missing."""
        home = capture.notes.get(ENDED, True)
        missing = [kind_of(rung) for rung in rungs() if home is not True and kind_of(rung) not in home]
        missing = missing if capture.notes.get(WAITS) == STORE else []
        for kind in [*(["first-look"] if KEPT in capture.notes else []), *missing]:
            capture = capture.with_event(now, STEP, f"{kind} is missing: our own store did not take it")
        return with_note(with_note(capture, KEPT, None), WAITS, None)

    def _from_capture(self, capture: Capture, moment: str, climb: Climb, now: datetime) -> Capture:
        if capture.process is None or capture.notes.get(moment) is True:
            return capture
        subject = Subject(capture, host_of(capture), capture.process, self.pool, now)
        return self._climbed(capture, subject, moment, climb, now)

    def _climbed(self, capture: Capture, subject: Subject, moment: str, climb: Climb, now: datetime) -> Capture:
        """The capture after every rung at this moment. What is done is noted, and not done again."""
        done, untaken, host_waits = list(capture.notes.get(moment, ())), dict[str, OSError](), False
        for rung in rungs():
            if (kind := kind_of(rung)) in done:
                continue
            gathered, outcome = climbed(climb, rung, subject, moment)
            try:
                capture = self._with(capture, gathered, subject, now)
            except OSError as fault:
                untaken[kind] = fault
                capture, outcome = without_pieces(capture, gathered, subject, moment)
            host_waits = host_waits or outcome is Outcome.MAY_COME
            if outcome is Outcome.DONE:
                done.append(kind)
        capture = replace(capture, notes={**capture.notes, moment: len(done) == len(rungs()) or done})
        capture = with_untaken(capture, untaken, moment, now)
        waits = STORE if untaken else HOST if host_waits else None
        return with_note(capture, WAITS, waits) if moment == ENDED else capture

    def _with(self, capture: Capture, gathered: Gathered, subject: Subject, now: datetime) -> Capture:
        """The capture with what a rung brought home. Raises OSError if our store does not take it."""
        stored = self._stored(subject.capture, gathered.pieces, now)
        return with_stored(with_words(capture, gathered, now), stored)

    def _with_kept(self, capture: Capture) -> Capture:
        """The capture with the snapshots of its row as artifacts, if our store takes them now."""
        try:
            stored = [each for piece, at in kept_in(capture) for each in self._stored(capture, (piece,), at)]
        except OSError:
            return capture
        return with_note(with_note(with_stored(capture, stored), KEPT, None), WAITS, None) if stored else capture

    def _stored(self, capture: Capture, pieces: tuple[Piece, ...], at: datetime) -> tuple[Artifact, ...]:
        if not pieces:
            return ()
        artifacts = []
        with self.store.incoming(capture.id) as folder:
            for piece in pieces:
                name = artifact_name(capture, piece.kind, piece.suffix, at)
                path = folder / name
                path.write_bytes(piece.content)
                self.store.put(f"{capture.id}/{name}", path)
                artifacts.append(Artifact(name, piece.kind, len(piece.content), sha256(path)))
        return tuple(artifacts)


def without_pieces(capture: Capture, gathered: Gathered, subject: Subject, moment: str) -> tuple[Capture, Outcome]:
    """The capture without the files of a rung that our store did not take, and whether they are asked for again.

    A first look cannot be: its files travel in the row. Why the process ended is known all the same."""
    if moment == LOOKED:
        kept = None if subject.at_leisure else keeping(capture, gathered.pieces, subject.now)
        return (with_words(kept, gathered, subject.now), Outcome.DONE) if kept else (capture, Outcome.ASK_AGAIN)
    return with_cause(capture, gathered), Outcome.ASK_AGAIN


def with_untaken(capture: Capture, untaken: Mapping[str, OSError], moment: str, now: datetime) -> Capture:
    """The capture with an event that says what our store did not take, and what becomes of that; not again while the
    capture waits."""
    if not untaken or (moment == ENDED and capture.notes.get(WAITS) == STORE):
        return capture
    kinds, fault = ", ".join(untaken), next(iter(untaken.values()))
    if moment == LOOKED and KEPT not in capture.notes:
        said = f"{kinds} is missing: our own store does not take it: {fault}"
    else:
        follows = (
            "it stays on the host" if moment == ENDED else "it is kept in the database" if moment == LOOKED else ""
        )
        said = f"{kinds}: our own store does not take it ({follows or 'it is asked for again'}): {fault}"
    return capture.with_event_once(now, STEP, said)


def with_stored(capture: Capture, stored: Iterable[Artifact]) -> Capture:
    """With these artifacts, each in the place of an earlier one of the same."""
    stored = tuple(stored)
    anew = {what(artifact) for artifact in stored}
    kept = tuple(artifact for artifact in capture.artifacts if what(artifact) not in anew)
    return replace(capture, artifacts=in_order((*kept, *stored)))


def with_words(capture: Capture, gathered: Gathered, now: datetime) -> Capture:
    """With everything that a rung says: cause, findings, message."""
    capture = with_cause(replace(capture, findings=(*capture.findings, *gathered.findings)), gathered)
    return capture.with_event_once(now, STEP, gathered.message) if gathered.message else capture


def with_cause(capture: Capture, gathered: Gathered) -> Capture:
    """With why the process has ended, if the rung knows it."""
    return with_note(capture, CAUSE, gathered.cause) if gathered.cause else capture


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
    notes = {**capture.notes, **{key: looked.notes[key] for key in (LOOKED, KEPT) if key in looked.notes}}
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
