"""The kind of a profile, by its sample types, so that a swapped file is noticed. For verdict.py and top.py.

The sample types are those of Go's runtime/pprof since Go 1.9 (proto.go, protomem.go, pprof.go). Heap and allocs have
the same ones, with different defaults.
"""

from typing import Final

from app.analysis.profile import Profile, ValueType

CONTENTION: Final = "contention"  # mutex and block profiles have the same sample types
DELAYS: Final = ("nanoseconds", "microseconds", "milliseconds")  # Java's have other units than Go's
SIGNS: Final = (
    ("cpu", {ValueType("cpu", "nanoseconds")}),
    ("cpu", {ValueType("samples", "count")}),  # of perf, for an event that does not measure time
    ("heap", {ValueType("inuse_space", "bytes")}),
    ("heap", {ValueType("space", "bytes")}),  # of gperftools and jemalloc without what was ever allocated
    *((CONTENTION, {ValueType("contentions", "count"), ValueType("delay", unit)}) for unit in DELAYS),
    ("thread", {ValueType("thread", "count")}),  # of gperftools: the stacks of all threads
    ("threadcreate", {ValueType("threadcreate", "count")}),
    ("goroutine", {ValueType("goroutine", "count")}),
    ("goroutineleak", {ValueType("goroutineleak", "count")}),  # since Go 1.27
)


def kind_of(profile: Profile) -> str:
    """ "cpu", "heap" (or allocs), "contention" (mutex or block), "threadcreate", "goroutine", "goroutineleak",
    "thread", or else "other"."""
    return next((kind for kind, signs in SIGNS if signs <= set(profile.sample_types)), "other")
