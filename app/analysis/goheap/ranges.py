"""What a reading asks for, and what it is answered: ranges of bytes of an executable and of a process's memory."""

from collections.abc import Generator
from enum import StrEnum
from typing import NamedTuple, TypeAlias, TypeVar

PAGE = 4096

T = TypeVar("T")


class Unreadable(Exception):
    """There is no memory profile to be had this way. The text says why, and follows "pid N "."""


class Unsteady(Exception):
    """The profile changed while it was read; another attempt may succeed. The text says why, and follows "pid N "."""


class Source(StrEnum):
    """Where the bytes of a range come from."""

    EXE = "exe"  # the executable's file
    MEM = "mem"  # the process's memory


class Range(NamedTuple):
    """start: offset in the file, or address; size: in bytes."""

    source: Source
    start: int
    size: int


class Area(NamedTuple):
    """One mapping of the process: addresses, permissions such as r-xp, offset in its file, and the file's inode (0 for
    memory that is no file's)."""

    start: int
    limit: int
    permissions: str
    offset: int
    inode: int


class Answer(NamedTuple):
    """The bytes of each range that was asked for, in that order, zeros where they could not be read, and the process's
    mappings."""

    pieces: tuple[bytes, ...]
    areas: tuple[Area, ...]


# A reading yields the ranges that it needs next, all of one request, and returns its result.
Reading: TypeAlias = Generator[tuple[Range, ...], Answer, T]


def ask(*ranges: Range) -> Reading[tuple[bytes, ...]]:
    """The bytes of these ranges."""
    answer = yield ranges
    return answer.pieces
