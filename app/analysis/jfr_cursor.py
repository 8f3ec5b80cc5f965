"""The values of a flight recording: compressed integers, and texts in the encodings of OpenJDK. For jfr_chunk.py."""

import struct
from typing import Any, NamedTuple

from app.analysis.profile import BadProfile

Value = Any  # an int, bytes, Constant, or a list or tuple of them: what a file holds


class Constant(NamedTuple):
    """A reference to a constant: the number of its type, and its own."""

    type: int
    key: int


class Cursor:
    """Reads values one after the other. Raises BadProfile behind the end."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def number(self) -> int:
        """A compressed integer: seven bits a byte, and all eight of the ninth."""
        value, shift = 0, 0
        for at in range(self.at, min(self.at + 8, self.end)):
            byte = self.data[at]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.at = at + 1
                return value
            shift += 7
        self.at += 8
        value |= self.byte() << 56
        return value - (1 << 64) if value >> 63 else value

    def numbers(self, count: int) -> list[int]:
        """So many compressed integers; most have one byte or two."""
        data, at, end = self.data, self.at, self.end
        found = []
        for _ in range(count):
            if at < end and (byte := data[at]) < 0x80:
                found.append(byte)
                at += 1
            elif at + 1 < end and (following := data[at + 1]) < 0x80:
                found.append(byte & 0x7F | following << 7)
                at += 2
            else:
                self.at = at
                found.append(self.number())
                at = self.at
        self.at = at
        return found

    def byte(self) -> int:
        """One byte."""
        if self.at >= self.end:
            raise BadProfile(f"a value goes on behind the end of its part, at byte {self.at}")
        self.at += 1
        return self.data[self.at - 1]

    def bytes(self, size: int) -> bytes:
        """So many bytes."""
        if not 0 <= size <= self.end - self.at:
            raise BadProfile(f"a value goes on behind the end of its part, at byte {self.at}")
        self.at += size
        return self.data[self.at - size : self.at]

    def count(self) -> int:
        """How many values follow, of a byte at least each."""
        count = self.number()
        if not 0 <= count <= self.end - self.at:
            raise BadProfile(f"more values are announced than there are bytes, at byte {self.at}")
        return count

    def text(self, strings: int) -> Value:
        """A text in UTF-8, or a Constant of the type `strings`."""
        match self.byte():
            case 0 | 1:
                return b""
            case 2:
                return Constant(strings, self.number())
            case 3:
                return self.bytes(self.count())
            case 4:
                size = self.count()
                letters = struct.pack(f">{size}H", *(self.number() & 0xFFFF for _ in range(size)))
                return letters.decode("utf-16-be", "replace").encode()
            case 5:
                return self.bytes(self.count()).decode("latin-1").encode()
        raise BadProfile(f"a text is encoded in an unknown way, at byte {self.at - 1}")
