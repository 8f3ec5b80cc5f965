"""The explanation of one alert while it is being written: sections of lines, and the verdict. Pure."""

from datetime import datetime

from app.captures.resolve import cooling
from app.captures.search import Resolution
from app.explain.explanation import Line, Mark, Section
from app.explain.wording import shown
from app.intake.rules import Rule
from app.ledger.ledger import Full
from app.model import Capture, Target

HELD_BACK = "; the service holds it back, and takes it up when that has passed and it still fires"


class Report:
    """Collects lines in sections. The first hindrance is the reason in the verdict."""

    def __init__(self) -> None:
        self._sections: list[tuple[str, list[Line]]] = []
        self.hindrances: list[str] = []
        self.waits_for = ""  # the end of the verdict's sentence, for a capture that would have to wait
        self._all_pass = True  # every hindrance is one for which the alert is held back

    def begin(self, title: str) -> "Report":
        """Begins a section; the lines that follow are in it."""
        self._sections.append((title, []))
        return self

    def add(self, line: Line) -> None:
        """Adds a line to the section."""
        self._sections[-1][1].append(line)

    def note(self, text: str) -> None:
        """Adds a fact."""
        self.add(Line(text))

    def ok(self, text: str) -> None:
        """Adds a fact that leads on."""
        self.add(Line(text, Mark.OK))

    def no(self, text: str, *, passes: bool = False) -> None:
        """Adds a hindrance. passes: the alert is held back for it, and not given up."""
        self.add(Line(text, Mark.NO))
        self.hindrances.append(text)
        self._all_pass = self._all_pass and passes

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections that have lines."""
        return tuple(Section(title, tuple(lines)) for title, lines in self._sections if lines)

    def verdict(self, resolution: Resolution | None) -> str:
        """The outcome in one sentence. resolution: the process that was found, if its host was looked at."""
        if self.hindrances:
            more = len(self.hindrances) - 1
            also = f" (and {more} more reason{'s' if more > 1 else ''})" if more else ""
            return f"No capture: {self.hindrances[0]}{also}{HELD_BACK if self._all_pass else ''}"
        if resolution:
            process = f"pid {resolution.process.id.pid} on {resolution.candidates.host}"
            return f"A capture of {process} by {resolution.selection.name}{self.waits_for}"
        return f"A capture, unless its host says otherwise: it was not looked at{self.waits_for}"


def report_cooldown(report: Report, rule: Rule, target: Target, last: Capture | None, now: datetime) -> None:
    """Whether the rule's cooldown is over. last: the latest capture of the same process or service."""
    process = f"{shown(target.service) or 'the process'} on {target.host}"
    if reason := cooling(last, rule, target, now):
        report.no(reason.message, passes=True)
    elif last and last.ended_at:
        report.ok(f"cooldown: {process} was last profiled by {last.id}, until {last.ended_at:%Y-%m-%d %H:%M:%S} UTC")
    elif target.service:
        report.ok(f"cooldown: {process} has not been profiled yet")


def report_bounds(report: Report, full: Full | None) -> None:
    """Whether the bounds allow one more recording. full: why they do not."""
    if full is None:
        report.ok("there is room for one more recording (per_host, per_service, at_once, per_hour)")
    elif full.waits:
        report.note(f"it would wait: {full}")
        report.waits_for = ", once there is room for it"
    else:
        report.no(str(full), passes=True)
