"""Converts profiles of other tools to pprof's format. isolate.py runs it in a process of its own, because the files are
not trusted.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from app.analysis import chrome_trace, cpuprofile, folded, jfr, otlp, perf_script, speedscope
from app.analysis.gzipped import GZIP
from app.analysis.profile import BadProfile, ValueType
from app.analysis.stacks import CPU, SAMPLES, UNTOLD, Options, Stacks
from app.model import Kind


class Format(StrEnum):
    """The formats that can be converted."""

    FOLDED = "folded"
    PERF_SCRIPT = "perf-script"
    JFR = "jfr"
    OTLP = "otlp"
    CPUPROFILE = "cpuprofile"
    SPEEDSCOPE = "speedscope"
    CHROME_TRACE = "chrome-trace"


READERS: Final[Mapping[Format, Callable[[BinaryIO, Options], Stacks]]] = {
    Format.FOLDED: folded.read,
    Format.PERF_SCRIPT: perf_script.read,
    Format.JFR: jfr.read,
    Format.OTLP: otlp.read,
    Format.CPUPROFILE: cpuprofile.read,
    Format.SPEEDSCOPE: speedscope.read,
    Format.CHROME_TRACE: chrome_trace.read,
}


# Of perf's events, those whose samples lie where processor time is spent.
CYCLES: Final = re.compile(r"^cpu$|cpu-clock|task-clock|cycles|instructions")


class Converted(NamedTuple):
    """A pprof file.

    kind: what its sample types say; nanoseconds: the largest total of a sample type that is a time; note: a sentence
    about what of the other file is not in it
    """

    data: bytes
    kind: Kind
    nanoseconds: int
    note: str = ""


def convert(format: Format, path: Path, options: Options = UNTOLD, *, most: int = 16 << 20) -> Converted:
    """A pprof file of at most `most` bytes. A file without samples, of an idle process, is valid.

    The file may be compressed with gzip. options: what is known of the file that it does not say itself. Raises
    BadProfile with a sentence that names the place in the file.
    """
    try:
        with path.open("rb") as file, plain(file) as text:
            stacks = READERS[format](text, options)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadProfile(f"not a sound gzip stream: {error}") from error
    except OSError as error:
        raise BadProfile(f"cannot be read: {error.strerror}") from error
    data = stacks.data(options.seconds)
    if len(data) > most:
        raise BadProfile(f"more than {most} bytes as a pprof file, which is the limit")
    times = [stacks.total(kind) for kind in stacks.types if kind.unit == CPU.unit]
    return Converted(data, kind_of(stacks.types), max(times, default=0), stacks.note)


def plain(file: BinaryIO) -> BinaryIO:
    """The file, or what is compressed in it."""
    begin = file.read(len(GZIP))
    file.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb")) if begin == GZIP else file


def kind_of(types: Sequence[ValueType]) -> Kind:
    """The kind of artifact that a converted file is: cpu for times and cycles on a processor, and for mere samples."""
    is_cpu = tuple(types) == (SAMPLES,) or any(CYCLES.search(kind.type) for kind in types)
    return Kind.CPU if is_cpu else Kind.OTHER
