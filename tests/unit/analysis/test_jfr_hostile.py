"""Flight recordings that nobody's JVM wrote: each is refused with a sentence, within little time and memory."""

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.analysis.convert import Format
from app.analysis.profile import BadProfile
from app.analysis.stacks import SAMPLES
from tests.unit.analysis.recorded import converted, folded

HEADER = 68  # bytes
Kinds = dict[int, tuple[str, Sequence[tuple[str, int, bool, bool]]]]  # number -> name, fields
EVENT, STACK, FRAME, METHOD, LONG, EMPTY = 101, 20, 21, 22, 1, 30
KINDS: Kinds = {
    LONG: ("long", ()),
    EMPTY: ("Empty", ()),
    EVENT: ("jdk.ExecutionSample", [("startTime", LONG, False, False), ("stackTrace", STACK, True, False)]),
    STACK: ("jdk.types.StackTrace", [("frames", FRAME, False, True)]),
    FRAME: ("jdk.types.StackFrame", [("method", METHOD, True, False), ("lineNumber", LONG, False, False)]),
    METHOD: ("jdk.types.Method", []),
}


def number(value: int) -> bytes:
    """A compressed integer."""
    value, made = value & (1 << 64) - 1, b""
    for _ in range(8):
        if value < 0x80:
            return made + bytes([value])
        made, value = made + bytes([value & 0x7F | 0x80]), value >> 7
    return made + bytes([value])


def event(kind: int, *values: bytes) -> bytes:
    inside = number(kind) + b"".join(values)
    return number(len(inside) + 1 if len(inside) < 126 else len(inside) + 2) + inside


def metadata(kinds: Kinds) -> bytes:
    """Element by element; every text is told anew."""
    texts: list[str] = []

    def element(name: str, attributes: dict[str, str], inside: Sequence[bytes] = ()) -> bytes:
        indices = []
        for text in (name, *(each for pair in attributes.items() for each in pair)):
            indices.append(number(len(texts)))
            texts.append(text)
        return b"".join([indices[0], number(len(attributes)), *indices[1:], number(len(inside)), *inside])

    classes = []
    for id, (name, fields) in kinds.items():
        inside = []
        for field, of, pool, many in fields:
            layout = {"constantPool": str(pool).lower(), "dimension": f"{many:d}"}
            inside.append(element("field", {"name": field, "class": str(of), **layout}))
        classes.append(element("class", {"id": str(id), "name": name}, inside))
    root = element("root", {}, [element("metadata", {}, classes)])
    told = [b"\3" + number(len(text)) + text.encode() for text in texts]
    return event(0, number(1), number(1), number(1), number(len(told)), *told, root)


def recording(kinds: Kinds, constants: Sequence[bytes], events: Sequence[bytes] = (), delta: int = 0) -> bytes:
    """One chunk. constants: of each type its number, how many, and them."""
    samples = b"".join(events)
    pools = event(1, number(1), number(1), number(delta), b"\0", number(len(constants)), *constants)
    end = metadata(kinds)
    at = HEADER + len(samples)
    size = at + len(pools) + len(end)
    header = struct.pack(">4sHHQQQQQQQI", b"FLR\0", 2, 1, size, at, at + len(pools), 0, 0, 0, 10**9, 1)
    return header + samples + pools + end


def refused(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "recording.jfr"
    path.write_bytes(data)
    with pytest.raises(BadProfile) as caught:
        converted(Format.JFR, path)
    return str(caught.value)


SAMPLE = event(EVENT, number(1), number(7))


def test_the_recording_that_these_are_made_of_is_read(tmp_path: Path) -> None:
    path = tmp_path / "recording.jfr"
    stack = number(STACK) + number(1) + number(7) + number(1) + number(3) + number(5)
    path.write_bytes(recording(KINDS, [stack], [SAMPLE, SAMPLE]))
    assert folded(converted(Format.JFR, path), SAMPLES) == {"[unknown]": 2}


def test_a_type_that_contains_itself_ends(tmp_path: Path) -> None:
    kinds: Kinds = {**KINDS, EMPTY: ("Empty", [("self", EMPTY, False, False)])}
    constants = number(EMPTY) + number(1) + number(1)
    assert refused(tmp_path, recording(kinds, [constants], [SAMPLE])) == "its types are nested too deeply"


def test_constants_that_name_themselves_as_the_ones_before_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "recording.jfr"
    path.write_bytes(recording(KINDS, [], [SAMPLE]))
    assert folded(converted(Format.JFR, path), SAMPLES) == {"": 1}
    ahead = recording(KINDS, [], [SAMPLE], delta=1 << 40)
    assert refused(tmp_path, ahead).startswith("a part of a chunk is said to be outside of it")


@pytest.mark.parametrize("count", [1 << 20, 1 << 62, -1])
def test_more_constants_than_bytes_are_refused(tmp_path: Path, count: int) -> None:
    said = refused(tmp_path, recording(KINDS, [number(EMPTY) + number(count)], [SAMPLE]))
    assert said.startswith("more values are announced than there are bytes, at byte ")


def test_more_frames_than_bytes_are_refused(tmp_path: Path) -> None:
    stack = number(STACK) + number(1) + number(7) + number(1 << 40)
    assert "more values are announced" in refused(tmp_path, recording(KINDS, [stack], [SAMPLE]))


def test_a_constant_of_an_unknown_type_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, recording(KINDS, [number(99) + number(1)], [SAMPLE]))
    assert said.startswith("constants are of a type that the chunk does not describe")


def test_an_event_that_ends_before_its_values_is_refused(tmp_path: Path) -> None:
    assert "behind the end of its part" in refused(tmp_path, recording(KINDS, [], [event(EVENT, number(1))]))


def test_an_event_without_size_is_refused(tmp_path: Path) -> None:
    assert "smaller than its own size" in refused(tmp_path, recording(KINDS, [], [bytes(40)]))


def test_an_event_that_is_larger_than_the_chunk_is_refused(tmp_path: Path) -> None:
    assert "is larger than its chunk" in refused(tmp_path, recording(KINDS, [], [number(1 << 50) + number(EVENT)]))


def test_a_sample_without_a_stack_is_refused(tmp_path: Path) -> None:
    kinds: Kinds = {**KINDS, EVENT: ("jdk.ExecutionSample", [("startTime", LONG, False, False)])}
    assert refused(tmp_path, recording(kinds, [], [SAMPLE])) == "an event 'jdk.ExecutionSample' has no stack"
