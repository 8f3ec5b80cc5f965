"""Why did nothing happen, or what would? An alert's way through the house, told in words and without effect.

Called by cli.py (`explain`) and, through main.py, by the page and the API. The rooms themselves are asked: the rules,
admission, the resolvers, the router, the ledger, and with `connect` the host, which is only looked at. Nothing is
written anywhere, and no signal is sent.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from threading import BoundedSemaphore, Event, Lock, Thread

from app.captures.resolve import target_of
from app.captures.search import Resolution, Search, unaddressed
from app.captures.specs import spec_of
from app.errors import AlertprofError, Code, Refused, Retryable
from app.explain.explanation import (
    NEW_ID,
    Explained,
    Explanation,
    Line,
    Mark,
    Section,
    Story,
    about,
    because,
    cooldown,
    differences,
    repeat_of,
    room,
    said_by,
    shown,
    verdict,
    way_to,
    why_not,
)
from app.gate.client import Gate
from app.gate.facts import Named
from app.gate.pool import HostPool
from app.hosts.route import Route
from app.intake.admission import decide
from app.intake.rules import DEFAULT, Dropped, Rule, first_match, relabelled
from app.ledger.ledger import Ledger, LedgerUnavailable
from app.model import Alert, Blocked, Capture, Decision, Episode, Target
from app.plugins import kind_of
from app.resolvers.base import Candidates, Resolver
from app.resolvers.inventory import Inventory
from app.resolvers.words import service_of

LOOKS_AT_ONCE = 4  # requests that look at hosts; each may leave a thread behind that waits for a silent host
LOOKING = 25.0  # seconds for them
MOST = 50  # alerts of one message


@dataclass(frozen=True, slots=True)
class Explainer:
    """The rooms that are asked. `ledger`: None when there is none to read, and `no_ledger` says why; `route`:
    Connector.route."""

    rules: Callable[[], Sequence[Rule]]
    resolvers: tuple[Resolver, ...]
    route: Callable[[str], Route]
    pool: HostPool
    ledger: Ledger | None
    no_ledger: str = ""
    _places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(LOOKS_AT_ONCE), repr=False)

    def explain(self, alerts: Sequence[Alert], now: datetime, *, connect: bool) -> tuple[Explanation, ...]:
        """One explanation an alert. Never raises for what an alert, a host or the ledger says."""
        before = _Before()
        return tuple(self._one(alert, now, before, connect=connect) for alert in alerts)

    def answer(self, alerts: Sequence[Alert], now: datetime, *, connect: bool, seconds: float = LOOKING) -> Explained:
        """As explain, but soon: of many alerts the first ones, and an alert whose host has not answered when the
        seconds are over is explained without it. Raises Passing(TIMEOUT) while too many others wait for hosts."""
        some = alerts[:MOST]
        if not connect:
            return Explained(self.explain(some, now, connect=False), len(alerts) - len(some))
        if not self._places.acquire(blocking=False):
            raise Retryable(Code.TIMEOUT, "several others are waiting for hosts just now; try again in half a minute")
        looks = _Looks(self, some, now, time.monotonic() + seconds)
        Thread(target=looks.run, daemon=True, name="explain").start()
        done = looks.wait()
        late = f"the {seconds:g} s for looking at hosts were over before this one had answered"
        rest = (self._one(alert, now, _Before(), connect=False, instead=late) for alert in some[len(done) :])
        return Explained((*done, *rest), len(alerts) - len(some))

    def _one(self, alert: Alert, now: datetime, before: "_Before", *, connect: bool, instead: str = "") -> Explanation:
        story = Story()
        resolution = self._told(story, alert, now, before, connect=connect, instead=instead)
        return Explanation(
            alert.labels.get("alertname", ""),
            alert.fingerprint,
            alert.labels,
            not story.hindrances,
            verdict(story, resolution, connect=connect),
            tuple(Section(title, tuple(lines)) for title, lines in story.sections if lines),
        )

    def _told(
        self, story: Story, alert: Alert, now: datetime, before: "_Before", *, connect: bool, instead: str
    ) -> Resolution | None:
        """Chapter by chapter, until one of them is the last. `instead`: why a host was not looked at that should be."""
        if not alert.firing or alert.fault:
            resolved = "it is resolved: that ends its episode, and nothing is profiled for it"
            story.begin("Alert").no(alert.fault if alert.firing else resolved)
            return None
        if (rule := self._rule(story, alert.labels)) is None:
            return None
        if (labels := self._relabelled(story, rule, alert.labels)) is None:
            return None
        capture = self._admitted(story, alert, now, before)
        candidates = self._sought(story, rule, labels, connect=connect)
        if candidates is None:
            return None
        resolution = self._looked(story, alert, rule) if connect else None
        if instead:
            story.no(instead)
        self._profiler(story, rule, resolution)
        if resolution is None:
            self._limits(story, replace(capture, target=meant(candidates)), rule, now)
            return None
        capture = replace(
            capture,
            profiler=resolution.selection.name,
            process=resolution.process.id,
            target=target_of(capture, resolution, now),
        )
        self._limits(story, capture, rule, now)
        if not before.first_on(resolution.process.id.key):
            story.no("an alert before it in this message is about the same process; this alert is served by that one")
        story.begin("What would be sent (TOKEN is the capture's id)")
        for line in resolution.selection.profiler.plan(resolution.process, capture):
            story.told(line)
        return resolution

    # ------------------------------------------------------------------ rules and labels

    def _rule(self, story: Story, labels: Mapping[str, str]) -> Rule | None:
        rules = self.rules() or (DEFAULT,)
        mine = first_match(rules, labels)
        story.begin("Rules, in their order")
        for rule in rules:
            unfit = [matcher for matcher in rule.matchers if not matcher.matches(labels)]
            if unfit:
                story.told(f"«{rule.name}» does not match: {'; '.join(why_not(each, labels) for each in unfit)}")
            elif rule is mine:
                story.ok(f"«{rule.name}» matches{said_by(rule.matchers) or ': it has no matchers'}")
            else:
                story.told(f"«{rule.name}» would match too, but an earlier rule answers")
        if mine is None:
            story.no(f"none of the {len(rules)} rules matches this alert's labels: add one, or change a matcher")
        return mine

    def _relabelled(self, story: Story, rule: Rule, labels: Mapping[str, str]) -> Mapping[str, str] | None:
        made = relabelled(rule.relabel, labels)
        story.begin("Labels after relabel_configs")
        if isinstance(made, Dropped):
            story.no(f"the rule «{rule.name}» drops this alert: {made}")
            return None
        if rule.relabel:
            for line in differences(labels, made) or ("they change nothing",):
                story.told(line)
        return made

    # ------------------------------------------------------------------ what the ledger knows

    def _admitted(self, story: Story, alert: Alert, now: datetime, before: "_Before") -> Capture:
        """The capture that would be made, whatever stands against it."""
        story.begin("Has it been taken up already?")
        episode, paused = before.episodes.get(alert.fingerprint), None
        try:
            episode = episode or self._known().episodes([alert.fingerprint]).get(alert.fingerprint)
            paused = self._known().paused()
        except LedgerUnavailable as fault:
            story.told(f"not known: {fault}")
        decision = self._decision(alert, episode, now, paused)
        if isinstance(decision, Episode):
            story.no(repeat_of(decision.capture_id, episode))
            decision = self._decision(alert, None, now, None)  # what it would be, were it none
            assert isinstance(decision, Capture)  # noqa: S101 - of nothing there is no repeat
            return decision
        if decision.reason:
            story.no(decision.reason.message, passes=not decision.state.ended)
        elif self.ledger is not None:
            story.ok("no: it is new, or its last episode is over")
        before.episodes[alert.fingerprint] = Episode(NEW_ID, decision.state, None, None, None)
        return decision

    def _known(self) -> Ledger:
        if self.ledger is None:
            raise LedgerUnavailable(self.no_ledger)
        return self.ledger

    def _decision(self, alert: Alert, episode: Episode | None, now: datetime, paused: str | None) -> Decision:
        rules = self.rules()
        match = partial(first_match, rules)
        return decide(alert, episode, now=now, paused=paused, match=match, tried=len(rules), new_id=lambda: NEW_ID)

    def _limits(self, story: Story, capture: Capture, rule: Rule, now: datetime) -> None:
        """`capture` has its target, and its process where that is known."""
        story.begin("Limits")
        target, process_key = capture.target or Target(""), capture.process.key if capture.process else ""
        if not process_key:
            story.told("those of the process itself are known once it is found: that takes a look at the host")
        try:
            last = self._known().last_ended(process_key, target.host, target.service, by="alert")
            other = self._known().active_on(process_key) if process_key else None
            full = self._known().full(capture, now)
        except LedgerUnavailable as fault:
            story.told(f"not known: {fault}")
            return
        cooldown(story, rule, target, last, now)
        if other:
            story.no(f"capture {other} is already at work on this process; this alert is served by it")
        room(story, full)

    # ------------------------------------------------------------------ which process

    def _sought(self, story: Story, rule: Rule, labels: Mapping[str, str], *, connect: bool) -> Candidates | None:
        """Which resolver would ask which host for what; None when that ends it. No host is asked."""
        story.begin("Which process? The resolvers, in their order")
        resolvers, porch = rule.resolvers or self.resolvers, _Porch(self.route)
        for resolver in resolvers:
            kind = kind_of(resolver)
            if isinstance(resolver, Inventory) and resolver.urls and not connect:
                story.told(f"{kind}: asks {', '.join(resolver.urls)}, which is not done without looking at hosts")
                continue
            try:
                answer = resolver.find(labels, porch.gate)
            except AlertprofError as fault:
                story.no(f"{kind}: {fault.reason.message}", passes=isinstance(fault, Retryable))
                return None
            if isinstance(answer, Candidates):
                story.ok(f"{kind}: would look on {answer.host}: {shown(answer.how)}")
                porch.say(story)
                return replace(answer, labels=labels, by=kind)
            story.told(f"{kind}: {answer.how if answer else 'not addressed by these labels'}")
            labels = answer.labels if answer else labels
        story.no(unaddressed(resolvers, labels).reason.message)
        return None

    def _looked(self, story: Story, alert: Alert, rule: Rule) -> Resolution | None:
        story.begin("On the host, which is only looked at")
        try:
            spec = rule.spec or spec_of(rule.profiler)
            resolution = Search(self.pool, self.resolvers, story.told, self._blocked).process(alert.labels, rule, spec)
        except AlertprofError as fault:
            story.no(fault.reason.message, passes=isinstance(fault, Retryable))
            return None
        for line in about(resolution.process):
            story.told(line)
        for seen in resolution.rest:
            story.told(f"take: all, so there would be a capture of {seen} too")
        return resolution

    def _blocked(self, build: str) -> Blocked | None:
        """Is it known that signals harm this executable? What the ledger cannot tell is not known."""
        with suppress(LedgerUnavailable):
            return self._known().blocked_as(build)
        return None

    def _profiler(self, story: Story, rule: Rule, resolution: Resolution | None) -> None:
        story.begin("Profiler")
        if resolution:
            length = resolution.selection.length or rule.duration
            story.ok(
                f"{resolution.selection.name}, for {length.total_seconds():g} s{because(resolution.selection.why)}"
            )
            if resolution.process.live:
                live = " ".join(resolution.process.live)
                story.told(f"it is being profiled just now ({live}): that is left alone, and its end waited for")
            return
        story.told(f"the rule says {rule.profiler}, for {rule.duration.total_seconds():g} s")
        for key, pattern in (("exe", rule.only_exe), ("cmdline", rule.only_cmdline)):
            if pattern:
                story.told(f"only where {key} has {pattern.pattern}")


class _Looks:
    """A message's alerts explained one after the other by a thread that nobody waits for longer than until `end`."""

    def __init__(self, explainer: Explainer, alerts: Sequence[Alert], now: datetime, end: float) -> None:
        self._explainer, self._alerts, self._now, self._end = explainer, alerts, now, end
        self._done: list[Explanation] = []
        self._fault: Exception | None = None
        self._over = Event()

    def run(self) -> None:
        before = _Before()
        try:
            for alert in self._alerts:
                if time.monotonic() < self._end:
                    self._done.append(self._explainer._one(alert, self._now, before, connect=True))
        except Exception as fault:  # whoever waits raises it
            self._fault = fault
        finally:
            self._explainer._places.release()
            self._over.set()

    def wait(self) -> tuple[Explanation, ...]:
        """What is done by then."""
        self._over.wait(max(self._end - time.monotonic(), 0))
        if self._fault:
            raise self._fault
        return tuple(self._done)


@dataclass(slots=True)
class _Before:
    """What the alerts before it in the message would have begun: episodes by fingerprint, the lives of processes."""

    episodes: dict[str, Episode] = field(default_factory=dict)
    process_keys: set[str] = field(default_factory=set)

    def first_on(self, process_key: str) -> bool:
        first = process_key not in self.process_keys
        self.process_keys.add(process_key)
        return first


class _Porch:
    """Stands in for the door: tells which host would be asked and whether it may be, and goes nowhere."""

    def __init__(self, route: Callable[[str], Route]) -> None:
        self._route = route
        self._said: list[Line] = []

    def gate(self, host: str) -> Gate:
        try:
            route = self._route(host)
        except AlertprofError as fault:
            self._said.append(Line(f"not there: {fault.reason.message}"))
            raise
        self._said.append(Line(f"{route.host} may be contacted: {way_to(route)}", Mark.OK))
        return Unasked(route.host)

    def say(self, story: Story) -> None:
        for line in dict.fromkeys(self._said):
            story.sections[-1][1].append(line)


class Unasked(Gate):
    """The gate of a host that is not asked: it has nothing of what is looked for there, and nothing is ever sent."""

    def __init__(self, host: str) -> None:
        self.host, self.boot, self.user, self.lost = host, "", "", False
        self._lock, self._timeout = Lock(), 0.0

    def named(self) -> tuple[Named, ...]:
        """One that nobody means; none at all would be a host that tells no names."""
        return (Named("", "", "", {}),)

    def _ask(self, verb: str, *words: str, timeout: float | None = None) -> tuple[str, list[tuple[str, str]]]:
        return "unasked", []

    def close(self) -> None:
        """There is nothing to close."""

    def _send(self, verb: str, *words: str) -> int:
        raise Refused(Code.NOT_PERMITTED, f"{self.host}: nothing is sent there")


def meant(candidates: Candidates) -> Target:
    """The process that nobody has looked at yet, as the limits count it."""
    return Target(candidates.host, service=service_of(candidates.labels))
