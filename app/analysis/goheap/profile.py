"""Writes the profiles as pprof files, as the runtime itself writes them.

Sources: runtime/pprof/protomem.go and pprof.go (printCountCycleProfile) for the samples and their scale,
runtime/pprof/proto.go for the locations.
"""

import gzip
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from app.analysis.goheap.buckets import Profiled
from app.analysis.goheap.counts import Delay
from app.analysis.goheap.reading import Profiles
from app.analysis.goheap.symbols import Frame, Symbols
from app.analysis.schema import ProfileMessage
from app.analysis.stacks import MOST

Value = tuple[bytes, bytes]  # a type and its unit


class Form(NamedTuple):
    """Of a kind of profiles: the types of its samples' values, and of its period."""

    types: tuple[Value, ...]
    period_type: Value


HEAP = Form(
    (
        (b"alloc_objects", b"count"),
        (b"alloc_space", b"bytes"),
        (b"inuse_objects", b"count"),
        (b"inuse_space", b"bytes"),
    ),
    (b"space", b"bytes"),
)
DELAYS = Form(((b"contentions", b"count"), (b"delay", b"nanoseconds")), (b"contentions", b"count"))
HIDDEN = (b"runtime.", b"internal/runtime/")  # functions at the leaf that every allocation has
END = b"runtime.goexit"
LEAST = 1e-18  # of a share of samples; smaller ones are zero in a float


def pprofs_of(profiles: Profiles, file: str, nanoseconds: int) -> dict[Profiled, bytes]:
    """A gzipped pprof file of each kind.

    file: the executable's path; nanoseconds: since the epoch, when they were read."""
    made = {Profiled.HEAP: _heap(profiles)}
    made |= {profiled: _delays(profiles, counted) for profiled, counted in profiles.listed.delays.items()}
    return {profiled: writer.finished(file, nanoseconds) for profiled, writer in made.items()}


def _heap(profiles: Profiles) -> "_Writer":
    symbols, rate = profiles.symbols, profiles.listed.rate
    writer = _Writer(profiles, HEAP, rate)
    for record in profiles.listed.heap:
        found = list(locations_of(visible(record.stack, symbols), symbols))
        allocated = scaled(record.allocations, record.size, rate)
        in_use = scaled(record.allocations - record.frees, record.size, rate)
        writer.add_sample(found or locations_of(record.stack, symbols), (*allocated, *in_use), record.size)
    return writer


def _delays(profiles: Profiles, delays: Iterable[Delay]) -> "_Writer":
    symbols, ticks = profiles.symbols, profiles.listed.ticks / 1e9
    writer = _Writer(profiles, DELAYS, 1)
    for delay in delays:
        locations = locations_of(symbols.logical(delay.stack), symbols)
        writer.add_sample(locations, (delay.contentions, min(int(delay.ticks / ticks), MOST)))
    return writer


def scaled(count: int, size: int, rate: int) -> tuple[int, int]:
    """How many objects and bytes `count` samples of this size stand for, at a mean of `rate` bytes between two."""
    if not count or not size:
        return 0, 0
    sampled = 1.0 if rate <= 1 else 1 - math.exp(-size / rate)  # of so many
    scale = 1 / max(sampled, LEAST)
    return min(int(count * scale), MOST), min(int(count * size * scale), MOST)


def locations_of(stack: tuple[int, ...], symbols: Symbols) -> Iterator[tuple[Frame, ...]]:
    """The locations of a stack, leaf first: each has the calls that are inlined into each other, innermost first."""
    group: list[Frame] = []
    for address in symbols.expanded(stack):
        frame = symbols.frame(address) or _unknown(address)
        if frame.name == END:
            continue
        if group and not _inlined_into(group[-1], frame):
            yield tuple(group)
            group = []
        group.append(frame)
    if group:
        yield tuple(group)


def visible(stack: tuple[int, ...], symbols: Symbols) -> tuple[int, ...]:
    """The stack without the runtime's own functions at its leaf."""
    for at, address in enumerate(stack):
        if not symbols.name_at(address).startswith(HIDDEN):
            return stack[at:]
    return stack


def _inlined_into(inner: Frame, outer: Frame) -> bool:
    return inner.inlined and inner.entry == outer.entry and inner.name != outer.name


def _unknown(address: int) -> Frame:
    return Frame(address - 1, 0, b"", b"", 0, 0, inlined=False, id=0)


class _Writer:
    """The message, with its tables of strings, functions and locations."""

    def __init__(self, profiles: Profiles, form: Form, period: int) -> None:
        self.message: Any = ProfileMessage(period=period)
        self._profiles = profiles
        self._strings: dict[bytes, int] = {}
        self._functions: dict[bytes, int] = {}
        self._locations: dict[tuple[Frame, ...], int] = {}
        self._string(b"")
        for kind, unit in form.types:
            self.message.sample_type.add(type=self._string(kind), unit=self._string(unit))
        self.message.period_type.type, self.message.period_type.unit = map(self._string, form.period_type)

    def add_sample(self, locations: Iterable[tuple[Frame, ...]], values: Iterable[int], size: int = -1) -> None:
        """size: of an object, in bytes, where objects are counted"""
        sample = self.message.sample.add(location_id=self._ids(locations), value=values)
        if size >= 0:
            sample.label.add(key=self._string(b"bytes"), num=size)

    def finished(self, file: str, nanoseconds: int) -> bytes:
        """The file; see pprofs_of."""
        code = self._profiles.code
        self.message.time_nanos = nanoseconds
        self.message.mapping.add(
            id=1, memory_start=code.start, memory_limit=code.limit, file_offset=code.offset,
            filename=self._string(file.encode("utf-8", "replace")),
            build_id=self._string(self._profiles.build_id.encode()),
            has_functions=True, has_filenames=True, has_line_numbers=True,
        )  # fmt: skip
        return gzip.compress(self.message.SerializeToString(), 6, mtime=0)

    def _string(self, text: bytes) -> int:
        if text not in self._strings:
            self._strings[text] = len(self._strings)
            self.message.string_table.append(text)
        return self._strings[text]

    def _ids(self, locations: Iterable[tuple[Frame, ...]]) -> list[int]:
        return [self._locations.get(frames) or self._add_location(frames) for frames in locations]

    def _add_location(self, frames: tuple[Frame, ...]) -> int:
        id_ = self._locations[frames] = len(self._locations) + 1
        pc, code = frames[0].pc, self._profiles.code
        location = self.message.location.add(id=id_, address=pc, mapping_id=int(code.start <= pc < code.limit))
        for frame in frames:
            if frame.name:
                location.line.add(function_id=self._function(frame), line=frame.line)
        return id_

    def _function(self, frame: Frame) -> int:
        if frame.name not in self._functions:
            id_ = self._functions[frame.name] = len(self._functions) + 1
            name, file = self._string(frame.name), self._string(frame.file)
            self.message.function.add(id=id_, name=name, system_name=name, filename=file, start_line=frame.start_line)
        return self._functions[frame.name]
