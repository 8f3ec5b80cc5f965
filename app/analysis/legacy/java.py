"""Heap and contention profiles of Java in the legacy form, where a table of names follows the samples.

As parseJavaProfile in profile/legacy_java_profile.go of github.com/google/pprof reads them.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import PurePosixPath
from typing import Final

from app.analysis.legacy.builder import Builder, Malformed, addresses_in, lines_of, number
from app.analysis.legacy.unsampling import unsampled

HEADERS: Final = {b"--- heapz 1 ---": "heap", b"--- contentionz 1 ---": "contention"}
ATTRIBUTE: Final = re.compile(rb"([\w ]+)=([\w ]+)")
SAMPLE: Final = re.compile(rb" *(\d+) +(\d+) +@ +([ x0-9a-f]*)")
NAME: Final = re.compile(rb"\s*0x([0-9a-fA-F]+)\s+(.*)\s*$")
WITH_LINE: Final = re.compile(rb"(.*)\s+\((.+):(-?[0-9]+)\)$")
WITH_PATH: Final = re.compile(rb"(.*)\s+\((.*)\)$")
STUB: Final = b"generated stub/JIT"
HEAP_RATE: Final = 524288  # bytes
KNOWN: Final = {
    "heap": {b"format", b"resolution"},
    "contention": {b"format", b"resolution", b"sampling period", b"ms since reset"},
}


def read_java(text: bytes) -> Builder | None:
    """None for a text that is no such profile. Raises Malformed for a broken one."""
    lines = lines_of(text)
    what = HEADERS.get(next(lines, b""))
    if what is None:
        return None
    attributes, first = _attributes(lines, KNOWN[what])
    if attributes.get(b"format", b"java") != b"java" or b"resolution" not in attributes:
        return None
    unit = attributes[b"resolution"].decode("ascii", "replace")
    made = _samples_of(what, unit, attributes)
    rest = chain([first], lines)
    for line in rest:
        found = SAMPLE.search(line)
        if found:
            _add(made, what, found)
        elif line:
            made.names = read_names(chain([line], rest))
    return made


def _attributes(lines: Iterator[bytes], known: Collection[bytes]) -> tuple[dict[bytes, bytes], bytes]:
    """What the header says, and the first line behind it. Raises Malformed for an attribute that is not known."""
    found: dict[bytes, bytes] = {}
    for line in lines:
        attribute = ATTRIBUTE.search(line)
        if line and not attribute:
            return found, line
        if attribute and attribute[1].strip() not in known:
            name = attribute[1].strip()[:40].decode("ascii", "replace")
            raise Malformed(f"a legacy profile of Java with the attribute {name!r}, which is unknown")
        if attribute:
            found[attribute[1].strip()] = attribute[2].strip()
    return found, b""


def _samples_of(what: str, unit: str, attributes: dict[bytes, bytes]) -> Builder:
    if what == "heap":
        return Builder(("inuse_objects", "count"), ("inuse_space", unit))
    period = _whole(attributes.get(b"sampling period", b"0"))
    made = Builder(("contentions", "count"), ("delay", unit), period=period)
    made.duration_nanos = min(_whole(attributes.get(b"ms since reset", b"0")) * 10**6, (1 << 63) - 1)
    return made


def _whole(text: bytes) -> int:
    if not text.isdigit():
        raise Malformed("a broken legacy profile of Java: an attribute is no number")
    return number(text)


def _add(made: Builder, what: str, found: re.Match[bytes]) -> None:
    count, amount = number(found[2]), number(found[1])
    if what == "heap":
        if not count:
            raise Malformed("a broken legacy heap profile of Java: a sample of no objects")
        count, amount = unsampled(count, amount, HEAP_RATE)
    elif made.period:
        count, amount = count * made.period, amount * made.period
    made.add(addresses_in(found[3]), count, amount)


def read_names(lines: Iterable[bytes]) -> dict[int, tuple[bytes, bytes]]:
    """Function and file of each address in lines `0xADDRESS function (file:line)`. One file for each name."""
    names: dict[int, tuple[bytes, bytes]] = {}
    files: dict[bytes, bytes] = {}
    for line in lines:
        if found := NAME.match(line):
            name, file = _named(found[2])
            names[int(found[1], 16)] = (name, files.setdefault(name, file))
    return names


def _named(text: bytes) -> tuple[bytes, bytes]:
    if found := WITH_LINE.match(text):
        return found[1], found[2]
    if found := WITH_PATH.match(text):
        return found[1], PurePosixPath(found[2].decode("utf-8", "replace")).name.encode()
    return (b"STUB", b"") if STUB in text else (text, b"")
