"""What a capture shows, as data. Findings are made in app/findings and by the steps of a capture."""

from dataclasses import dataclass
from typing import Final

INFO: Final = "info"  # where the cost lies; that may be its job
WARNING: Final = "warning"  # a sign of a fault
CRITICAL: Final = "critical"  # it does not get better by itself


@dataclass(frozen=True, slots=True)
class Finding:
    """What a capture shows.

    kind: of the artifact that shows it; code: for programs, "" in those of older versions
    functions: whom it concerns, the first most; path: the calls from an entry point to it
    refuted_by: what would show that it is none; helps: what usually helps
    """

    severity: str
    title: str
    detail: str
    kind: str = ""
    functions: tuple[str, ...] = ()
    code: str = ""
    path: tuple[str, ...] = ()
    refuted_by: str = ""
    helps: str = ""
