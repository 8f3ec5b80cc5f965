"""Texts that were fetched from a host lose their secrets before they are stored. Called by the steps that store."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from app.captures.artifacts import artifact_of
from app.model import Artifact, Capture, Kind
from app.profilers.base import Fetched
from app.redaction import Redaction
from app.stores import Store

DUMPS = (Kind.GOROUTINE, Kind.GOROUTINELEAK)
PACKED = b"\x1f\x8b"  # how a pprof profile begins that Go wrote
LONGEST_LINE = 1 << 20  # bytes


def put(store: Store, capture: Capture, file: Fetched, redaction: Redaction, at: datetime | None = None) -> Artifact:
    """Stores a file of the capture, without secrets. at: as of artifact_name. Raises OSError."""
    file = without_secrets(file, redaction)
    artifact = artifact_of(capture, file, at)
    store.put(f"{capture.id}/{artifact.name}", file.path)
    return artifact


def without_secrets(file: Fetched, redaction: Redaction) -> Fetched:
    """The file to keep: a log or a goroutine dump in a file of its own, with its secrets replaced; others as they are.

    A log is bounded, and a private key in it has several lines; a dump is read line by line."""
    if file.kind not in (*DUMPS, Kind.LOG) or file.converted or is_packed(file.path):
        return file
    out = file.path.with_name(f"{file.path.name}.redacted")
    with file.path.open("rb") as source, out.open("wb") as made:
        if file.kind is Kind.LOG:
            made.write(redaction.data(source.read()))
        else:
            made.writelines(redaction.dump(iter(lambda: source.readline(LONGEST_LINE), b"")))
    return replace(file, path=out, size=out.stat().st_size)


def is_packed(path: Path) -> bool:
    """Whether the file is compressed, as a profile is."""
    with path.open("rb") as file:
        return file.read(len(PACKED)) == PACKED
