"""Small pprof profiles made to order, for what Go's own profiles do not show."""

import gzip
from collections.abc import Iterable, Sequence
from typing import Any

from app.analysis.schema import ProfileMessage

Stack = Sequence[str | Sequence[str]]  # leaf first; inlined functions together, leaf first


class Maker:
    """Collects samples; `message` may be spoiled before data() writes it."""

    def __init__(self, *types: tuple[str, str], file: str = "/srv/app") -> None:
        self.message: Any = ProfileMessage()
        self._strings: dict[str, int] = {}
        self._functions: dict[str, int] = {}
        self._locations: dict[tuple[str, ...], int] = {}
        self.string("")
        # has_functions and its neighbours are not in our schema; pprof would look for the binary without them.
        self.message.mapping.add(id=1, filename=self.string(file)).MergeFromString(b"\x38\x01\x40\x01\x48\x01")
        for type, unit in types:
            self.message.sample_type.add(type=self.string(type), unit=self.string(unit))

    def string(self, text: str) -> int:
        if text not in self._strings:
            self._strings[text] = len(self._strings)
            self.message.string_table.append(text.encode())
        return self._strings[text]

    def sample(self, stack: Stack, *values: int) -> "Maker":
        frames = [(frame,) if isinstance(frame, str) else tuple(frame) for frame in stack]
        self.message.sample.add(location_id=[self._location(frame) for frame in frames], value=values)
        return self

    def _location(self, frame: tuple[str, ...]) -> int:
        if frame not in self._locations:
            self._locations[frame] = id = len(self._locations) + 1
            location = self.message.location.add(id=id, mapping_id=1)
            for name in frame:
                location.line.add(function_id=self._function(name))
        return self._locations[frame]

    def _function(self, name: str) -> int:
        if name not in self._functions:
            self._functions[name] = id = len(self._functions) + 1
            self.message.function.add(id=id, name=self.string(name), system_name=self.string(name))
        return self._functions[name]

    def plain(self) -> bytes:
        return bytes(self.message.SerializeToString())

    def data(self) -> bytes:
        return gzip.compress(self.plain(), mtime=0)


def cpu(samples: Iterable[tuple[Stack, int]] = ()) -> Maker:
    """Values in nanoseconds."""
    made = Maker(("samples", "count"), ("cpu", "nanoseconds"))
    for stack, value in samples:
        made.sample(stack, 1, value)
    return made


def heap() -> Maker:
    return Maker(
        ("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")
    )  # fmt: skip


def contention() -> Maker:
    return Maker(("contentions", "count"), ("delay", "nanoseconds"))
