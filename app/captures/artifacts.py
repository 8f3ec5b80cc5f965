"""Fetched files become artifacts: slices are merged, texts converted, names chosen."""

import hashlib
from dataclasses import replace
from pathlib import Path

from app.analysis.isolate import convert_file, merge_files
from app.analysis.profile import BadProfile
from app.analysis.stacks import Options
from app.model import Artifact, Capture, Kind
from app.profilers.base import Fetched

SUFFIX = {Kind.TRACE: ".trace", Kind.GOROUTINE: ".txt"}  # of the kinds that are no pprof profiles


def prepared(capture: Capture, fetched: list[Fetched]) -> list[Fetched]:
    """The files to keep: slices merged, and beside each text the profile that was converted from it."""
    merged = [merge_slices(file) if file.slices else file for file in fetched]
    converted = [convert(capture, file) for file in merged if file.format]
    return [*merged, *converted]


def merge_slices(file: Fetched) -> Fetched:
    """One profile of all slices of a recording; the first slice with a fault if they do not fit together."""
    out = file.path.with_name(f"{file.kind.value}{file.suffix}")
    try:
        merge_files([file.path, *file.slices], out)
    except BadProfile as bad:
        fault = f"its slices do not make one profile: {bad}"
        return replace(file, size=file.path.stat().st_size, fault=fault, slices=())
    return replace(file, path=out, size=out.stat().st_size, slices=())


def convert(capture: Capture, file: Fetched) -> Fetched:
    """The pprof profile of another profiler's text; empty and with a fault if the text is not in its format."""
    out = file.path.with_name(f"{file.path.name}.pprof")
    try:
        convert_file(file.format, file.path, out, Options(rate=100, seconds=capture.duration.total_seconds()))
    except BadProfile as bad:
        out.touch()
        return Fetched(Kind.CPU, out, 0, f"{file.format}: {bad}", ".pprof")
    return Fetched(Kind.CPU, out, out.stat().st_size, suffix=".pprof")


def artifact_of(capture: Capture, file: Fetched) -> Artifact:
    """The artifact that a file becomes."""
    return Artifact(artifact_name(capture, file.kind, file.suffix), file.kind, file.size, sha256(file.path))


def artifact_name(capture: Capture, kind: Kind, suffix: str = "") -> str:
    """`<service>-<pid>-<kind>-<time>.pprof`, of harmless characters only."""
    target = capture.target
    service = harmless(target.service if target else "")
    pid = target.pid if target else 0
    stamp = (capture.started_at or capture.created_at).strftime("%Y%m%dT%H%M%SZ")
    return f"{service}-{pid}-{kind.value}-{stamp}{suffix or SUFFIX.get(kind, '.pprof')}"


def harmless(service: str) -> str:
    """A service's name as part of a file's name, at most 80 characters."""
    letters = (char if char.isascii() and (char.isalnum() or char in "._") else "-" for char in service)
    return "".join(letters)[:80].strip(".-") or "service"


def sha256(path: Path) -> str:
    """In hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
