"""The first step of a capture: which process, may it be profiled, and by which profiler. Called by pipeline.py."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from app.captures.evidence import Ladder, Scenes
from app.captures.failures import after_fault, duplicate, held_back, resolved_before_start
from app.captures.foreign_rules import ForeignRules
from app.captures.holding import WHILE_PAUSED, is_hot
from app.captures.reading import MODULE
from app.captures.search import Resolution, Search, only_one
from app.captures.seen import ONE_OF, Seen, SeenLately
from app.captures.specs import profiler_note, spec_of
from app.captures.together import Together
from app.errors import AlertprofError, Code, Reason, Refused
from app.evidence.asked import note_of
from app.gate.answers import Process
from app.gate.host_session import LeftAlone
from app.gate.pool import HostPool
from app.intake.rules import DEFAULT, Dropped, Rule, relabelled
from app.ledger.ledger import Ledger
from app.model import Capture, State, Step, Target
from app.profilers import harm
from app.resolvers.base import Candidates, Resolver
from app.resolvers.families import container_of, unit_of
from app.services import service_of


@dataclass(frozen=True, slots=True)
class ResolveStep:
    """Finds the process of a capture. Leaves no trace on any host.

    seen: the processes of the last alerts; enter: called with each host before it is reached, and may raise HostBusy;
    clock: the time at which a process was found, which is a while after a step began that had to wait for a login;
    hold: how long an alert may be held back"""

    pool: HostPool
    ledger: Ledger
    rules: Callable[[], Sequence[Rule]]
    resolvers: tuple[Resolver, ...]
    ladder: Ladder
    adopt: Callable[[Capture, datetime], Capture]
    seen: SeenLately
    enter: Callable[[str], None]
    foreign: ForeignRules
    clock: Callable[[], datetime]
    hold: timedelta

    def run(self, capture: Capture, now: datetime) -> Capture:
        """The capture at its next step, held back, or ended; with the evidence of the first look in any case, which is
        durable before anything is signalled."""
        scenes = Scenes()
        try:
            found = self._run(capture, now, scenes)
        except AlertprofError as fault:
            if isinstance(fault, LeftAlone):
                Together(self.ledger, self.rules, self.resolvers, self.hold).hold_back(fault, now)
            ends = isinstance(fault, Refused)
            seen = self.adopt(self.ladder.look(capture, scenes, now, at_leisure=ends), now)
            return after_fault(seen, now, fault)
        return self.adopt(self.ladder.look(found, scenes, now, at_leisure=False), now)

    def _run(self, capture: Capture, now: datetime, scenes: Scenes) -> Capture:
        """Raises Refused or Retryable."""
        if capture.stop_requested_at:
            return capture.ended(State.CANCELED, now, Reason(Code.REQUESTED, "stopped by request before it began"))
        if self._alert_is_resolved(capture):
            return resolved_before_start(capture, now)
        if hindered := self._still_hindered(capture, now):
            return hindered
        rule = self._rule(capture)
        if served := self._served(capture, rule, now):
            return served
        resolution = self._resolution(capture, rule, scenes)
        target = self._named(target_of(capture, resolution, now), resolution)
        if resolution.candidates.asked is not None and ONE_OF not in capture.notes:
            key = resolution.process.id.key
            self.seen.note(Seen(self.clock(), rule.name, resolution.candidates.asked, key, target))
        self.pool.permit(target.host)
        last = self._last(capture, resolution.process, target)
        if reason := cooling(last, rule, target, now):
            until = last.ended_at + rule.cooldown if last and last.ended_at else None
            return held_back(replace(capture, target=target), now, reason, until)
        self._create_siblings(capture, resolution, rule, now)
        asked = note_of(rule.asked) if rule.asked else {}
        return resolved(replace(capture, notes={**capture.notes, **asked}), resolution, target, now)

    def _served(self, capture: Capture, rule: Rule, now: datetime) -> Capture | None:
        """The end of a capture whose labels led to a process a moment ago on which another is active; its host is not
        asked again. None: it is not known to be one."""
        labels = relabelled(rule.relabel, capture.trigger.labels)
        if ONE_OF in capture.notes or isinstance(labels, Dropped):
            return None
        seen = self.seen.find(rule.name, labels, now)
        other = self.ledger.active_on(seen.key) if seen else None
        return duplicate(replace(capture, target=seen.target), now, other) if seen and other else None

    def _named(self, target: Target, resolution: Resolution) -> Target:
        """With the service that alerts name it by, where these labels name none: a process has one name, however it was
        asked for."""
        if service_of(resolution.candidates.labels):
            return target
        service = self.ledger.service_named(target.host, resolution.process.id.key, target.exe)
        return replace(target, service=service or target.service)

    def _alert_is_resolved(self, capture: Capture) -> bool:
        """The intake notes that an alert is resolved on the capture that it began, and not on that one's siblings."""
        sibling = capture.notes.get(ONE_OF)
        first = self.ledger.get(sibling["of"]) if sibling else None
        return bool(capture.resolved_at or (first and first.resolved_at))

    def _still_hindered(self, capture: Capture, now: datetime) -> Capture | None:
        """The capture held back again, or left to another replica, if the ledger alone shows that."""
        if paused := self.ledger.paused():
            reason = Reason(Code.PAUSED, f"captures are {paused}; POST /-/resume takes them up again")
            return held_back(capture, now, reason, now + WHILE_PAUSED)
        waits = capture.reason is not None and capture.reason.code is Code.BUDGET
        if waits and (full := self.ledger.full(capture, now)):
            return held_back(capture, now, Reason(Code.BUDGET, str(full)), full.until)
        return self.foreign.left(capture, now)

    def _rule(self, capture: Capture) -> Rule:
        """The rule that let the alert in. Raises Refused if it is gone: nobody knows what it allowed."""
        if capture.rule == "manual":
            return DEFAULT
        for rule in self.rules() or (DEFAULT,):
            if rule.name == capture.rule:
                return rule
        raise Refused(Code.NO_RULE, f"the rule «{capture.rule}» is no longer in the configuration")

    def _resolution(self, capture: Capture, rule: Rule, scenes: Scenes) -> Resolution:
        search = Search(self.pool, self.resolvers, blocked=self.ledger.blocked_as, look=scenes.look, enter=self.enter)
        spec = rule.spec or spec_of(capture.profiler)
        sibling = capture.notes.get(ONE_OF)
        if sibling is None:
            return search.process(capture.trigger.labels, rule, spec)
        self.enter(sibling["host"])
        found = self.pool.gate(sibling["host"], sibling["pid"]).process(sibling["pid"])
        same = tuple(seen for seen in found if seen.id.key == sibling["life"])
        how = f"pid {sibling['pid']}, one of several that the rule takes"
        candidates = Candidates(sibling["host"], same, how, labels=sibling["labels"], by=sibling["by"])
        return search.judged(candidates, (only_one(candidates),), rule, spec)

    def _create_siblings(self, capture: Capture, resolution: Resolution, rule: Rule, now: datetime) -> None:
        """Creates a capture for each of the other processes that the rule takes.

        The siblings' ids follow from this capture's id, so that a repeated step creates no more of them."""
        if capture.trigger.kind != "alert":  # one calm capture of a service is enough
            return
        candidates = resolution.candidates
        fresh = replace(capture, created_at=now, due_at=now, timeline=(), give_up_at=None, attempt=0, reason=None)
        fresh = replace(fresh, lane=candidates.host)
        fresh = fresh.with_event(now, "received", f"one of several processes of capture {capture.id}")
        for seen in resolution.rest:
            note = {
                "host": candidates.host,
                "pid": seen.id.pid,
                "life": seen.id.key,
                "labels": dict(candidates.labels),
                "by": candidates.by,
                "of": capture.id,
            }
            sibling = replace(fresh, id=sibling_id(capture.id, seen.id.key), notes={**rule.notes, ONE_OF: note})
            with suppress(ValueError):  # it exists already
                self.ledger.create(sibling)

    def _last(self, capture: Capture, process: Process, target: Target) -> Capture | None:
        """The capture after which this one has to wait for the cooldown, or None.

        Only an alert's capture waits, and only for an alert's: a person may ask at once, and delays no alert."""
        if capture.trigger.kind != "alert":
            return None
        # A sibling waits only for a capture of its own process, not for those of its siblings.
        of_service = ("", "") if ONE_OF in capture.notes else (target.host, target.service)
        return self.ledger.last_ended(process.id.key, *of_service, by="alert")


def resolved(capture: Capture, resolution: Resolution, target: Target, now: datetime) -> Capture:
    """The capture with its process and profiler, about to start."""
    profiler = profiler_note(resolution.selection)
    capture = replace(
        capture,
        target=target,
        lane=target.host,
        process=resolution.process.id,
        profiler=resolution.selection.name,
        notes={**capture.notes, **profiler, harm.BUILD: resolution.process.build, MODULE: resolution.process.module},
        reason=None,
    )
    for message in resolution.messages:
        capture = capture.with_event(now, "resolved", message)
    return capture.to(Step.START, due=now)


def cooling(last: Capture | None, rule: Rule, target: Target, now: datetime) -> Reason | None:
    """Why it is too early after `last`, the latest capture of the same process or service; None if it is not."""
    if last is None or last.ended_at is None or not is_hot(last.ended_at, rule.cooldown, now):
        return None
    until = (last.ended_at + rule.cooldown).strftime("%H:%M:%S")
    said = f"{target.service} on {target.host} was profiled by {last.id}; not again before {until} UTC (cooldown)"
    return Reason(Code.COOLDOWN, said)


def target_of(capture: Capture, resolution: Resolution, now: datetime) -> Target:
    """The process that was found, as the API shows it."""
    labels, process = resolution.candidates.labels, resolution.process
    return Target(
        host=resolution.candidates.host,
        pid=process.id.pid,
        service=service_of(labels) or Path(process.exe).name or process.comm,
        exe=process.exe,
        cmdline=process.command,
        started_at=now - timedelta(seconds=max(process.age, 0)),
        go_version=process.go_version or None,
        gozero_version=process.gozero_version or None,
        resolved_by=resolution.candidates.by,
        container=container_of(process.groups),
        unit=unit_of(process.groups),
    )


def sibling_id(capture_id: str, process_key: str) -> str:
    """A UUIDv7 of the same millisecond as the capture's, always the same for the same two."""
    drawn = hashlib.sha256(f"{capture_id} {process_key}".encode()).hexdigest()
    return f"{capture_id[:24]}{drawn[:12]}"
