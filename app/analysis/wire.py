"""Protobuf's wire format, read as pprof reads it (profile/proto.go of github.com/google/pprof). For profile.py.

Written here because the protobuf library takes longer to import than most profiles take to read.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

VARINT: Final = 0  # wire types
LENGTH: Final = 2
FIXED: Final = {1: 8, 5: 4}  # their sizes in bytes

LAST_SHIFT: Final = 63  # of the bytes of a varint
UNSIGNED: Final = (1 << 64) - 1
SIGN: Final = 1 << 63

Message = Mapping[int, Any]  # tag -> number, or bytes of every field with this tag
Other = Callable[[bytes, int, Collection[int]], int]  # what end_of_other takes and returns


class BadProfile(Exception):
    """Not a profile that can be read. The text is a sentence that says why."""

    def __init__(self, why: str = "not a pprof profile: no protobuf message of that kind") -> None:
        super().__init__(why)


def tag_of(field: int, kind: int) -> int:
    """The number in front of a field of this wire type."""
    return field << 3 | kind


def signed(number: int) -> int:
    """The int64 that an unsigned number stands for."""
    number &= UNSIGNED
    return number - ((number & SIGN) << 1)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The unsigned number at `at`, and where it ends. Raises BadProfile, and IndexError where the data ends."""
    number = 0
    for shift in range(0, LAST_SHIFT + 1, 7):
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number & UNSIGNED, at
    raise BadProfile


def numbers(packed: bytes) -> list[int]:
    """The unsigned numbers in a packed field. Raises BadProfile for one that is too long or has no end."""
    found, number, shift = list[int](), 0, 0
    for byte in packed:
        if byte < 128:
            found.append(number + (byte << shift))
            number = shift = 0
        else:
            number += (byte - 128) << shift
            shift += 7
            if shift > LAST_SHIFT:
                raise BadProfile
    if shift:
        raise BadProfile
    return found


def message(*tags: int) -> Message:
    """A message without any field. tags: of the fields that are used."""
    return {tag: () if tag & 7 == LENGTH else 0 for tag in tags}


def fields(data: bytes, empty: Message, other: Other | None = None) -> dict[int, Any]:
    """What is in a message, by tag: the last of several numbers, unsigned; all of several bytes, in their order.

    empty: what there is of a field that does not occur; other: reads fields that are not in it, instead of
    end_of_other. Raises BadProfile, also when a field has another wire type.
    """
    other = other or end_of_other
    found: dict[int, Any] = dict(empty)
    at, end = 0, len(data)
    try:
        while at < end:
            tag = data[at]
            if tag not in found:
                at = other(data, at, found)
                continue
            value = data[at + 1]
            at += 2
            if value > 127:  # a call for a number of two bytes would take longer than all the rest
                if data[at] < 128:
                    value, at = value - 128 + (data[at] << 7), at + 1
                else:
                    value, at = varint(data, at - 1)
            if tag & 7 == LENGTH:
                begin, at = at, at + value
                if found[tag]:
                    found[tag].append(data[begin:at])
                else:
                    found[tag] = [data[begin:at]]
            else:
                found[tag] = value
    except IndexError:
        raise BadProfile from None
    if at > end:
        raise BadProfile
    return found


def end_of_other(data: bytes, at: int, used: Collection[int]) -> int:
    """Where a field that is not used ends. Raises as varint, and BadProfile for a used one of another wire type."""
    tag, at = varint(data, at)
    kind = tag & 7
    if any(tag >> 3 == other >> 3 for other in used):
        raise BadProfile
    if kind == VARINT:
        return varint(data, at)[1]
    if kind == LENGTH:
        size, at = varint(data, at)
        return at + size
    if kind in FIXED:
        return at + FIXED[kind]
    raise BadProfile
