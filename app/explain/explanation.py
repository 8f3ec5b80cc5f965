"""What an explanation is made of, and how its facts are put into words. Pure; explainer.py fills it, doctor.py
uses some of the words, the command line and the page show it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.captures.resolve import cooling
from app.captures.search import Resolution
from app.gate.client import Process
from app.hosts.known_hosts import entry
from app.hosts.route import Route
from app.intake.rules import Matcher, Rule
from app.ledger.ledger import Full
from app.model import Capture, Episode, Target

NEW_ID = "00000000-0000-7000-8000-000000000000"  # of the captures that would be
SHOWN = 100  # characters of a label's value


class Mark(StrEnum):
    OK = "ok"
    NO = "no"  # it ends here
    TOLD = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One step. The text may hold what a host said: escape it where it is shown."""

    mark: Mark
    what: str
    said: str


@dataclass(frozen=True, slots=True)
class Line:
    """One fact. The text may hold whatever an alert or a host said: escape it where it is shown."""

    text: str
    mark: Mark = Mark.TOLD


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would become of one alert. `would`: it leads to a capture; `verdict`: that in a sentence, with the first
    reason why not."""

    alertname: str
    fingerprint: str
    labels: Mapping[str, str]
    would: bool
    verdict: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """What would become of a message. `left_out`: so many alerts at its end were not looked at."""

    alerts: tuple[Explanation, ...]
    left_out: int = 0

    @property
    def would(self) -> bool:
        """Every alert would lead to a capture."""
        return not self.left_out and all(alert.would for alert in self.alerts)


class Story:
    """Sections as they are told. The first hindrance is the verdict's reason."""

    def __init__(self) -> None:
        self.sections: list[tuple[str, list[Line]]] = []
        self.hindrances: list[str] = []
        self.waits = ""
        self.held = True  # every hindrance passes

    def begin(self, title: str) -> "Story":
        self.sections.append((title, []))
        return self

    def told(self, text: str) -> None:
        self.sections[-1][1].append(Line(text))

    def ok(self, text: str) -> None:
        self.sections[-1][1].append(Line(text, Mark.OK))

    def no(self, text: str, *, passes: bool = False) -> None:
        """passes: an alert is held back for that, and not given up."""
        self.sections[-1][1].append(Line(text, Mark.NO))
        self.hindrances.append(text)
        self.held = self.held and passes


HELD = "; the service holds it back, and takes it up when that has passed and it still fires"


def verdict(story: Story, resolution: Resolution | None, *, connect: bool) -> str:
    if story.hindrances:
        more = len(story.hindrances) - 1
        also = f" (and {more} more reason{'s' if more > 1 else ''})" if more else ""
        return f"No capture: {story.hindrances[0]}{also}{HELD if story.held else ''}"
    if resolution:
        who = f"pid {resolution.process.id.pid} on {resolution.candidates.host}"
        return f"A capture of {who} by {resolution.selection.name}{story.waits}"
    return f"A capture, unless its host says otherwise: it was not looked at{story.waits}"


def why_not(matcher: Matcher, labels: Mapping[str, str]) -> str:
    """`severity="critical", but severity is "warning"`"""
    if matcher.name not in labels:
        return f"{matcher}, but there is no label {shown(matcher.name)}"
    return f"{matcher}, but {shown(matcher.name)} is {quoted(labels[matcher.name])}"


def said_by(matchers: Iterable[Matcher]) -> str:
    said = ", ".join(str(matcher) for matcher in matchers)
    return f": {said}" if said else ""


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """What relabelling made of the labels, a line each."""
    names = sorted({*before, *after})
    return tuple(
        _difference(shown(name), before.get(name, ""), after.get(name, ""))
        for name in names
        if before.get(name, "") != after.get(name, "")
    )


def _difference(name: str, old: str, new: str) -> str:
    if not new:
        return f"{name} is gone; it was {quoted(old)}"
    return f"{name} is {quoted(new)}" + (f"; it was {quoted(old)}" if old else ", which is new")


def repeat_of(capture_id: str, episode: Episode | None) -> str:
    if capture_id == NEW_ID:
        return "a repeat of an alert before it in this message, which has the same fingerprint"
    state = episode.state.value if episode else "there"
    return (
        f"a repeat: capture {capture_id} ({state}) is this alert's. There is a new one when the alert has been "
        "resolved meanwhile, or its startsAt is later than that one's end plus the cooldown"
    )


def cooldown(story: Story, rule: Rule, target: Target, last: Capture | None, now: datetime) -> None:
    who = f"{shown(target.service) or 'the process'} on {target.host}"
    if reason := cooling(last, rule, target, now):
        story.no(reason.message, passes=True)
    elif last and last.ended_at:
        story.ok(f"cooldown: {who} was last profiled by {last.id}, until {last.ended_at:%Y-%m-%d %H:%M:%S} UTC")
    elif target.service:
        story.ok(f"cooldown: {who} has not been profiled yet")


def room(story: Story, full: Full | None) -> None:
    if full is None:
        story.ok("there is room for one more recording (per_host, per_service, at_once, per_hour)")
    elif full.waits:
        story.told(f"it would wait: {full}")
        story.waits = ", once there is room for it"
    else:
        story.no(str(full), passes=True)


def way_to(route: Route) -> str:
    """How a host would be reached, in words."""
    keys = len(route.known.pinned)
    places = ", ".join(dict.fromkeys(str(line.file) for line in route.known.pinned))
    said = [f"as {route.user}@{entry(route.address, route.port)}"]
    jumps = [hop.shown for hop in route.hops[:-1]]
    said += [f"through the jump host{'s' if len(jumps) > 1 else ''} {', then '.join(jumps)}"] if jumps else []
    said += ["with sudo"] if route.options.become == "sudo" else []
    said += ["by the gate that is installed there"] if route.options.gate == "installed" else []
    return f"{', '.join(said)}; {keys} key{'s' if keys > 1 else ''} known in {places}"


def about(process: Process) -> Iterable[str]:
    """What a look at a process has shown, for a person."""
    yield f"pid {process.id.pid}: {shown(' '.join(process.cmdline)) or '(no command line)'}"
    exe = shown(process.exe) or "cannot be seen"
    yield f"its executable is {exe}, its uid {process.uid}, it runs for {max(process.age, 0):.0f} s"
    if process.blocked:
        yield f"it is not signalled, since {process.blocked.message} (`alertprof unblock {process.blocked.id}`)"
    zero = f", go-zero {process.gozero_version}" if process.gozero_version else ""
    yield f"{process.go_version or 'no Go program'}{zero}"
    if process.free_bytes is not None:
        yield f"{process.free_bytes >> 20} MiB are free where its files would go"


def because(why: str) -> str:
    return f" ({why})" if why else ""


def shown(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def quoted(text: str) -> str:
    return f'"{shown(text)}"'
