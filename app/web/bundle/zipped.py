"""A zip that is made while it is sent: no more of it is in memory than a chunk of one file.

Sizes and checksums stand behind each file, in a data descriptor, because they are known only then (APPNOTE.TXT 4.3.9,
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT). unzip, 7z and Python read the directory at the end.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

SUMS, FAULTS = "SHA256SUMS", "INCOMPLETE.txt"
MODE = 0o644 << 16  # a plain file, in the field that Unix uses


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the zip. chunks: its bytes; an error in the middle of them ends the file, and is told.

    size: as it should be, None if it is made on the spot; sha256: likewise, in hex; packed: it is compressed already.
    """

    name: str
    chunks: Iterable[bytes]
    size: int | None = None
    sha256: str = ""
    packed: bool = False


class _Outgoing(io.RawIOBase):
    """What the zip writes, until it is taken. It cannot be rewound."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.waiting += data
        return len(data)

    def taken(self) -> bytes:
        out = bytes(self.waiting)
        self.waiting.clear()
        return out


def zipped(folder: str, entries: Iterable[Entry], when: datetime) -> Iterator[bytes]:
    """The bytes of a zip with these files in `folder`, with SHA256SUMS for `sha256sum -c`.

    A file that cannot be read, or is not as long as it should be, is named with the reason in INCOMPLETE.txt; its
    checksum stays the one of the whole file. when: the time of every file.
    """
    out, sums, faults = _Outgoing(), io.StringIO(), io.StringIO()
    with ZipFile(out, "w") as archive:
        for entry in entries:
            info = ZipInfo(f"{folder}/{entry.name}", max(when.timetuple()[:6], (1980, 1, 1, 0, 0, 0)))
            info.compress_type, info.external_attr = ZIP_STORED if entry.packed else ZIP_DEFLATED, MODE
            info.file_size = entry.size or 0  # beyond 2 GiB its fields have to be larger
            digest, size = sha256(), 0
            with archive.open(info, "w") as file:
                try:
                    for chunk in entry.chunks:
                        file.write(chunk)
                        digest.update(chunk)
                        size += len(chunk)
                        yield out.taken()
                except OSError as error:
                    print(f"{entry.name}: {error.strerror or error}; {size} bytes are here", file=faults)
                else:
                    if entry.size not in (None, size):
                        print(f"{entry.name}: {size} bytes are here, of {entry.size}", file=faults)
            print(f"{entry.sha256 or digest.hexdigest()}  {entry.name}", file=sums)
        if faults.getvalue():
            archive.writestr(f"{folder}/{FAULTS}", faults.getvalue())
        archive.writestr(f"{folder}/{SUMS}", sums.getvalue())
    yield out.taken()
