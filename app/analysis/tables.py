"""The tables of a pprof message, to which its samples refer: strings, mappings, functions, locations. For profile.py.

The checks are those of `go tool pprof` (profile/encode.go, CheckValid in profile/profile.go). Field numbers are those
of profile.proto in github.com/google/pprof.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from app.analysis.usual import usual_location
from app.analysis.wire import LENGTH, VARINT, BadProfile, fields, message, signed, tag_of

ID: Final = tag_of(1, VARINT)  # of mappings, functions and locations
START, END, OFFSET, FILE, BUILD_ID = (tag_of(number, VARINT) for number in range(2, 7))  # of a mapping
NAME, SYSTEM_NAME, SOURCE, START_LINE = (tag_of(number, VARINT) for number in range(2, 6))  # of a function
MAPPING_ID, ADDRESS, LINE = tag_of(2, VARINT), tag_of(3, VARINT), tag_of(4, LENGTH)  # of a location
FUNCTION_ID, LINE_NUMBER = tag_of(1, VARINT), tag_of(2, VARINT)  # of a line
TYPE, UNIT = tag_of(1, VARINT), tag_of(2, VARINT)  # of a sample type

OF_MAPPING: Final = message(ID, START, END, OFFSET, FILE, BUILD_ID)
OF_FUNCTION: Final = message(ID, NAME, SYSTEM_NAME, SOURCE, START_LINE)
OF_LOCATION: Final = message(ID, MAPPING_ID, ADDRESS, LINE)
OF_LINE: Final = message(FUNCTION_ID, LINE_NUMBER)
OF_TYPE: Final = message(TYPE, UNIT)

T = TypeVar("T")


class ValueType(NamedTuple):
    """A sample type."""

    type: str  # "inuse_space"
    unit: str  # "bytes"


class Function(NamedTuple):
    """A function as the profile names it."""

    name: str
    system_name: str
    start_line: int


class Location(NamedTuple):
    """A place in the code. functions: leaf first; several where calls were inlined, none without symbols."""

    file: str  # of the mapping: the binary
    functions: tuple[Function, ...]


class Mapped(NamedTuple):
    """A part of the profiled program's memory that holds code: its addresses, and the file and offset it comes from."""

    start: int
    limit: int
    offset: int
    file: str
    build_id: str


class Strings:
    """The string table. Raises BadProfile, also for an index that it has not."""

    def __init__(self, table: Sequence[bytes]) -> None:
        if not table or table[0]:
            raise BadProfile("not a pprof profile: its string table does not begin with the empty string")
        self._texts = [text.decode("utf-8", "replace") for text in table]

    def __getitem__(self, index: int) -> str:
        """index: unsigned, as on the wire."""
        if index >= len(self._texts):
            raise BadProfile(f"a broken profile: string {signed(index)} of a table of {len(self._texts)}")
        return self._texts[index]


def sample_types(bodies: Iterable[bytes], text: Strings) -> tuple[ValueType, ...]:
    """The sample types. Raises BadProfile."""
    types = [fields(body, OF_TYPE) for body in bodies]
    return tuple(ValueType(text[each[TYPE]], text[each[UNIT]]) for each in types)


def mappings(bodies: Iterable[bytes], text: Strings) -> dict[int, Mapped]:
    """The mappings by their ids. Raises BadProfile."""

    def read(body: bytes) -> tuple[int, Mapped]:
        found = fields(body, OF_MAPPING)
        lies = Mapped(found[START], found[END], found[OFFSET], text[found[FILE]], text[found[BUILD_ID]])
        return found[ID], lies

    return _by_id("mapping", map(read, bodies))


def functions(bodies: Iterable[bytes], text: Strings) -> dict[int, Function]:
    """The functions by their ids. Raises BadProfile."""

    def read(body: bytes) -> tuple[int, Function]:
        found = fields(body, OF_FUNCTION)
        return found[ID], Function(text[found[NAME]], text[found[SYSTEM_NAME]], signed(found[START_LINE]))

    return _by_id("function", map(read, bodies))


def locations(
    bodies: Iterable[bytes], mappings: Mapping[int, Mapped], functions: Mapping[int, Function]
) -> dict[int, Location]:
    """The locations by their ids. Raises BadProfile."""
    files = {0: "", **{id: mapping.file for id, mapping in mappings.items()}}
    alone = {id: (function,) for id, function in functions.items()}

    def read(body: bytes) -> tuple[int, Location]:
        if (usual := usual_location(body)) and usual[2] in alone:
            id, mapping, function = usual
            return id, Location(files.get(mapping, ""), alone[function])
        found = fields(body, OF_LOCATION)
        try:
            inlined = tuple([functions[fields(line, OF_LINE)[FUNCTION_ID]] for line in found[LINE]])
        except KeyError as missing:
            place = f"location {found[ID]} is in function {missing}"
            raise BadProfile(f"a broken profile: {place}, which is not there") from None
        return found[ID], Location(files.get(found[MAPPING_ID], ""), inlined)

    return _by_id("location", map(read, bodies))


def _by_id(what: str, entries: Iterable[tuple[int, T]]) -> dict[int, T]:
    by_id: dict[int, T] = {}
    for id, entry in entries:
        if id == 0 or id in by_id:
            raise BadProfile(f"a broken profile: {'a' if id == 0 else 'more than one'} {what} with the id {id}")
        by_id[id] = entry
    return by_id
