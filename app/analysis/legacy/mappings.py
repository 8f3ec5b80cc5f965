"""The memory map at the end of a legacy profile: which file each address belongs to.

The forms of the lines, and how adjacent and misplaced regions are put right, are those of ParseProcMaps,
massageMappings and remapMappingIDs in the profile package of github.com/google/pprof.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

SENTINELS: Final = (b"--- Memory map: ---", b"MAPPED_LIBRARIES:")
MOST_MAPPINGS: Final = 1 << 14
LAST: Final = (1 << 64) - 1
MAIN_START: Final = 0x400000  # where executables without PIE begin on x86-64

RANGE: Final = rb"\s*(?:0x)?([0-9a-fA-F]+)[\s-]?\s*(?:0x)?([0-9a-fA-F]+):?"
PERMISSIONS: Final = rb"(?:\s+([-rwxp]+))?"
PROC_MAPS: Final = re.compile(
    RANGE + PERMISSIONS + rb"(?:\s+([0-9a-fA-F]+))?\s+[0-9a-fA-F]+:[0-9a-fA-F]+\s+[0-9]+(?:\s+(\S+))?"
)
BRIEF: Final = re.compile(RANGE + PERMISSIONS + rb"(?:\s+(\S+))?(?:\s+\(@([0-9a-fA-F]+)\))?(?:\s+([0-9a-fA-F]+))?")
LOGGED: Final = re.compile(rb"[^\[\]]+:[0-9]+\]\s")  # a prefix of glog
LIBRARY: Final = re.compile(rb"[.]so$|[.]so[._][0-9]+")


@dataclass(frozen=True, slots=True)
class Mapping:
    """A region of memory that holds code. offset: within the file."""

    start: int
    limit: int
    offset: int = 0
    file: bytes = b""
    build_id: bytes = b""


def is_sentinel(line: bytes) -> bool:
    """Does the memory map begin behind this line?"""
    return any(sentinel in line for sentinel in SENTINELS)


def behind_sentinel(line: bytes, lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of the memory map. line: the last one that was read; other sections are left out."""
    while not is_sentinel(line):
        if (following := next(lines, None)) is None:
            return
        line = following
    yield from lines


def read_mappings(lines: Iterable[bytes]) -> list[Mapping]:
    """The executable regions in the lines. A line `name=value` gives `$name` in later ones; others are ignored."""
    found: list[Mapping] = []
    values: dict[bytes, bytes] = {}
    for line in lines:
        text = _substituted(LOGGED.sub(b"", line, count=1) if LOGGED.match(line) else line, values)
        if region := PROC_MAPS.match(text):
            start, limit, permissions, offset, file = region.groups()
            build_id = None
        elif region := BRIEF.match(text):
            start, limit, permissions, file, offset, build_id = region.groups()
        else:
            name, equals, value = text.partition(b"=")
            if equals and len(values) < MOST_MAPPINGS:
                values.setdefault(b"$" + name.strip(), value.strip())
            continue
        begin, end, skipped = (int(digits or b"0", 16) for digits in (start, limit, offset))
        executable = not permissions or b"x" in permissions
        if executable and max(begin, end, skipped) <= LAST and len(found) < MOST_MAPPINGS:
            found.append(Mapping(begin, end, skipped, file or b"", build_id or b""))
    return found


def _substituted(line: bytes, values: dict[bytes, bytes]) -> bytes:
    if not values or b"$" not in line:
        return line
    return re.sub(b"|".join(map(re.escape, values)), lambda found: values[found[0]], line)


def arranged(mappings: list[Mapping]) -> list[Mapping]:
    """The regions with adjacent ones of one file joined, and the executable first."""
    joined: list[Mapping] = []
    for mapping in mappings:
        if joined and _adjacent(joined[-1], mapping):
            last = joined[-1]
            file, build_id = mapping.file or last.file, mapping.build_id or last.build_id
            joined[-1] = replace(last, limit=mapping.limit, file=file, build_id=build_id)
        else:
            joined.append(mapping)
    for at, mapping in enumerate(joined):
        file = mapping.file.replace(b"(deleted)", b"").strip()
        if file and not LIBRARY.search(file) and not file.startswith(b"["):
            joined[0], joined[at] = joined[at], joined[0]
            break
    if len(joined) > 1 and joined[0].file.startswith(b"/anon_hugepage") and joined[0].limit == joined[1].start:
        del joined[0]
    if joined and joined[0].start - joined[0].offset == MAIN_START:
        joined[0] = replace(joined[0], start=MAIN_START, offset=0)
    return joined


def _adjacent(one: Mapping, next: Mapping) -> bool:
    if one.limit != next.start:
        return False
    if one.file and next.file and one.file != next.file:
        return False
    if one.build_id and next.build_id and one.build_id != next.build_id:
        return False
    return not (one.offset and next.offset) or one.offset + one.limit - one.start == next.offset


class Finder:
    """Finds the mapping of an address. mappings: grow by one without a file when an address is in none."""

    def __init__(self, mappings: list[Mapping]) -> None:
        self.mappings, self._nowhere = mappings, 0

    def id(self, address: int) -> int:
        """The id of its mapping: the index, from 1."""
        for at, mapping in enumerate(self.mappings):
            if mapping.start <= address < mapping.limit:
                return at + 1
        for at, mapping in enumerate(self.mappings):
            # Some writers leave out the first part of a file's code.
            if mapping.offset and mapping.start - mapping.offset <= address < mapping.start:
                self.mappings[at] = replace(mapping, start=mapping.start - mapping.offset, offset=0)
                return at + 1
        if not self._nowhere:
            self.mappings.append(Mapping(0, LAST))
            self._nowhere = len(self.mappings)
        return self._nowhere
