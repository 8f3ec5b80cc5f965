"""Which variables a function's machine code reads and writes, for the few forms that Go's compiler uses.

The code is searched for the bytes of these forms, not disassembled: a match may be the end of another instruction. So
whoever asks takes a result only if it is the only one, and checks what it finds there. The forms are those of Intel's
manual, volume 2, "ModR/M" with mod 00 and r/m 101: relative to the next instruction.
"""

import re
import struct

MODRM = rb"[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]"
LOAD64 = re.compile(rb"(?=[\x48\x4c]\x8b" + MODRM + rb"(.{4}))", re.DOTALL)  # MOV r64, [rip+…]
LOAD32 = re.compile(rb"(?<![\x48-\x4f])(?=\x8b" + MODRM + rb"(.{4}))", re.DOTALL)  # MOV r32, [rip+…]
STORE64 = re.compile(rb"(?=[\x48\x4c]\x89" + MODRM + rb"(.{4}))", re.DOTALL)  # MOV [rip+…], r64
ZERO64 = re.compile(rb"(?=\x48\xc7\x05(.{4}\0{4}))", re.DOTALL)  # MOV [rip+…], 0


def targets(form: re.Pattern[bytes], code: bytes, address: int) -> frozenset[int]:
    """The addresses that the instructions of one form refer to. address: of the code's first byte."""
    return frozenset(address + found.end(1) + struct.unpack_from("<i", found[1])[0] for found in form.finditer(code))
