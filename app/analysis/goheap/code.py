"""Which variables a function's machine code reads and writes, for the few forms that Go's compiler uses.

The code is searched for these forms, not followed: a match may be the end of another instruction, or never run. So
whoever asks takes a result only if it is the only one, and checks what it finds there.

Sources: for amd64 Intel's manual, volume 2, "ModR/M" with mod 00 and r/m 101: relative to the next instruction; for
arm64 Arm's reference manual, C6.2: ADRP takes the address of a page, and the next instruction adds the rest.
"""

import re
import struct
from collections.abc import Iterator
from enum import Enum, auto


class Use(Enum):
    """What an instruction does with a variable: reads 64 or 32 bits of it, writes 64 bits or 64 bits of zero, takes its
    address."""

    LOAD64 = auto()
    LOAD32 = auto()
    STORE64 = auto()
    ZERO64 = auto()
    ADDRESS = auto()


MODRM = rb"[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]"
AMD64 = {
    Use.LOAD64: re.compile(rb"(?=[\x48\x4c]\x8b" + MODRM + rb"(.{4}))", re.DOTALL),  # MOV r64, [rip+…]
    Use.LOAD32: re.compile(rb"(?<![\x48-\x4f])(?=\x8b" + MODRM + rb"(.{4}))", re.DOTALL),  # MOV r32, [rip+…]
    Use.STORE64: re.compile(rb"(?=[\x48\x4c]\x89" + MODRM + rb"(.{4}))", re.DOTALL),  # MOV [rip+…], r64
    Use.ZERO64: re.compile(rb"(?=\x48\xc7\x05(.{4}\0{4}))", re.DOTALL),  # MOV [rip+…], 0
    Use.ADDRESS: re.compile(rb"(?=[\x48\x4c]\x8d" + MODRM + rb"(.{4}))", re.DOTALL),  # LEA r64, [rip+…]
}


# What follows ADRP: the instruction without its operands, what it does, and the unit of its offset.
ARM64 = (
    (0xF9400000, Use.LOAD64, 8),  # LDR x
    (0xB9400000, Use.LOAD32, 4),  # LDR w
    (0xF9000000, Use.STORE64, 8),  # STR x
    (0x91000000, Use.ADDRESS, 1),  # ADD
)
ARM64_ORDERED = {0xC8DFFC00: Use.LOAD64, 0x88DFFC00: Use.LOAD32}  # LDAR x, LDAR w, which follow that ADD
ZERO = 31  # the register that is always 0


def targets(machine: str, use: Use, code: bytes, address: int) -> frozenset[int]:
    """The addresses of what the code uses in one way. address: of the code's first byte."""
    if machine == "arm64":
        return frozenset(place for found, place in _arm64(code, address) if found is use)
    found = AMD64[use].finditer(code)
    return frozenset(address + each.end(1) + struct.unpack_from("<i", each[1])[0] for each in found)


def _arm64(code: bytes, address: int) -> Iterator[tuple[Use, int]]:
    words = (*struct.unpack_from(f"<{len(code) // 4}I", code), 0, 0)
    for at, word in enumerate(words[:-2]):
        if word & 0x9F000000 != 0x90000000:  # ADRP
            continue
        pages = (word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3
        page = (address + 4 * at & ~0xFFF) + ((pages - ((pages & 1 << 20) << 1)) << 12)
        rest, ordered = words[at + 1 : at + 3]
        for form, use, unit in ARM64:
            if rest & 0xFFC00000 == form and rest >> 5 & 31 == word & 31:
                place = page + (rest >> 10 & 0xFFF) * unit
                yield (Use.ZERO64 if use is Use.STORE64 and rest & 31 == ZERO else use), place
                if use is Use.ADDRESS and ordered >> 5 & 31 == rest & 31 and ordered & 0xFFFFFC00 in ARM64_ORDERED:
                    yield ARM64_ORDERED[ordered & 0xFFFFFC00], place
