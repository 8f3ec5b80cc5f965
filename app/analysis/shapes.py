"""Which kind of profile a file is, by its sample types, so that a swapped file is noticed. For verdict.py and top.py.

The sample types are those of Go's runtime/pprof since Go 1.9 (proto.go, protomem.go, pprof.go); heap and allocs have
the same, and differ in which is the default.
"""

from typing import Final

from app.analysis.profile import Profile, ValueType
from app.model import Kind

CONTENTION: Final = "contention"  # mutex and block profiles are made alike: nothing in them says which
OF_KIND: Final = {
    Kind.CPU: "cpu",
    Kind.HEAP: "heap",
    Kind.ALLOCS: "heap",
    Kind.MUTEX: CONTENTION,
    Kind.BLOCK: CONTENTION,
    Kind.THREADCREATE: "threadcreate",
    Kind.GOROUTINE: "goroutine",
}
SIGNS: Final = (
    ("cpu", {ValueType("cpu", "nanoseconds")}),
    ("cpu", {ValueType("samples", "count")}),  # perf's, of an event that is no time
    ("heap", {ValueType("inuse_space", "bytes")}),
    (CONTENTION, {ValueType("contentions", "count"), ValueType("delay", "nanoseconds")}),
    ("threadcreate", {ValueType("threadcreate", "count")}),
    ("goroutine", {ValueType("goroutine", "count")}),
)


def kind_of(profile: Profile) -> str:
    """ "cpu", "heap" (or allocs), "contention" (mutex or block), "threadcreate", "goroutine", or "other"."""
    return next((kind for kind, signs in SIGNS if signs <= set(profile.sample_types)), "other")
