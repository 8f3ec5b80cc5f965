"""Converts profiles of other tools to pprof's format. isolate.py runs it in a process of its own, because the files are
not trusted.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

from app.analysis import chrome_trace, cpuprofile, folded, jfr, perf_script, speedscope
from app.analysis.profile import BadProfile
from app.analysis.stacks import UNTOLD, Options, Stacks


class Format(StrEnum):
    """The formats that can be converted."""

    FOLDED = "folded"
    PERF_SCRIPT = "perf-script"
    JFR = "jfr"
    CPUPROFILE = "cpuprofile"
    SPEEDSCOPE = "speedscope"
    CHROME_TRACE = "chrome-trace"


READERS: Final[Mapping[Format, Callable[[BinaryIO, Options], Stacks]]] = {
    Format.FOLDED: folded.read,
    Format.PERF_SCRIPT: perf_script.read,
    Format.JFR: jfr.read,
    Format.CPUPROFILE: cpuprofile.read,
    Format.SPEEDSCOPE: speedscope.read,
    Format.CHROME_TRACE: chrome_trace.read,
}


def convert(format: Format, path: Path, options: Options = UNTOLD, *, most: int = 16 << 20) -> bytes:
    """A pprof file of at most `most` bytes. A file without samples, of an idle process, is valid.

    options: what is known of the file that it does not say itself. Raises BadProfile with a sentence that names the
    place in the file.
    """
    try:
        with path.open("rb") as file:
            stacks = READERS[format](file, options)
    except OSError as error:
        raise BadProfile(f"cannot be read: {error.strerror}") from error
    data = stacks.data(options.seconds)
    if len(data) > most:
        raise BadProfile(f"more than {most} bytes as a pprof file, which is the limit")
    return data
