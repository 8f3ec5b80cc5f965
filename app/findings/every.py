"""All findings of a capture, the strongest first. Called by captures/reading.py."""

from collections.abc import Callable, Iterator
from typing import Final

from app.finding import CRITICAL, INFO, WARNING, Finding
from app.findings.baseline_cpu import cpu_above_baseline
from app.findings.baseline_held import held_above_baseline
from app.findings.baseline_same import compared
from app.findings.caught import caught
from app.findings.garbage import garbage
from app.findings.held import held
from app.findings.hot import hot
from app.findings.locks import locks
from app.findings.piled import piled
from app.findings.purposes import purposes
from app.findings.scene import Found, Scene
from app.findings.shorter import shorter
from app.findings.thresholds import MOST
from app.findings.waits import waits

FAMILIES: Final[tuple[Callable[[Scene], Iterator[Found]], ...]] = (
    locks, piled, waits, held, garbage, purposes, hot, caught, shorter, cpu_above_baseline, held_above_baseline,
)  # fmt: skip
ORDER: Final = {CRITICAL: 0, WARNING: 1, INFO: 2}


def findings(scene: Scene) -> tuple[Finding, ...]:
    """At most MOST findings. Of two about the same function and kind of file, the stronger one stays."""
    found = [compared(each, scene) for family in FAMILIES for each in family(scene)]
    found.sort(key=lambda each: (ORDER[each.finding.severity], -each.strength))
    kept: dict[tuple[str, str], Finding] = {}
    for each in found:
        first = each.finding.functions[0] if each.finding.functions else each.finding.code
        kept.setdefault((each.finding.kind, first), each.finding)
    return tuple(kept.values())[:MOST]
