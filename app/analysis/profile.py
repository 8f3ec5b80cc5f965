"""Reads a pprof file into a checked value: decompressed within a limit, parsed, with every reference valid.

Forms from before protobuf are read, too: see legacy/reader.py. The file is not trusted: the service reads files only
through isolate.py.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from os import PathLike
from typing import Any, Final, NamedTuple

from app.analysis import tables
from app.analysis.gzipped import GZIP, decompressed
from app.analysis.packed_samples import PackedSamples
from app.analysis.samples import Samples
from app.analysis.tables import Function, Location, Mapped, Strings, ValueType
from app.analysis.wire import LENGTH, VARINT, BadProfile, Message, fields, message, signed, tag_of

__all__ = ["LIMIT", "BadProfile", "Function", "Location", "Mapped", "Profile", "ValueType", "read", "read_file"]

LIMIT: Final = 256 << 20  # bytes, decompressed
MAPPED_AT_MOST: Final = 4000
NAME_AT_MOST: Final = 300  # characters of a mapped file's name

SAMPLE_TYPE, MAPPING, LOCATION, FUNCTION, STRING = (tag_of(number, LENGTH) for number in (1, 3, 4, 5, 6))
DROP_FRAMES, KEEP_FRAMES, DURATION, DEFAULT_TYPE = (tag_of(number, VARINT) for number in (7, 8, 10, 14))
OF_PROFILE: Final = message(
    SAMPLE_TYPE, MAPPING, LOCATION, FUNCTION, STRING, DROP_FRAMES, KEEP_FRAMES, DURATION, DEFAULT_TYPE,
)  # fmt: skip


class _Parts(NamedTuple):
    sample_types: tuple[ValueType, ...]
    default_sample_type: str
    drop_frames: str
    keep_frames: str
    duration_seconds: float | None
    texts: Sequence[bytes]
    locations: dict[int, Location]
    mapped: tuple[Mapped, ...]
    samples: Samples
    plain: bytes


class Profile(_Parts):
    """A checked profile. texts: the string table; plain: the protobuf message that it was read from."""

    def stacks(self, index: int) -> Iterator[tuple[int, Sequence[int]]]:
        """Every sample with a value: the one for the sample type `index`, and the ids of its locations, leaf first."""
        return self.samples.stacks(index)

    @cached_property
    def message(self) -> Any:
        """The message for the protobuf library, to change it, or to read what is not here. Raises BadProfile."""
        from app.analysis.schema import parsed  # tables and trees do without the library

        try:
            return parsed(self.plain)
        except ValueError as error:
            raise BadProfile from error


def read(data: bytes, *, limit: int = LIMIT) -> Profile:
    """The profile in `data`: protobuf or a legacy form, plain or gzipped. limit: decompressed bytes.

    Raises BadProfile.
    """
    if not data:
        raise BadProfile("empty: 0 bytes")
    if len(data) > limit:
        raise BadProfile(f"more than {limit} bytes, which is the limit")
    plain = decompressed(data, limit) if data.startswith(GZIP) else data
    if len(plain) > limit:
        raise BadProfile(f"more than {limit} bytes decompressed, which is the limit")
    if not plain:
        raise BadProfile("empty: 0 bytes once decompressed")
    return _checked(*_message(plain))


def read_file(path: str | PathLike[str]) -> Profile:
    """The profile in a file of at most LIMIT bytes. Raises BadProfile."""
    try:
        with open(path, "rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise BadProfile(f"cannot be read: {error.strerror}") from error
    return read(data)


def _message(plain: bytes) -> tuple[bytes, Message, PackedSamples]:
    """The message, its samples, and its other fields: of pprof's own form, or of one from before it. Raises
    BadProfile."""
    fault, found, samples = None, OF_PROFILE, PackedSamples()
    try:
        found = fields(plain, OF_PROFILE, samples.other)
    except BadProfile as error:
        fault = error
    if found[STRING]:
        return plain, found, samples
    from app.analysis.legacy.reader import read_legacy  # such files are rare

    if legacy := read_legacy(plain):
        samples = PackedSamples()
        return legacy, fields(legacy, OF_PROFILE, samples.other), samples
    if fault:
        raise fault
    return plain, found, samples


def _checked(plain: bytes, found: Message, packed: PackedSamples) -> Profile:
    text = Strings(found[STRING])
    mapped = tables.mappings(found[MAPPING], text)
    places = tables.locations(found[LOCATION], mapped, tables.functions(found[FUNCTION], text))
    types = tables.sample_types(found[SAMPLE_TYPE], text)
    samples = Samples(packed, len(types), places)
    return Profile(
        sample_types=types,
        default_sample_type=text[found[DEFAULT_TYPE]],
        drop_frames=text[found[DROP_FRAMES]],
        keep_frames=text[found[KEEP_FRAMES]],
        duration_seconds=signed(found[DURATION]) / 1e9 or None,
        texts=found[STRING],
        locations=places,
        mapped=tuple(_shortened(each) for each in list(mapped.values())[:MAPPED_AT_MOST]),
        samples=samples,
        plain=plain,
    )


def _shortened(mapped: Mapped) -> Mapped:
    return mapped._replace(file=mapped.file[:NAME_AT_MOST], build_id=mapped.build_id[:NAME_AT_MOST])
