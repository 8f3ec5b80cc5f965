"""How many sampled events stand behind a value of a profile. noise.py needs it: noise is that of counting them.

A value is a sum of events of one weight: 30 ms are three samples of 10 ms, 4 MB in use may be eight sampled objects.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from app.analysis.profile import Profile, ValueType
from app.analysis.shapes import CONTENTION, kind_of

SAMPLES: Final = ValueType("samples", "count")
WHOLE: Final = frozenset({"goroutine", "goroutineleak", "threadcreate", "thread"})  # every one is counted, none sampled
HEAP: Final = {
    "alloc_space": ("alloc_objects", "alloc_space"),
    "alloc_objects": ("alloc_objects", "alloc_space"),
    "inuse_space": ("inuse_objects", "inuse_space"),
    "inuse_objects": ("inuse_objects", "inuse_space"),
}

Events = Callable[[Any], float]  # of a sample of the message


def events_of(profile: Profile, index: int) -> Events | str:
    """What tells the number of events of a sample, for the sample type `index`; or a sentence why nothing does."""
    types, message = profile.sample_types, profile.message
    names = [each.type for each in types]
    if any(sample.value[index] < 0 for sample in message.sample):
        return "it has negative values: it is a difference itself"
    if (pair := HEAP.get(names[index])) and set(pair) <= set(names):
        return _heap(names.index(pair[0]), names.index(pair[1]), message.period)
    if kind_of(profile) == CONTENTION:
        return "a profile of contention does not say which part of the waiting it sampled"
    if kind_of(profile) in WHOLE or SAMPLES in types:
        at = index if kind_of(profile) in WHOLE else types.index(SAMPLES)
        return lambda sample: float(sample.value[at])
    if message.period > 0 and _period_type(profile) == types[index]:
        return lambda sample: float(sample.value[index] / message.period)
    return "it does not say how many samples its values are made of"


def _heap(objects: int, space: int, rate: int) -> Events | str:
    """Go records an object of `size` bytes with the probability 1 - exp(-size / rate), and divides by it when it writes
    the profile (scaleHeapSample in runtime/pprof/protomem.go)."""
    if rate <= 0:
        return "it does not say how many bytes lie between two samples of the heap"

    def events(sample: Any) -> float:
        count = float(sample.value[objects])
        return count * -math.expm1(-(sample.value[space] / count) / rate) if count else 0.0

    return events


def _period_type(profile: Profile) -> ValueType:
    texts, period = profile.message.string_table, profile.message.period_type
    return ValueType(*(texts[at].decode("utf-8", "replace") for at in (period.type, period.unit)))
