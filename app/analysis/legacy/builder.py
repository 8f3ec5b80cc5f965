"""Collects what a legacy profile says, and makes the pprof message of it. For the readers in this package."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from app.analysis.legacy.frames import ALLOCATORS, ALLOCATORS_KEPT, LOCKS, SIGNAL_HANDLERS
from app.analysis.legacy.mappings import Finder, Mapping, arranged
from app.analysis.schema import ProfileMessage
from app.analysis.wire import BadProfile

HEX: Final = re.compile(rb"0x([0-9a-f]+)")
ADDRESSES: Final = 1 << 64
MOST: Final = (1 << 63) - 1  # of an int64
LONGEST_LINE: Final = 1 << 20  # bytes
DEEPEST: Final = 1 << 16  # frames
MOST_FRAMES: Final = 1 << 23  # of all samples together; keeps the process within its memory
HEAPS: Final = {"objects", "inuse_objects", "alloc_objects"}


class Malformed(BadProfile):
    """A legacy profile that cannot be read. The text is a sentence that says why."""


class Builder:
    """A profile that grows sample by sample. types: type and unit of each value, the default last.

    Locations are known by their address; names, where there are any, are given by address, too.
    """

    def __init__(self, *types: tuple[str, str], period: int = 1) -> None:
        self.types, self.period, self.duration_nanos = types, period, 0
        self.samples: list[tuple[list[int], list[int]]] = []  # addresses, leaf first; values
        self.names: dict[int, tuple[bytes, bytes]] = {}  # address -> function, file
        self.mappings: list[Mapping] = []
        self._frames, self._totals = 0, [0] * len(types)

    def add(self, addresses: Sequence[int], *values: int) -> None:
        """Adds a sample. Raises Malformed for one that is beyond the limits."""
        self._frames += len(addresses)
        self._totals = [total + abs(value) for total, value in zip(self._totals, values, strict=True)]
        if len(addresses) > DEEPEST or self._frames > MOST_FRAMES:
            raise Malformed("a legacy profile with more frames than any program has")
        if max(self._totals) > MOST:
            raise Malformed("a broken legacy profile: the sum of its values is no number of 64 bits")
        self.samples.append((list(addresses), list(values)))

    def message(self) -> Any:
        """The pprof message."""
        message: Any = ProfileMessage()
        texts = _Texts(message.string_table)
        for type, unit in self.types:
            message.sample_type.add(type=texts[type.encode()], unit=texts[unit.encode()])
        message.period, message.duration_nanos = self.period, self.duration_nanos
        drop, keep = self._ignored()
        message.drop_frames, message.keep_frames = texts[drop.encode()], texts[keep.encode()]
        ids = self._locate(message, texts)
        for addresses, values in self.samples:
            message.sample.add(location_id=[ids[address] for address in addresses], value=values)
        return message

    def _ignored(self) -> tuple[str, str]:
        """The frames that pprof drops and keeps in a legacy profile of this kind."""
        if self.types[0][0] in HEAPS:
            return ALLOCATORS, ALLOCATORS_KEPT
        return (LOCKS if self.types[0][0] == "contentions" else SIGNAL_HANDLERS), ""

    def _locate(self, message: Any, texts: "_Texts") -> dict[int, int]:
        """Writes locations, functions and mappings. Returns the ids of locations by address."""
        ids: dict[int, int] = {}
        for addresses, _ in self.samples:
            for address in addresses:
                ids.setdefault(address, len(ids) + 1)
        finder, functions = Finder(arranged(self.mappings)), dict[tuple[bytes, bytes], int]()
        for address, id in ids.items():
            named = self.names.get(address)
            location = message.location.add(id=id, mapping_id=0 if named or not address else finder.id(address))
            if named:
                location.line.add(function_id=functions.setdefault(named, len(functions) + 1))
            else:
                location.address = address
        for (name, file), id in functions.items():
            message.function.add(id=id, name=texts[name], system_name=texts[name], filename=texts[file])
        for id, mapping in enumerate(finder.mappings, 1):
            message.mapping.add(
                id=id, memory_start=mapping.start, memory_limit=mapping.limit, file_offset=mapping.offset,
                filename=texts[mapping.file], build_id=texts[mapping.build_id],
            )  # fmt: skip
        return ids


class _Texts:
    """The string table of a message, which grows."""

    def __init__(self, table: Any) -> None:
        self._table, self._ids = table, {b"": 0}
        table.append(b"")

    def __getitem__(self, text: bytes) -> int:
        id = self._ids.setdefault(text, len(self._ids))
        if id == len(self._table):
            self._table.append(text)
        return id


def addresses_in(text: bytes) -> list[int]:
    """The hexadecimal numbers in a line, `0x` before each. Raises Malformed for one of more than 64 bits."""
    found = [int(digits, 16) for digits in HEX.findall(text)]
    if any(address >= ADDRESSES for address in found):
        raise Malformed("a broken legacy profile: an address has more than 64 bits")
    return found


def before(address: int) -> int:
    """An address within the call instruction that returns to `address`, as pprof has it."""
    return (address - 1) % ADDRESSES


def lines_of(text: bytes) -> Iterator[bytes]:
    """Every line without the space around it. Raises Malformed for an endless one."""
    begin = 0
    while begin < len(text):
        end = text.find(b"\n", begin)
        end = len(text) if end < 0 else end
        if end - begin > LONGEST_LINE:
            raise Malformed(f"a broken legacy profile: a line has more than {LONGEST_LINE} bytes")
        yield text[begin:end].strip()
        begin = end + 1


def is_comment(line: bytes) -> bool:
    """Says nothing: empty, or behind a `#`."""
    return not line or line.startswith(b"#")


def number(text: bytes) -> int:
    """A decimal number. Raises Malformed when it has more digits than any number of 64 bits."""
    if len(text) > 20 or abs(value := int(text)) > MOST:
        raise Malformed("a broken legacy profile: a value is no number of 64 bits")
    return value
