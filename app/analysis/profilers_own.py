"""What of a Go program's heap profile is the profilers' own: buffers of the recording that made the file. For top.py.

go-zero's recording and /debug/pprof compress CPU profiles and traces in the process itself. In a small service that is
most of the memory in use.
"""

import re
from typing import Final

from app.analysis.profile import Profile
from app.analysis.shapes import kind_of

HEAP: Final = "heap"
# Not what the program does under a label or in a region: pprof.Do, trace.WithRegion.
PROFILER: Final = re.compile(
    rb"runtime/pprof\.(StartCPUProfile|profileWriter|(Write|write|print|new)[A-Za-z]*|\(\*(Profile|profileBuilder)\)\.)"
    rb"|runtime/trace\.(Start\b|\(\*(?!Task|Region))|net/http/pprof\.|.*/core/proc\.StartProfile$"
)


def profilers_own(profile: Profile, index: int) -> int:
    """The sum of the samples, of the sample type `index`, whose memory a profiler has allocated; 0 for other kinds."""
    if kind_of(profile) != HEAP:
        return 0
    names = {text.decode("utf-8", "replace") for text in profile.texts if PROFILER.match(text)}
    own = {id for id, location in profile.locations.items() for each in location.functions if each.name in names}
    if not own:
        return 0
    return sum(value for value, ids in profile.stacks(index) if not own.isdisjoint(ids))
