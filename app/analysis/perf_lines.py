"""The lines of `perf script`: headers of samples, and frames. For perf_script.py.

Their forms are those of tools/perf/builtin-script.c and tools/perf/util/evsel_fprintf.c of Linux 6.1 to 7.2.
"""

import re
from typing import Final, NamedTuple

from app.analysis.demangled import without_signature
from app.analysis.stacks import Frame, bad_line

# A thread's name has 15 bytes at most, may hold anything, even what looks like a header, and may be padded.
WHERE: Final = (  # process and thread, cpu, flags of `-F +misc`, day
    rb"\s+-?[0-9]+(?:/-?[0-9]+)?\s+(?:\[[0-9]+\]\s+)?(?:[KUHGgECMSDFp]{1,3}\s+)?"
    rb"(?:[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]+\s+)?"
)
EVENT: Final = rb"(?P<event>[A-Za-z_][^\s]*?):(?=\s|$)(?P<rest>.*)"
TIMED: Final = re.compile(
    rb"[ ]*\S.{0,23}" + WHERE + rb"[0-9]+\.[0-9]+:\s*(?:(?<=\s)(?:(?P<period>[0-9]{1,18})\s+)?" + EVENT + rb")?$",
    re.DOTALL,
)
# Without a time only the padding, to ten places, tells a period from the pid of a thread whose name ends with a number.
UNTIMED: Final = re.compile(
    rb"[ ]*\S.{0,23}?" + WHERE + rb"(?P<period>(?<=\s\s)[0-9]{1,9}|[0-9]{10,18})\s+" + EVENT + rb"$", re.DOTALL
)
# With neither, a name with a word that is a number, or ends like a time, could be something else.
BARE: Final = re.compile(
    rb"[ ]*[^\s]*[^\s:](?: (?![0-9]+\s)[^\s]*[^\s:]){0,7}"
    + WHERE
    + rb"(?P<event>[A-Za-z_]\S*?):(?P<rest>\s+[0-9a-f]+ \S.*)?\s*$"
)
RECORD: Final = re.compile(rb"PERF_RECORD_[A-Z0-9_]+\b")
FRAME: Final = re.compile(rb"\s*[0-9a-f]+[ \t](?P<place>\s?\S.*)$", re.DOTALL)
INLINE: Final = re.compile(rb"(?:^|\s)(?P<frame>[0-9a-f]+ [^\s].*)$", re.DOTALL)
UNINDENTED: Final = re.compile(rb"[0-9a-f]{4,16} .*\)$", re.DOTALL)  # what a copy without its blanks looks like
OFFSET: Final = re.compile(rb"\+0x[0-9a-f]+$")
SOURCE: Final = re.compile(rb"  (?P<file>\S.*):(?P<line>[0-9]{1,9})(?: \(discriminator [0-9]+\))?(?: \(inlined\))?$")
INSTRUCTION: Final = re.compile(rb"\s+(?:insn:(?: [0-9a-f]{2})+|ilen: [0-9]+)\s*")  # of `-F +insn`, `-F +insnlen`
MODIFIERS: Final = re.compile(rb"[ukhGHpPSDIWeb]*")
UNKNOWN: Final = b"[unknown]"


class Header(NamedTuple):
    """The first line of a sample. event: with its modifiers; period: None if it is not told; rest: after the event;
    is_record: it is of another record than a sample."""

    number: int
    event: bytes
    period: int | None
    rest: bytes
    is_record: bool = False


def header_of(number: int, line: bytes) -> Header | None:
    """The header in this line; None if it is none."""
    if line.startswith(b"\t"):
        return None
    found = TIMED.match(line) or UNTIMED.match(line)
    if found is None:
        bare = BARE.match(line)
        return Header(number, bare["event"], None, bare["rest"] or b"") if bare else _other_record(number, line)
    event = found["event"] or b""
    if RECORD.match(event):
        return Header(number, event, None, b"", True)
    return Header(number, event, int(found["period"]) if found["period"] else None, found["rest"] or b"")


def _other_record(number: int, line: bytes) -> Header | None:
    """`comm pid time: PERF_RECORD_COMM exec: …` and the like."""
    before, name, _ = line.partition(b" PERF_RECORD_")
    if name and re.search(rb"\s-?[0-9]+(?:/-?[0-9]+)?\s.*[0-9]+\.[0-9]+:$", before.rstrip()):
        return Header(number, b"", None, b"", True)
    return None


def is_frame(line: bytes) -> bool:
    """Whether the line has the form of a frame: a blank, an address, and something."""
    return FRAME.match(line) is not None and (line[:1] in b"\t " or UNINDENTED.match(line) is not None)


def frame_of(number: int, line: bytes) -> Frame:
    """The function's name; without one, the binary's in brackets, as in pprof."""
    found = FRAME.match(line)
    place = found["place"] if found else b""
    symbol, binary = _parts(place)
    if symbol.count(b" (") > symbol.count(b")"):
        raise bad_line(number, "no frame: `address symbol (binary)` was expected")
    if symbol != UNKNOWN or not binary:
        return Frame(without_signature(OFFSET.sub(b"", symbol).decode("utf-8", "replace")).encode())
    base = OFFSET.sub(b"", binary).rpartition(b"/")[2]
    return Frame(base if base.startswith(b"[") else b"[%s]" % base)


def _parts(place: bytes) -> tuple[bytes, bytes]:
    """The symbol and the binary; the binary is empty where it is not told."""
    if OFFSET.search(place) or not place.endswith(b")"):
        return place, b""
    symbol, space, binary = place[:-1].rpartition(b" (")
    if binary == b"deleted)":  # `name (/srv/app (deleted))`
        symbol, space, binary = symbol.rpartition(b" (")
    is_binary = space and not set(b"*&<>,") & set(binary)
    return (symbol, binary) if is_binary else (place, b"")


def inline_frame(header: Header) -> Frame | None:
    """The frame that follows the event on its line, after a cgroup for example; None for tracepoints, which have their
    fields there."""
    _, colon, modifiers = header.event.partition(b":")
    if colon and not MODIFIERS.fullmatch(modifiers):
        return None
    found = INLINE.search(INSTRUCTION.sub(b"", header.rest))
    return frame_of(header.number, found["frame"]) if found else None


def is_instruction(line: bytes) -> bool:
    """Whether the line tells the instruction of the sample before it, which it then ends."""
    return INSTRUCTION.match(line) is not None


def is_source(line: bytes) -> bool:
    """Whether the line has the form of a source: two blanks and no third. Addresses are padded to more."""
    return line.startswith(b"  ") and line[2:3] not in b" \t"


def with_source(frame: Frame, line: bytes) -> Frame:
    """The frame with what a line of `-F +srcline` tells of it: `  app.c:12`."""
    found = SOURCE.match(line)
    return frame._replace(file=found["file"], line=int(found["line"])) if found else frame
