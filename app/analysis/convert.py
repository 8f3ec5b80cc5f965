"""Profiles that other tools write as text, made into pprof's form, in which everything here and `go tool pprof` read
them. isolate.py runs this apart, since the texts come from a stranger's process.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final

from app.analysis import folded, perf_script
from app.analysis.profile import BadProfile

PY_SPY_RATE: Final = 100  # samples a second, unless py-spy is told otherwise


class Format(StrEnum):
    FOLDED = "folded"
    PERF_SCRIPT = "perf-script"


def convert(
    format: Format, path: Path, *, rate: int | None = PY_SPY_RATE, seconds: float | None = None, most: int = 16 << 20
) -> bytes:
    """A pprof file of the kind cpu, of at most `most` bytes. One without samples, of an idle process, is good.

    rate: samples a second, of folded stacks; None when it is not known, and then only samples are counted. perf tells
    its own. seconds: how long was recorded. Raises BadProfile with a sentence that names the line.
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
