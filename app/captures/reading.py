"""The findings of a capture, read from its artifacts once they are stored. Called by collecting.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from app.analysis.facts import Facts
from app.captures.artifacts import length_of
from app.errors import AlertprofError
from app.finding import Finding
from app.findings.every import ORDER, findings
from app.findings.scene import File, scene
from app.model import Capture, Kind
from app.stores import Store

READ: Final = frozenset({Kind.CPU, Kind.HEAP, Kind.MUTEX, Kind.GOROUTINE, Kind.GOROUTINELEAK})

Read = Callable[[Sequence[Path]], Mapping[Path, Facts]]


def with_findings(capture: Capture, store: Store, read: Read, now: datetime) -> Capture:
    """The capture with what its files mean. Files that cannot be read cost findings, never the capture."""
    artifacts = [artifact for artifact in capture.artifacts if artifact.kind in READ]
    paths = {store.path(f"{capture.id}/{artifact.name}"): artifact for artifact in artifacts}
    try:
        facts = read(list(paths)) if paths else {}
    except AlertprofError as fault:
        return capture.with_event(now, "findings", f"the files could not be read for findings: {fault}")
    files = [File(paths[path].kind, paths[path].name, found) for path, found in facts.items()]
    seen = scene(files, length_of(capture), uptime(capture), about(capture))
    return replace(capture, findings=joined(capture.findings, findings(seen)))


def joined(had: tuple[Finding, ...], new: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """All findings, the strongest first; of equal ones, those that name a function. What the samples of the process
    have shown is not said once more."""
    codes = {finding.code for finding in had}
    both = (*had, *(finding for finding in new if finding.code not in codes))
    return tuple(sorted(both, key=lambda finding: (ORDER[finding.severity], not finding.functions)))


def uptime(capture: Capture) -> float:
    """Seconds from the start of the process to the end of the recording; 0 where that is not known."""
    since, until = capture.target and capture.target.started_at, capture.stopped_at
    return max((until - since).total_seconds(), 0.0) if since and until else 0.0


def about(capture: Capture) -> str:
    """What the alert says of itself; "" for a capture that a person asked for."""
    trigger = capture.trigger
    return " ".join((trigger.alertname, *trigger.annotations.values())) if trigger.kind == "alert" else ""
