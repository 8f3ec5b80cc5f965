"""Decompresses what gzip compressed, within a limit. For profile.py."""

import zlib
from io import BytesIO
from typing import Any, Final

from app.analysis.wire import BadProfile

GZIP: Final = b"\x1f\x8b"
PIECE: Final = 1 << 20  # bytes that are given to zlib at once
MORE: Final = 1 << 24  # bytes that it returns at once at most


def decompressed(data: bytes, limit: int) -> bytes:
    """At most limit + 1 bytes. Raises BadProfile.

    Reads to the footer of the last gzip member; zlib checks its checksum.
    """
    out = BytesIO()
    while data and out.tell() <= limit:
        if not data.startswith(GZIP):
            raise BadProfile("bytes that are no gzip follow the end of the gzip stream")
        data = _member(data, out, limit)
    return out.getvalue()


def _member(data: bytes, out: BytesIO, limit: int) -> bytes:
    """Appends one gzip member to `out`, up to limit + 1 bytes in all; returns what follows the member."""
    stream, at = zlib.decompressobj(wbits=31), 0
    while not stream.eof and out.tell() <= limit:
        piece = stream.unconsumed_tail or data[at : at + PIECE]
        at += 0 if stream.unconsumed_tail else PIECE
        more = _inflated(stream, piece, min(limit + 1 - out.tell(), MORE))
        if not (piece or more or stream.eof):
            raise BadProfile("ends in the middle of the gzip stream")
        out.write(more)
    return stream.unused_data + data[at:]


def _inflated(stream: Any, piece: bytes, most: int) -> bytes:
    try:
        return bytes(stream.decompress(piece, most))
    except zlib.error as error:
        raise BadProfile(f"not a sound gzip stream: {error}") from error
