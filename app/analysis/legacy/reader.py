"""Reads the profiles that pprof wrote and read before its protobuf form, and jemalloc's. For profile.py.

The order in which the forms are tried is that of parseLegacy in profile/legacy_profile.go of github.com/google/pprof.
"""

from typing import Final

from app.analysis.legacy.contention import read_contention
from app.analysis.legacy.counts import read_counts
from app.analysis.legacy.cpu import read_cpu
from app.analysis.legacy.heap import read_heap
from app.analysis.legacy.java import read_java
from app.analysis.legacy.jemalloc import read_jemalloc
from app.analysis.legacy.threads import read_threads

SIGNS: Final = (b"heap profile:", b" profile: total ", b"--- ", b"heap_v2/")  # in the head of the texts
HEAD: Final = 1 << 16  # bytes; comments may come before
TEXTS: Final = (read_heap, read_counts, read_threads, read_contention, read_java, read_jemalloc)


def read_legacy(data: bytes) -> bytes | None:
    """The pprof message of a legacy profile; None for data that is none. Raises Malformed for a broken one."""
    made = read_cpu(data)
    head = data[:HEAD]
    if made is None and any(sign in head for sign in SIGNS):
        made = next((read for reader in TEXTS if (read := reader(data)) is not None), None)
    return made.message().SerializeToString() if made else None
