"""The structure of a flight recording: chunks, each with its own types, constants and events. For jfr.py.

The format is that of HotSpot's writer and of `jdk.jfr.internal.consumer` in OpenJDK, version 2; async-profiler writes
it, too. A chunk describes its types itself, so no type's number or layout is assumed. Integers are compressed. The file
is not trusted: every place is checked, and what is read is bounded by the chunk's bytes.
"""

import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from app.analysis.jfr_cursor import Constant, Cursor, Value
from app.analysis.profile import BadProfile

MAGIC: Final = b"FLR\0"
HEADER: Final = struct.Struct(">4sHHQQQQQQQI")  # 68 bytes
VERSION: Final = 2
COMPRESSED: Final = 1  # flag: integers are of variable length
METADATA, CONSTANTS = 0, 1  # types of events that every chunk has
FIXED: Final = {"boolean": 1, "byte": 1, "float": 4, "double": 8}  # bytes of types that are not compressed
INTEGERS: Final = frozenset({"char", "short", "int", "long"})
TEXT: Final = "java.lang.String"


class Field(NamedTuple):
    """A field of a type. constant: a reference stands in its place."""

    name: str
    type: int
    constant: bool
    several: bool


@dataclass(slots=True)
class Type:
    """A type of the chunk, also of an event. plain: each of its fields is a compressed integer."""

    name: str
    fields: list[Field] = field(default_factory=list)
    plain: bool = False
    places: dict[str, int] = field(default_factory=dict)

    def at(self, name: str) -> int | None:
        """The place of a field among the values of this type."""
        return self.places.get(name)


@dataclass(frozen=True, slots=True)
class Header:
    """Where the parts of a chunk lie in the file, in bytes, and its clock."""

    start: int
    end: int
    constants: int
    metadata: int
    ticks: int  # a second


def whole_chunks(data: bytes) -> tuple[list[Header], int]:
    """The chunks that are complete, and how many bytes follow them: a process that is killed leaves its last chunk
    without an end. Raises BadProfile for another file."""
    headers, at = [], 0
    while at + HEADER.size <= len(data):
        magic, major, minor, size, constants, metadata, _, _, _, ticks, flags = HEADER.unpack_from(data, at)
        if magic != MAGIC:
            raise BadProfile("no flight recording" if not at else f"no chunk of a flight recording begins at byte {at}")
        if major != VERSION or not flags & COMPRESSED:
            raise BadProfile(f"a flight recording of version {major}.{minor}, or with integers that are not compressed")
        if not (HEADER.size < size <= len(data) - at and constants and metadata):
            break
        headers.append(Header(at, at + size, at + constants, at + metadata, ticks or 10**9))
        at += size
    if not at and not data.startswith(MAGIC):
        raise BadProfile("no flight recording")
    return headers, len(data) - at


class Chunk:
    """One chunk. types: by number. settings: of the recording, (type's name, setting) to its value."""

    def __init__(self, data: bytes, header: Header) -> None:
        self._data, self._header, self.ticks = data, header, header.ticks
        self.types = read_types(self._event(header.metadata, METADATA))
        self.strings = next((number for number, each in self.types.items() if each.name == TEXT), 0)

    def _event(self, at: int, kind: int) -> Cursor:
        """A cursor behind the number of the event's type, up to its end."""
        if not self._header.start < at < self._header.end:
            raise BadProfile(f"a part of a chunk is said to be outside of it, at byte {at}")
        cursor = Cursor(self._data, at, self._header.end)
        size, found = cursor.number(), cursor.number()
        if found != kind or not cursor.at - at <= size <= self._header.end - at:
            raise BadProfile(f"the event at byte {at} is not what the chunk says that it is")
        cursor.end = at + size
        return cursor

    def events(self, names: Collection[str]) -> Iterator[tuple[Type, Cursor]]:
        """The events of these types, in the order of the file, each with a cursor before its first value."""
        wanted = {number: each for number, each in self.types.items() if each.name in names}
        at, end = self._header.start + HEADER.size, self._header.end
        cursor = Cursor(self._data, at, end)
        while at < end:
            cursor.at, cursor.end = at, end
            size, number = cursor.numbers(2)
            if not cursor.at - at <= size <= end - at:
                raise BadProfile(f"the event at byte {at} is larger than its chunk, or smaller than its own size")
            if number in wanted:
                cursor.end = at + size
                yield wanted[number], cursor
            at += size

    def values(self, of: Type, cursor: Cursor) -> tuple[Value, ...]:
        """What an event or a constant of the type holds, field by field."""
        if not of.plain:
            return tuple(self._field(each, cursor) for each in of.fields)
        numbers = zip(of.fields, cursor.numbers(len(of.fields)), strict=True)
        return tuple(Constant(each.type, number) if each.constant else number for each, number in numbers)

    def _field(self, field: Field, cursor: Cursor) -> Value:
        if field.several:
            return [self._one(field, cursor) for _ in range(cursor.count())]
        return self._one(field, cursor)

    def _one(self, field: Field, cursor: Cursor) -> Value:
        if field.constant:
            return Constant(field.type, cursor.number())
        of = self.types.get(field.type)
        if of is None:
            raise BadProfile(f"the field {field.name!r:.80} is of a type that the chunk does not describe")
        if of.name in INTEGERS:
            return cursor.number()
        if of.name == TEXT:
            return cursor.text(self.strings)
        if size := FIXED.get(of.name):
            return cursor.bytes(size)
        return self.values(of, cursor)

    def constants(self, names: Collection[str]) -> dict[Constant, Value]:
        """The constants of these types. They lie in several events, each of which says how far the one before is."""
        kept: dict[Constant, Value] = {}
        at, seen = self._header.constants, set[int]()
        while at not in seen:
            seen.add(at)
            cursor = self._event(at, CONSTANTS)
            cursor.number(), cursor.number()  # when, and for how long
            at += cursor.number()
            cursor.byte()
            for _ in range(cursor.count()):
                self._add_constants(cursor, names, kept)
        return kept

    def _add_constants(self, cursor: Cursor, names: Collection[str], kept: dict[Constant, Value]) -> None:
        number = cursor.number()
        of = self.types.get(number)
        if of is None:
            raise BadProfile(f"constants are of a type that the chunk does not describe, at byte {cursor.at}")
        one = Field(of.name, number, False, False)
        for _ in range(cursor.count()):
            key, value = cursor.number(), self._one(one, cursor)
            if of.name in names:
                kept[Constant(number, key)] = value


def read_types(cursor: Cursor) -> dict[int, Type]:
    """The types that the metadata describes, by number."""
    for _ in range(3):  # when, for how long, its number
        cursor.number()
    texts = [cursor.text(0) for _ in range(cursor.count())]
    types: dict[int, Type] = {}
    of = Type("")
    for name, attributes in _elements(cursor, texts):
        if name == "class":
            of = types[_number(attributes, "id")] = Type(attributes.get("name", ""))
        elif name == "field":
            constant, several = attributes.get("constantPool") == "true", _number(attributes, "dimension") > 0
            of.fields.append(Field(attributes.get("name", ""), _number(attributes, "class"), constant, several))
    integers = {number for number, each in types.items() if each.name in INTEGERS}
    for each in types.values():
        each.places = {field.name: at for at, field in enumerate(each.fields)}
        each.plain = all(not field.several and (field.constant or field.type in integers) for field in each.fields)
    return types


def _elements(cursor: Cursor, texts: list[Value]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The elements of the metadata with their attributes, each before those inside it."""
    left = 1
    while left:
        name = _text(texts, cursor.number())
        attributes = {_text(texts, cursor.number()): _text(texts, cursor.number()) for _ in range(cursor.count())}
        yield name, attributes
        left += cursor.count() - 1


def _text(texts: list[Value], at: int) -> str:
    text = texts[at] if 0 <= at < len(texts) else None
    if not isinstance(text, bytes):
        raise BadProfile("the metadata names a text that it does not have")
    return text.decode("utf-8", "replace")


def _number(attributes: Mapping[str, str], name: str) -> int:
    """The attribute as a number; 0 without it."""
    value = attributes.get(name, "0")
    if not (value.isascii() and value.isdigit() and len(value) < 20):
        raise BadProfile(f"the metadata has no number in its attribute {name}")
    return int(value)
