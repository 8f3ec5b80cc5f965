"""Converts text profiles of other tools to pprof's format. isolate.py runs it in a process of its own, because the
texts are not trusted.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final

from app.analysis import folded, perf_script
from app.analysis.profile import BadProfile

PY_SPY_RATE: Final = 100  # samples a second; py-spy's default


class Format(StrEnum):
    """The text formats that can be converted."""

    FOLDED = "folded"
    PERF_SCRIPT = "perf-script"


def convert(
    format: Format, path: Path, *, rate: int | None = PY_SPY_RATE, seconds: float | None = None, most: int = 16 << 20
) -> bytes:
    """A pprof file of the kind cpu, of at most `most` bytes. A file without samples, of an idle process, is valid.

    rate: samples a second of folded stacks; None if unknown, and then only samples are counted. perf's output has its
    own. seconds: the length of the recording. Raises BadProfile with a sentence that names the line.
    """
    try:
        with path.open("rb") as file:
            stacks = folded.read(file, rate) if format is Format.FOLDED else perf_script.read(file)
    except OSError as error:
        raise BadProfile(f"cannot be read: {error.strerror}") from error
    data = stacks.data(seconds)
    if len(data) > most:
        raise BadProfile(f"more than {most} bytes as a pprof file, which is the limit")
    return data
