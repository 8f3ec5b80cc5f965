"""The quick way to read a location, beside the one that reads every layout."""

import random

import pytest

from app.analysis import tables
from app.analysis.tables import Function, Location, Mapped, locations
from app.analysis.usual import usual_location
from app.analysis.wire import BadProfile

MAPPINGS = {id: Mapped(0, 1, 0, f"/srv/{id}", "") for id in (1, 2, 300)}
FUNCTIONS = {id: Function(f"f{id}", "", 0) for id in (1, 127, 128, 20_000, 3_000_000)}


def packed(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes((*digits, number))


def body(draw: random.Random) -> bytes:
    """A location of a usual layout, or nearly."""
    line = b"\x08" + packed(draw.choice((*FUNCTIONS, 5)))
    line += draw.choice((b"", b"\x10" + packed(draw.randrange(1 << 20)), b"\x18\x07", b"\x10\x03\x18\x01", b"\x28\x01"))
    parts = [
        b"\x10" + packed(draw.choice((*MAPPINGS, 0, 9))) if draw.random() < 0.8 else b"",
        b"\x18" + packed(draw.choice((0, 4096, (1 << 64) - 1))) if draw.random() < 0.8 else b"",
        b"\x22" + packed(len(line) + (draw.random() < 0.05)) + line,
        draw.choice((b"", b"", b"\x10" + packed(2), b"\x22\x02\x08\x01", b"\x28\x01", b"\x80")),
    ]
    if draw.random() < 0.3:
        draw.shuffle(parts)
    return b"\x08" + packed(draw.choice((1, 127, 128, 70_000, 0))) + b"".join(parts)


def read(data: bytes) -> dict[int, Location] | str:
    try:
        return locations([data], MAPPINGS, FUNCTIONS)
    except BadProfile as why:
        return str(why)


def test_a_location_is_the_same_however_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(5)  # noqa: S311
    bodies = [body(draw) for _ in range(5000)]
    quick = [read(each) for each in bodies]
    usual = sum(usual_location(each) is not None for each in bodies)
    assert 500 < usual < 4500, "both ways were taken"
    monkeypatch.setattr(tables, "usual_location", lambda _: None)
    assert quick == [read(each) for each in bodies]
