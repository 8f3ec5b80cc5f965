"""The values of a dry run: what would become of each alert of a message, and the steps of `doctor`. Pure.

explainer.py and doctor.py make them; the command line, the API and the page show them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """What a line means for the outcome."""

    OK = "ok"
    NO = "no"  # it ends here
    NOTE = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One step of `doctor`. The text may quote what a host sent: escape it where it is shown."""

    mark: Mark
    what: str
    message: str


@dataclass(frozen=True, slots=True)
class Line:
    """One fact. The text may quote what an alert or a host sent: escape it where it is shown."""

    text: str
    mark: Mark = Mark.NOTE


@dataclass(frozen=True, slots=True)
class Section:
    """The lines about one question."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would become of one alert. would: it leads to a capture; verdict: the outcome in a sentence, with the first
    reason against a capture."""

    alertname: str
    fingerprint: str
    labels: Mapping[str, str]
    would: bool
    verdict: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """What would become of a message. left_out: how many alerts at its end were not explained."""

    alerts: tuple[Explanation, ...]
    left_out: int = 0

    @property
    def would(self) -> bool:
        """Every alert would lead to a capture."""
        return not self.left_out and all(alert.would for alert in self.alerts)
