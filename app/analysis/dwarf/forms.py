"""How attributes are written: what a form's value is, and where the next one begins. Source: DWARF 5, 7.5.6."""

from typing import Final, NamedTuple

from app.analysis.dwarf.numbers import signed, unsigned
from app.analysis.goheap.ranges import Unreadable

ADDR, STRING, STRP, LINE_STRP, SEC_OFFSET, IMPLICIT, INDIRECT = 0x01, 0x08, 0x0E, 0x1F, 0x17, 0x21, 0x16
STRX, ADDRX, RNGLISTX, REF_ADDR = 0x1A, 0x1B, 0x23, 0x10
STRX_FIXED: Final = {0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4}
ADDRX_FIXED: Final = {0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4}
FIXED: Final = {
    0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x0C: 1, 0x19: 0, IMPLICIT: 0, 0x11: 1, 0x12: 2, 0x13: 4, 0x14: 8,
    0x20: 8, 0x1C: 4, 0x24: 8, **STRX_FIXED, **ADDRX_FIXED,
}  # fmt: skip
OFFSETS: Final = (STRP, LINE_STRP, SEC_OFFSET, 0x1D, 0x1F20, 0x1F21)  # the last two: GNU's, in another file
UNSIGNED: Final = (0x0F, 0x15, STRX, ADDRX, 0x22, RNGLISTX)
SIGNED: Final = 0x0D
BLOCKS: Final = {0x0A: 1, 0x03: 2, 0x04: 4}
BLOCK, EXPRESSION = 0x09, 0x18
UNIT_REFS: Final = (0x11, 0x12, 0x13, 0x14, 0x15)  # offsets in the unit
CONSTANTS: Final = (0x0B, 0x05, 0x06, 0x07, 0x0F, SIGNED, IMPLICIT)


class Shape(NamedTuple):
    """Of a unit. offset: bytes of an offset, 4 or 8; address: bytes of an address"""

    version: int
    offset: int
    address: int


class Value(NamedTuple):
    """number: of forms that are numbers, 0 for others; text: of a text that stands in place"""

    form: int
    number: int
    text: bytes = b""


def fixed(form: int, shape: Shape) -> int | None:
    """How many bytes every value of this form has; None where that varies."""
    if form in FIXED:
        return FIXED[form]
    if form == ADDR:
        return shape.address
    if form in OFFSETS:
        return shape.offset
    if form == REF_ADDR:
        return shape.address if shape.version == 2 else shape.offset
    return None


def after(form: int, data: bytes, at: int, shape: Shape) -> int:
    """Where the value of a form without a fixed size ends. Raises Unreadable for an unknown form."""
    if form in UNSIGNED or form == SIGNED:
        while data[at] > 127:
            at += 1
        return at + 1
    if form == STRING:
        return data.index(b"\0", at) + 1
    if form in BLOCKS:
        size = BLOCKS[form]
        return at + size + int.from_bytes(data[at : at + size], "little")
    if form in (BLOCK, EXPRESSION):
        size, at = unsigned(data, at)
        return at + size
    if form == INDIRECT:
        form, at = unsigned(data, at)
        size_ = fixed(form, shape)
        return after(form, data, at, shape) if size_ is None and form != INDIRECT else at + (size_ or 0)
    raise Unreadable(f"has debugging information of a form that is not known, {form:#x}")


def value(form: int, data: bytes, at: int, shape: Shape, implicit: int = 0) -> tuple[Value, int]:
    """The value that begins there, and where it ends. implicit: what the abbreviation has of it"""
    if form == INDIRECT:
        form, at = unsigned(data, at)
    if form == IMPLICIT:
        return Value(form, implicit), at
    if (size := fixed(form, shape)) is not None:
        return Value(form, int.from_bytes(data[at : at + size], "little") if size else 1), at + size
    if form in UNSIGNED:
        number, end = unsigned(data, at)
        return Value(form, number), end
    if form == SIGNED:
        number, end = signed(data, at)
        return Value(form, number), end
    end = after(form, data, at, shape)
    return Value(form, 0, data[at : end - 1] if form == STRING else b""), end
