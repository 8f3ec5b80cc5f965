"""The README of a bundle: what is in it, and how to open each file. Pure."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from app.model import Capture
from app.web.bundle.zipped import FAULTS, SUMS
from app.web.pages.words import summary

OPENED = {  # by the end of a file's name
    ".pprof": "go tool pprof -http=: {file}      or drop it into https://www.speedscope.app",
    ".trace": "go tool trace {file}",
    ".jfr": "jfr summary {file}      or JDK Mission Control",
    ".gz": "gzip -dc {file}",
    ".bin": "the program that wrote it",
}
TEXT = "any editor"
MADE = {
    "report.html": "findings, top functions and flame graphs; open it in a browser, also without a network",
    "report.md": "the same in short, as Markdown",
    "alert.json": "what asked for the capture: the alert with its labels, or a person",
    "capture.json": "everything that is recorded about the capture, as the API shows it",
    "timeline.txt": "what happened when, in UTC",
    SUMS: "checksums of all files; verify them with: sha256sum -c SHA256SUMS",
}


def readme(capture: Capture, files: Sequence[str], url: str) -> str:
    """The text. files: the artifacts' paths in the bundle."""
    return "\n".join(_lines(capture, files, url)) + "\n"


def _lines(capture: Capture, files: Sequence[str], url: str) -> Iterator[str]:
    yield f"Capture {capture.id}, {capture.state.value}"
    yield f"{url}/ui/captures/{capture.id}"
    yield ""
    yield " ".join(summary(capture).split())
    yield ""
    width = max(map(len, MADE))
    yield from (f"{name:{width}}  {what}" for name, what in MADE.items())
    yield ""
    if files:
        yield "How to open each file, in this folder:"
        yield ""
        yield from (line for file in files for line in (file, f"    {how_to_open(file)}"))
    else:
        yield "No files were kept of this capture."
    yield ""
    yield f"Where there is a file {FAULTS}, some file could not be read whole while this bundle was made."


def how_to_open(file: str) -> str:
    """The command that opens it, or a word for it."""
    return OPENED.get(PurePosixPath(file).suffix, TEXT).format(file=file)
