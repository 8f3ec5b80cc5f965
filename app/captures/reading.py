"""The findings of a capture, read from its artifacts once they are stored. Called by collecting.py."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from app.analysis.diff.programs import unlike
from app.analysis.diff.table import Difference
from app.analysis.facts import MEASURED, Facts
from app.analysis.profile import BadProfile
from app.captures.artifacts import length_of
from app.errors import AlertprofError
from app.evidence.samples import SUFFIX as SAMPLES
from app.finding import Finding
from app.findings.claim import Claim, claim_in
from app.findings.every import ORDER, findings
from app.findings.resident import Resident, resident_in
from app.findings.scene import AFTER, Baseline, File, Scene, scene
from app.model import Artifact, Capture, Kind
from app.stores import Store
from app.stores.files import Files

READ: Final = frozenset({Kind.CPU, Kind.HEAP, Kind.MUTEX, Kind.GOROUTINE, Kind.GOROUTINELEAK})

COMPARED: Final = (Kind.CPU, Kind.HEAP)

MODULE: Final = "module"  # the key of the program's main module in a capture's notes

Read = Callable[[Sequence[Path], str], Mapping[Path, Facts]]
Compare = Callable[[Path, Path, int, str | None], Difference]


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads the files in a store. facts: see isolate.facts_of; compare: see asking.difference_of."""

    store: Store
    facts: Read
    compare: Compare

    def with_findings(self, capture: Capture, baseline: Capture | None, now: datetime) -> Capture:
        """The capture with what its files mean, also compared with its service's baseline. Files that cannot be read
        cost findings, never the capture."""
        with Files(self.store) as files:
            return _Reader(files, self.facts, self.compare).with_findings(capture, baseline, now)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Of one capture and its baseline."""

    files: Files
    facts: Read
    compare: Compare

    def with_findings(self, capture: Capture, baseline: Capture | None, now: datetime) -> Capture:
        base = baseline if baseline and baseline.id != capture.id else None
        try:
            facts = self._facts(capture, base)
        except (AlertprofError, OSError) as fault:  # no room on our own disk for files of an object store
            return capture.with_event(now, "findings", f"the files could not be read for findings: {fault}")
        seen = replace(self._scene(capture, facts), resident=self._resident(capture), claim=claim_of(capture))
        if base:
            against = self._baseline(capture, base, facts)
            said = f"compared with the baseline {base.id}, which was made at {base.created_at:%Y-%m-%d %H:%M} UTC"
            capture = capture.with_event(now, "findings", f"{said}{against.said}")
            seen = replace(seen, baseline=against)
        return replace(capture, findings=joined(capture.findings, findings(seen)))

    def _facts(self, *captures: Capture | None) -> Mapping[Path, Facts]:
        paths = [self._path(each, artifact) for each in captures if each for artifact in readable(each)]
        modules = (str(each.notes.get(MODULE, "")) for each in captures if each)
        return self.facts(paths, next(filter(None, modules), "")) if paths else {}

    def _path(self, capture: Capture, artifact: Artifact) -> Path:
        return self.files.path(f"{capture.id}/{artifact.name}")

    def _scene(self, capture: Capture, facts: Mapping[Path, Facts]) -> Scene:
        found = [(artifact, facts.get(self._path(capture, artifact))) for artifact in readable(capture)]
        files = [File(artifact.kind, artifact.name, each) for artifact, each in found]
        return scene(files, length_of(capture), uptime(capture), about(capture))

    def _resident(self, capture: Capture) -> Resident | None:
        """The memory of the process while it was recorded; None without samples."""
        for artifact in capture.artifacts:
            if artifact.kind is Kind.EVIDENCE and artifact.name.endswith(SAMPLES):
                with suppress(OSError, ValueError):
                    return resident_in(json.loads(self._path(capture, artifact).read_bytes()))
        return None

    def _baseline(self, capture: Capture, base: Capture, facts: Mapping[Path, Facts]) -> Baseline:
        """What the capture is compared with. A file that is gone or cannot be read is not compared."""
        differences: dict[Kind, Difference] = {}
        for kind in COMPARED:
            now, then = (last_of(each, kind) for each in (capture, base))
            if now and then:
                files = self._path(base, then), self._path(capture, now)
                with suppress(BadProfile, AlertprofError):
                    differences[kind] = self.compare(*files, 0, MEASURED[kind.value])
        builds = next(((each.base_build_id, each.build_id) for each in differences.values()), ("", ""))
        versions = (each.target.go_version if each.target else None for each in (base, capture))
        said = " ".join(unlike(*builds, *versions)).rstrip(".")
        return Baseline(base.created_at, self._scene(base, facts), differences, said)


def readable(capture: Capture) -> list[Artifact]:
    """The artifacts that findings are made of."""
    return [artifact for artifact in capture.artifacts if artifact.kind in READ]


def last_of(capture: Capture, kind: Kind) -> Artifact | None:
    """The profile of a kind; of two, the one at the end of the recording."""
    found = [artifact for artifact in capture.artifacts if artifact.kind is kind]
    return max(found, key=lambda artifact: AFTER in artifact.name, default=None)


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


def claim_of(capture: Capture) -> Claim | None:
    """What the alert's rule said of the process's CPU time, where that is certain."""
    trigger = capture.trigger
    return claim_in(trigger.generator_url, {**trigger.labels, **trigger.annotations})


def about(capture: Capture) -> str:
    """What the alert says of itself; "" for a capture that a person asked for."""
    trigger = capture.trigger
    return " ".join((trigger.alertname, *trigger.annotations.values())) if trigger.kind == "alert" else ""
