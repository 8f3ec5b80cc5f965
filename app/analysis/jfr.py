"""A JVM's flight recording, of async-profiler (`-o jfr`) and of the JDK (`jcmd PID JFR.start`). For convert.py.

Each kind of event becomes two sample types: how many, and how many nanoseconds or bytes; see jfr_events.py. Methods are
called `package.Class.method`; the lines are kept, the recording has no names of source files.
"""

from collections import defaultdict
from typing import BinaryIO, Final

from app.analysis.jfr_chunk import Chunk, Type, whole_chunks
from app.analysis.jfr_cursor import Constant, Cursor, Value
from app.analysis.jfr_events import MEASURES, Measure, Settings, measures_of, period_of
from app.analysis.profile import LIMIT, BadProfile
from app.analysis.stacks import Frame, Options, Stacks

SETTING: Final = "jdk.ActiveSetting"
STACK, METHOD, CLASS, SYMBOL = "jdk.types.StackTrace", "jdk.types.Method", "java.lang.Class", "jdk.types.Symbol"
FRAME_TYPE: Final = "jdk.types.FrameType"
SCANNED: Final = frozenset({SETTING, *MEASURES})
CONSTANTS: Final = frozenset({STACK, METHOD, CLASS, SYMBOL, FRAME_TYPE})
KERNEL: Final = b"Kernel"  # a type of frames that only async-profiler has
NATIVE: Final = frozenset({b"Native", b"C++", KERNEL})
PRIMITIVES: Final = dict(
    zip((b"B", b"C", b"S", b"I", b"J", b"Z", b"F", b"D"),
        (b"byte", b"char", b"short", b"int", b"long", b"boolean", b"float", b"double"), strict=True)
)  # fmt: skip
UNKNOWN: Final = b"[unknown]"

Sums = dict[tuple[str, Value, Value], list[int]]  # (event, stack, class) -> number, amount


def read(file: BinaryIO, options: Options) -> Stacks:
    """The stacks in `file`. A last chunk without an end, of a process that was killed, is left out.

    Raises BadProfile with the place.
    """
    del options  # the file tells
    data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise BadProfile(f"more than {LIMIT} bytes, which is the limit")
    headers, rest = whole_chunks(data)
    if not headers:
        raise BadProfile(f"none of its chunks is whole: it ends within the first one, after {rest} bytes")
    try:
        stacks = _read([Chunk(data, header) for header in headers])
    except RecursionError as error:
        raise BadProfile("its types are nested too deeply") from error
    if rest:
        stacks.note = f"the last {rest} bytes are a chunk without an end, as of a process that was killed"
    return stacks


def _read(chunks: list[Chunk]) -> Stacks:
    settings: dict[tuple[str, str], str] = {}
    found: set[str] = set()
    for chunk in chunks:
        for of, cursor in chunk.events(SCANNED):
            if of.name == SETTING:
                settings |= _setting(chunk, of, cursor)
            else:
                found.add(of.name)
    measures = measures_of(found, settings)
    stacks = Stacks(*dict.fromkeys(kind for each in measures.values() for kind in (each.counted, each.measured)))
    for name, measure in measures.items():
        if not measure.amount and period_of(name, settings) is None:
            stacks.leave_out(measure.measured)
    for number, chunk in enumerate(chunks, 1):
        _add(stacks, chunk, number, measures, settings)
    return stacks


def _setting(chunk: Chunk, of: Type, cursor: Cursor) -> dict[tuple[str, str], str]:
    """The setting that an event tells."""
    values = dict(zip((field.name for field in of.fields), chunk.values(of, cursor), strict=True))
    owner = chunk.types.get(values["id"]) if isinstance(values.get("id"), int) else None
    name, value = values.get("name"), values.get("value")
    if owner and isinstance(name, bytes) and isinstance(value, bytes):
        return {(owner.name, name.decode("utf-8", "replace")): value.decode("utf-8", "replace")}
    return {}


def _add(stacks: Stacks, chunk: Chunk, number: int, measures: dict[str, Measure], settings: Settings) -> None:
    """Adds the chunk's samples. number: of the chunk."""
    sums: Sums = defaultdict(lambda: [0, 0])
    for of, cursor in chunk.events(measures):
        measure = measures[of.name]
        stack, about, count, amount = _sample(chunk, of, cursor, measure)
        total = sums[of.name, stack, about]
        total[0] += count
        total[1] += amount
    names = Names(chunk.constants(CONSTANTS), chunk.types)
    for (name, stack, about), (count, amount) in sums.items():
        measure = measures[name]
        values = {measure.counted: count}
        if measure.amount:
            values[measure.measured] = amount * 10**9 // chunk.ticks if measure.ticks else amount
        elif period := period_of(name, settings):
            values[measure.measured] = count * period
        stacks.add(number, names.frames(stack, about), values)


def _sample(chunk: Chunk, of: Type, cursor: Cursor, measure: Measure) -> tuple[Constant, Value, int, int]:
    """An event's stack, the class that it is about, its number of samples and its amount."""
    values = chunk.values(of, cursor)
    stack = _value(of, values, "stackTrace")
    if not isinstance(stack, Constant):
        raise BadProfile(f"an event {of.name!r:.80} has no stack")
    count, amount = (_whole(of, values, name) for name in (measure.count, measure.amount))
    return stack, _value(of, values, measure.about), count if measure.count else 1, amount


def _value(of: Type, values: tuple[Value, ...], name: str) -> Value:
    at = of.at(name)
    return None if at is None else values[at]


def _whole(of: Type, values: tuple[Value, ...], name: str) -> int:
    """A field's number; 0 without a name. Raises BadProfile where it is something else, or negative."""
    value = _value(of, values, name) if name else 0
    if not isinstance(value, int) or value < 0:
        raise BadProfile(f"an event {of.name!r:.80} has no number {name}")
    return value


class Names:
    """Frames by the constants of a chunk."""

    def __init__(self, constants: dict[Constant, Value], types: dict[int, Type]) -> None:
        self._constants, self._types = constants, types
        self._frames: dict[Value, Frame] = {}
        kinds = {of: self._part(of, "description") for of in constants if types[of.type].name == FRAME_TYPE}
        # The JDK calls a Java method native.
        self._native = {of for of, kind in kinds.items() if kind in NATIVE} if KERNEL in kinds.values() else set()

    def frames(self, stack: Constant, about: Value) -> list[Frame]:
        """Leaf first; a class is the leaf; none where the recording has no stack."""
        leaf = [Frame(name)] if (name := self._class(about)) else []
        frames = self._part(stack, "frames")
        of = self._frame_type(stack)
        if not isinstance(frames, list) or of is None:
            return leaf
        return leaf + [self._frame(of, frame) for frame in frames]

    def _frame_type(self, stack: Constant) -> Type | None:
        trace = self._types[stack.type]
        at = trace.at("frames")
        return None if at is None else self._types.get(trace.fields[at].type)

    def _frame(self, of: Type, values: Value) -> Frame:
        if not isinstance(values, tuple):
            return Frame(UNKNOWN)
        method, line, kind = (_value(of, values, name) for name in ("method", "lineNumber", "type"))
        place = method, line, kind in self._native
        if place not in self._frames:
            self._frames[place] = self._named(*place)
        return self._frames[place]

    def _named(self, method: Value, line: Value, native: bool) -> Frame:
        owner, name = self._class(self._part(method, "type")), self._text(self._part(method, "name"))
        if native:  # its class is the library
            return Frame(name or UNKNOWN, owner)
        line = line if isinstance(line, int) and 0 < line < 1 << 31 else 0
        return Frame(b".".join(filter(None, (owner, name))) or UNKNOWN, b"", line)

    def _class(self, about: Value) -> bytes:
        """`package.Class`, `long[]`; empty for no class."""
        name = self._text(self._part(about, "name"))
        inside = name.lstrip(b"[")
        dimensions = len(name) - len(inside)
        if dimensions:
            inside = PRIMITIVES.get(inside) or inside.removeprefix(b"L").removesuffix(b";")
        return inside.replace(b"/", b".") + b"[]" * dimensions

    def _part(self, constant: Value, name: str) -> Value:
        """A field of a constant; None where there is no such constant or field."""
        values = self._constants.get(constant) if isinstance(constant, Constant) else None
        return _value(self._types[constant.type], values, name) if isinstance(values, tuple) else None

    def _text(self, symbol: Value) -> bytes:
        text = self._part(symbol, "string")
        return text if isinstance(text, bytes) else b""
