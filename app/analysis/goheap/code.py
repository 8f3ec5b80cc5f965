"""Which variables a function's machine code reads and writes, for the few forms that Go's compiler uses.

The code is searched for these forms, not followed: a match may be the end of another instruction, or never run. So
whoever asks takes a result only if it is the only one, and checks what it finds there.

Sources: Intel's manual, volume 2, "ModR/M" with mod 00 and r/m 101: relative to the next instruction.
"""

import re
import struct
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


def targets(machine: str, use: Use, code: bytes, address: int) -> frozenset[int]:
    """The addresses of what the code uses in one way. address: of the code's first byte."""
    return _amd64(use, code, address)


def _amd64(use: Use, code: bytes, address: int) -> frozenset[int]:
    found = AMD64[use].finditer(code)
    return frozenset(address + each.end(1) + struct.unpack_from("<i", each[1])[0] for each in found)
