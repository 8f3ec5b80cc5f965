"""Fetched files become artifacts: slices are merged, texts converted, names chosen."""

import hashlib
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from app.analysis.isolate import convert_file, merge_files, symbolize_file
from app.analysis.profile import BadProfile
from app.model import Artifact, Capture, Finding, Kind
from app.profilers.base import Fetched

SUFFIX = {Kind.TRACE: ".trace", Kind.GOROUTINE: ".txt"}  # of the kinds that are no pprof profiles
CONVERTED = ".pprof"
ADDRESSES = ".addresses.prof"  # of a profile of which another one with names was made; that one has the table
INEXACT = 0.1  # a tenth more, and a tenth of a second: profilers are not exact


def prepared(capture: Capture, fetched: list[Fetched]) -> list[Fetched]:
    """The files to keep: slices merged, beside each text the profile that was made of it, beside each profile without
    names the one that has those which were read."""
    merged = [merge_slices(file) if file.slices else file for file in fetched]
    converted = [convert(capture, file) for file in merged if file.format]
    named = [each for file in merged for each in (with_names(file) if file.names else [file])]
    return [*named, *converted]


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
    """The pprof profile of another profiler's file; empty and with a fault if that is not in its format."""
    out, seconds = file.path.with_name(f"{file.path.name}{CONVERTED}"), length_of(capture)
    try:
        kind, nanoseconds, note = convert_file(file.format, file.path, out, replace(file.options, seconds=seconds))
    except BadProfile as bad:
        out.touch()
        return Fetched(file.becomes or Kind.CPU, out, 0, f"{file.format}: {bad}", CONVERTED)
    kind = file.becomes or kind
    finding = too_much(nanoseconds / 1e9, seconds, file.threads, kind) if file.threads else None
    finding = left_out(note, kind) if note else finding
    return Fetched(kind, out, out.stat().st_size, suffix=CONVERTED, converted=True, finding=finding)


def with_names(file: Fetched) -> list[Fetched]:
    """The profile with its names, and as it was; that one alone if no names can be put into it."""
    out = file.path.with_name(f"{file.path.name}.names")
    try:
        symbolize_file(file.path, out, file.names)
    except BadProfile:
        return [file]
    stem = file.suffix.removesuffix(CONVERTED)
    plain = replace(file, kind=Kind.OTHER, suffix=f"{stem}{ADDRESSES}", finding=None)
    return [replace(file, path=out, size=out.stat().st_size, suffix=f"{stem}{CONVERTED}"), plain]


def length_of(capture: Capture) -> float:
    """The recording's length in seconds: as asked for, or until it was stopped early."""
    asked = capture.duration.total_seconds()
    if not (capture.stop_requested_at and capture.started_at and capture.stopped_at):
        return asked
    return min(asked, (capture.stopped_at - capture.started_at).total_seconds())


def left_out(note: str, kind: Kind) -> Finding:
    """The finding that a file has more than the profile that was made of it. note: what, as a sentence."""
    return Finding("warning", "a part of the file is not in the profile", note, kind=kind.value, code="partly_read")


def too_much(total: float, seconds: float, threads: int, kind: Kind) -> Finding | None:
    """A finding if a profile has more time, in seconds, than so many threads can have spent in the recording."""
    most = seconds * threads
    if total <= most * (1 + INEXACT) + INEXACT:
        return None
    return Finding(
        "warning",
        "the profile has more time than there was",
        f"{total:.3g} s in a recording of {seconds:.3g} s of a process with {threads} "
        f"thread{'' if threads == 1 else 's'}, which is {most:.3g} s at most. The shares of the functions are right. "
        "For their times, correct rate, unit and sample of the rule's profiler; if these are right, the process had "
        "more threads during the recording than after it",
        kind=kind.value,
        code="more_time_than_there_was",
    )


def artifact_of(capture: Capture, file: Fetched, at: datetime | None = None) -> Artifact:
    """The artifact that a file becomes. at: as of artifact_name."""
    return Artifact(artifact_name(capture, file.kind, file.suffix, at), file.kind, file.size, sha256(file.path))


def artifact_name(capture: Capture, kind: Kind, suffix: str = "", at: datetime | None = None) -> str:
    """`<service>-<pid>-<kind>-<time>.pprof`, of harmless characters only.

    at: the time of the step, for what each step makes anew: a replica that was stopped may store its own long after
    another has taken the capture over and has saved the row, and must not replace what that one stored."""
    target = capture.target
    service = harmless(target.service if target else "")
    pid = target.pid if target else 0
    stamp = (at or capture.started_at or capture.created_at).strftime("%Y%m%dT%H%M%SZ")
    return f"{service}-{pid}-{kind.value}-{stamp}{suffix or SUFFIX.get(kind, '.pprof')}"


def harmless(service: str) -> str:
    """A service's name as part of a file's name, at most 80 characters."""
    letters = (char if char.isascii() and (char.isalnum() or char in "._") else "-" for char in service)
    return "".join(letters)[:80].strip(".-") or "service"


def sha256(path: Path) -> str:
    """In hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
