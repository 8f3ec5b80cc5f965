"""Reads a pprof file into a checked value: decompressed within a limit, parsed, with every reference valid.

Forms from before protobuf are read, too: see legacy/reader.py.

The checks are those of `go tool pprof` (profile/encode.go, CheckValid in profile/profile.go). The file is not trusted:
the service reads files only through isolate.py.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.message import DecodeError

from app.analysis.legacy.builder import Malformed
from app.analysis.legacy.reader import read_legacy
from app.analysis.schema import ProfileMessage

LIMIT = 256 << 20  # bytes, decompressed
GZIP = b"\x1f\x8b"
PIECE = 1 << 16
MAPPED_AT_MOST = 4000
NAME_AT_MOST = 300  # characters of a mapped file's name

T = TypeVar("T")


class BadProfile(Exception):
    """Not a profile that can be read. The text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class ValueType:
    """A sample type."""

    type: str  # "inuse_space"
    unit: str  # "bytes"


@dataclass(frozen=True, slots=True)
class Function:
    """A function as the profile names it."""

    name: str
    system_name: str
    start_line: int


@dataclass(frozen=True, slots=True)
class Location:
    """A place in the code. functions: leaf first; several where calls were inlined, none without symbols."""

    file: str  # of the mapping: the binary
    functions: tuple[Function, ...]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A part of the profiled program's memory that holds code: its addresses, and the file and offset it comes from."""

    start: int
    limit: int
    offset: int
    file: str
    build_id: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A checked profile. Samples stay in the protobuf message, because there may be half a million; see stacks()."""

    sample_types: tuple[ValueType, ...]
    default_sample_type: str
    drop_frames: str
    keep_frames: str
    duration_seconds: float | None
    locations: dict[int, Location]
    mapped: tuple[Mapped, ...]
    message: Any

    def stacks(self, index: int) -> Iterator[tuple[int, Sequence[int]]]:
        """Every sample with a value: the one for the sample type `index`, and the ids of its locations, leaf first."""
        for sample in self.message.sample:
            if value := sample.value[index]:
                yield value, sample.location_id[:]


def read(data: bytes, *, limit: int = LIMIT) -> Profile:
    """The profile in `data`: protobuf or a legacy form, plain or gzipped. limit: decompressed bytes.

    Raises BadProfile.
    """
    if not data:
        raise BadProfile("empty: 0 bytes")
    if len(data) > limit:
        raise BadProfile(f"more than {limit} bytes, which is the limit")
    plain = _decompressed(data, limit) if data.startswith(GZIP) else data
    if len(plain) > limit:
        raise BadProfile(f"more than {limit} bytes decompressed, which is the limit")
    if not plain:
        raise BadProfile("empty: 0 bytes once decompressed")
    return _checked(_parsed(plain))


def read_file(path: Path) -> Profile:
    """The profile in a file of at most LIMIT bytes. Raises BadProfile."""
    try:
        with path.open("rb") as file:
            return read(file.read(LIMIT + 1))
    except OSError as error:
        raise BadProfile(f"cannot be read: {error.strerror}") from error


def _decompressed(data: bytes, limit: int) -> bytearray:
    """At most limit + 1 bytes. Reads to the footer of the last gzip member; zlib checks its checksum."""
    out = bytearray()
    while data and len(out) <= limit:
        if not data.startswith(GZIP):
            raise BadProfile("bytes that are no gzip follow the end of the gzip stream")
        data = _member(data, out, limit)
    return out


def _member(data: bytes, out: bytearray, limit: int) -> bytes:
    """Appends one gzip member to `out`, up to limit + 1 bytes in all; returns what follows the member."""
    stream, at = zlib.decompressobj(wbits=31), 0
    while not stream.eof and len(out) <= limit:
        piece = stream.unconsumed_tail or data[at : at + PIECE]
        at += 0 if stream.unconsumed_tail else PIECE
        more = _inflated(stream, piece, limit + 1 - len(out))
        if not (piece or more or stream.eof):
            raise BadProfile("ends in the middle of the gzip stream")
        out += more
    return stream.unused_data + data[at:]


def _inflated(stream: Any, piece: bytes, most: int) -> bytes:
    try:
        return bytes(stream.decompress(piece, most))
    except zlib.error as error:
        raise BadProfile(f"not a sound gzip stream: {error}") from error


def _parsed(plain: bytes | bytearray) -> Any:
    """The message: pprof's own, or that of a profile in one of the forms from before it."""
    message, fault = ProfileMessage(), None
    try:
        message.ParseFromString(plain)
    except DecodeError as error:
        if "alloc" in str(error):  # upb's error for a failed allocation
            raise MemoryError from error
        fault = error
    if not fault and message.string_table:
        return message
    try:
        legacy = read_legacy(bytes(plain))
    except Malformed as error:
        raise BadProfile(str(error)) from error
    if legacy is None and fault:
        raise BadProfile("not a pprof profile: no protobuf message of that kind") from fault
    return message if legacy is None else legacy


def _checked(message: Any) -> Profile:
    text = _Strings(message.string_table)
    files = _unique("mapping", ((m.id, text[m.filename]) for m in message.mapping))
    functions = _unique("function", ((f.id, _function(f, text)) for f in message.function))
    locations = _unique("location", ((x.id, _location(x, files, functions)) for x in message.location))
    types = tuple(ValueType(text[t.type], text[t.unit]) for t in message.sample_type)
    _check_samples(message.sample, len(types), locations)
    return Profile(
        sample_types=types,
        default_sample_type=text[message.default_sample_type],
        drop_frames=text[message.drop_frames],
        keep_frames=text[message.keep_frames],
        duration_seconds=message.duration_nanos / 1e9 or None,
        locations=locations,
        mapped=tuple(_mapped(mapping, text) for mapping in message.mapping[:MAPPED_AT_MOST]),
        message=message,
    )


class _Strings:
    """The string table, by index."""

    def __init__(self, table: Sequence[bytes]) -> None:
        if not table or table[0]:
            raise BadProfile("not a pprof profile: its string table does not begin with the empty string")
        self._texts = [text.decode("utf-8", "replace") for text in table]

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self._texts):
            raise BadProfile(f"a broken profile: string {index} of a table of {len(self._texts)}")
        return self._texts[index]


def _unique(what: str, pairs: Iterable[tuple[int, T]]) -> dict[int, T]:
    found: dict[int, T] = {}
    for id, value in pairs:
        if id == 0 or id in found:
            raise BadProfile(f"a broken profile: {'a' if id == 0 else 'more than one'} {what} with the id {id}")
        found[id] = value
    return found


def _mapped(mapping: Any, text: _Strings) -> Mapped:
    name, build_id = text[mapping.filename][:NAME_AT_MOST], text[mapping.build_id][:NAME_AT_MOST]
    return Mapped(mapping.memory_start, mapping.memory_limit, mapping.file_offset, name, build_id)


def _function(function: Any, text: _Strings) -> Function:
    return Function(text[function.name], text[function.system_name], function.start_line)


def _location(location: Any, files: Mapping[int, str], functions: Mapping[int, Function]) -> Location:
    try:
        inlined = tuple(functions[line.function_id] for line in location.line)
    except KeyError as missing:
        raise BadProfile(
            f"a broken profile: location {location.id} is in function {missing}, which is not there"
        ) from None
    return Location(files.get(location.mapping_id, ""), inlined)


def _check_samples(samples: Iterable[Any], arity: int, locations: Mapping[int, Location]) -> None:
    known = frozenset(locations)
    for sample in samples:
        if not arity or len(sample.value) != arity:
            raise BadProfile(f"a broken profile: a sample has {len(sample.value)} values for {arity} sample types")
        if not known.issuperset(sample.location_id[:]):  # a slice is a list, made five times as fast as by iterating
            raise BadProfile("a broken profile: a sample names a location that is not there")
