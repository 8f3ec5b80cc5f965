"""Evidence that is taken while an alert is pending, before it fires. For the rules that have `prearm: true`.

The process is found and looked at as for a capture, and nothing is signalled. What is brought home rests in the store
under the pre-arm's own id. The capture of the alert, once it fires, takes copies. Where no alert follows, everything is
removed an hour after the alert was last seen pending.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
import uuid_utils

from app.captures.artifacts import artifact_name
from app.captures.dumps import DumpStep
from app.captures.evidence import STEP, Ladder, Scenes, in_order
from app.captures.recording import with_result
from app.captures.resolve import target_of
from app.captures.search import Resolution, Search
from app.captures.specs import profiler_note, spec_of
from app.errors import AlertprofError
from app.gate.pool import HostPool
from app.intake.rules import Rule, first_match
from app.ledger.ledger import Ledger, LedgerUnavailable
from app.ledger.prearms import PreArm
from app.model import Artifact, Capture, Kind, Trigger
from app.profilers.base import Recording
from app.redaction import BUILT_IN, Redaction
from app.resolvers.base import Resolver
from app.stores import Store

KEPT = timedelta(hours=1)  # after the alert was last seen pending
AGAIN = timedelta(minutes=5)  # an alert that was not pending for so long is a new one
MOST = 50  # pre-arms at a time, of alerts that are pending or were within the hour
ADOPTED = "prearm"  # the key in a capture's notes

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Arming:
    """Takes, hands over and removes what belongs to pending alerts.

    external_labels: the names of the labels that Prometheus adds to its alerts when it sends them
    redaction: of what is stored
    """

    pool: HostPool
    store: Store
    ledger: Ledger
    rules: Callable[[], Sequence[Rule]]
    resolvers: tuple[Resolver, ...]
    external_labels: frozenset[str] = frozenset()
    redaction: Redaction = BUILT_IN

    def pending(self, labels: Mapping[str, str], now: datetime) -> bool:
        """Takes the evidence of a pending alert, once; False if there is no room for it. Raises LedgerUnavailable."""
        rule = first_match(self.rules(), labels)
        if rule is None or not rule.prearm or self.ledger.paused():
            return True
        rows, key = self.ledger.prearms, self.key(labels)
        known = rows.of(key)
        if known and now - known.seen_at < AGAIN and (known.message or now - known.created_at < AGAIN):
            rows.seen(known.id, now)
            return True
        if known:
            self._remove(known)
        if rows.count() >= MOST:
            return False
        new = PreArm(str(uuid_utils.uuid7()), key, now, now)
        if rows.begin(new):
            rows.save(self._taken(new, labels, rule, now))
        return True

    def adopted(self, capture: Capture, now: datetime) -> Capture:
        """The capture with what was taken while its alert was pending, if anything was."""
        if capture.trigger.kind != "alert" or ADOPTED in capture.notes:
            return capture
        one = self.ledger.prearms.of(self.key(capture.trigger.labels))
        if one is None or not one.message:
            return capture
        try:
            copies = tuple(self._copied(one, artifact, capture) for artifact in one.artifacts)
        except OSError as fault:
            return capture.with_event_once(now, STEP, f"what was taken while the alert was pending is lost: {fault}")
        names = {copy.name for copy in copies}
        others = (artifact for artifact in capture.artifacts if artifact.name not in names)
        notes = {**capture.notes, ADOPTED: one.id}
        capture = replace(capture, artifacts=in_order((*others, *copies)), notes=notes)
        another = one.process and capture.process and one.process != capture.process.key
        of = "; it was another process, which has ended since" if another else ""
        return capture.with_event(now, STEP, f"while pending, at {one.created_at:%H:%M:%S} UTC{of}: {one.message}")

    def clear(self, now: datetime) -> None:
        """Removes what no alert asked for. Never raises."""
        try:
            for one in self.ledger.prearms.last_seen_before(now - KEPT):
                self._remove(one)
        except (LedgerUnavailable, OSError) as fault:
            log.error("what was taken of pending alerts could not be removed", fault=str(fault))

    def key(self, labels: Mapping[str, str]) -> str:
        """The same for a pending alert and for the alert that fires: Prometheus adds its external labels only when it
        sends an alert, and its API gives no fingerprint."""
        own = sorted((name, value) for name, value in labels.items() if name not in self.external_labels)
        return hashlib.sha256(json.dumps(own).encode()).hexdigest()

    def _taken(self, new: PreArm, labels: Mapping[str, str], rule: Rule, now: datetime) -> PreArm:
        """The pre-arm with its evidence, or with the sentence why there is none."""
        scenes, of = Scenes(), Capture(new.id, now, Trigger("alert", labels), rule=rule.name)
        search = Search(self.pool, self.resolvers, blocked=self.ledger.blocked_as, look=scenes.look)
        try:
            found = search.process(labels, rule, rule.spec or spec_of(rule.profiler))
            refused = ""
        except AlertprofError as fault:
            refused = fault.reason.message
        of = Ladder(self.pool, self.store).look(of, scenes, now, at_leisure=True)
        of = of if refused else self._with_goroutines(of, found, now)
        message = "; ".join(filter(None, (*(event.message for event in of.timeline), refused)))
        process = scenes.process.id.key if scenes.process else ""
        return replace(new, process=process, artifacts=of.artifacts, message=message)

    def _with_goroutines(self, of: Capture, found: Resolution, now: datetime) -> Capture:
        """With the goroutines of a process that tells them without a signal."""
        profiler = found.selection.profiler
        if not (profiler.streams and profiler.dumps):  # any other one's start begins a recording
            return of
        of = replace(
            of, target=target_of(of, found, now), process=found.process.id, notes=profiler_note(found.selection)
        )
        try:
            begun = profiler.start(Recording(of, self.pool, now))
        except AlertprofError as fault:
            return of.with_event(now, STEP, fault.reason.message)
        return DumpStep(self.pool, self.store, self.redaction).run(with_result(of, begun), now)

    def _copied(self, one: PreArm, artifact: Artifact, capture: Capture) -> Artifact:
        suffix = f"-pending{artifact.name.rpartition('Z')[2]}"  # behind the time in its name
        name = artifact_name(capture, Kind.EVIDENCE, suffix)
        with self.store.local(f"{one.id}/{artifact.name}") as had:
            self.store.put(f"{capture.id}/{name}", had)
        return replace(artifact, name=name, kind=Kind.EVIDENCE)  # not to be taken for one of the recording's

    def _remove(self, one: PreArm) -> None:
        self.ledger.prearms.remove(one.id)
        self.store.delete_all(one.id)
