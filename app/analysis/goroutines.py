"""Goroutines that are at one place, of a dump (debug=2) or a goroutine profile. For facts.py.

The text is untrusted. A line that is not understood is passed over.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from app.analysis.charges import LONGEST, Frame, nearest, own_path, stacks_of
from app.analysis.owners import Owners, enclosing
from app.analysis.profile import LIMIT, BadProfile, Profile

HEADER: Final = re.compile(r"goroutine (\d{1,19}) (?:gp=\S+ m=\S+(?: mp=\S+)? )?\[([^\]]{1,200})\]")
WAIT: Final = re.compile(r"(\d{1,9}) minutes")
CREATED: Final = re.compile(r"created by (\S+)(?: in goroutine (\d{1,19}))?")
PLACE: Final = re.compile(r"\t(\S.*?):(\d{1,9})(?: |$)")
MOST_GROUPS: Final = 300
MOST_FRAMES: Final = 100
LOCKING: Final = r"(internal/)?sync\.\(\*(RW)?Mutex\)\.(lock|Lock|RLock|rLock)|sync\.runtime_Semacquire(RW)?Mutex"
STATES: Final = (  # of a goroutine whose state is told by the functions that it waits in
    ("lock", re.compile(LOCKING)),
    ("cond", re.compile(r"sync\.\(\*Cond\)\.Wait")),
    ("group", re.compile(r"sync\.\(\*WaitGroup\)\.Wait")),
    ("io", re.compile(r"internal/poll\.runtime_pollWait|runtime\.netpollblock|syscall\.Syscall|syscall\.RawSyscall")),
    ("sleep", re.compile(r"time\.Sleep")),
    ("send", re.compile(r"runtime\.chansend")),
    ("receive", re.compile(r"runtime\.chanrecv")),
    ("select", re.compile(r"runtime\.selectgo$")),
    ("forever", re.compile(r"runtime\.block$")),
)
SAID: Final = (  # states as a dump says them
    ("lock", ["sync.Mutex.Lock", "sync.RWMutex.Lock", "sync.RWMutex.RLock", "semacquire"]),
    ("cond", ["sync.Cond.Wait"]),
    ("group", ["sync.WaitGroup.Wait"]),
    ("io", ["IO wait", "syscall"]),
    ("sleep", ["sleep"]),
    ("send", ["chan send", "chan send (nil chan)"]),
    ("receive", ["chan receive", "chan receive (nil chan)"]),
    ("select", ["select"]),
    ("forever", ["select (no cases)"]),
)
STATE_OF: Final = {said: state for state, many in SAID for said in many}


class Place(NamedTuple):
    """Where goroutines are. state: lock, cond, group, io, sleep, send, receive, select, forever or running.

    at, line: the nearest own function and its line, "" where there is none; path: the own functions to it
    waits_in: the library function that the own one has called, "" if it waits by itself; served: whether the
    goroutine answers a request; created_by: only a dump tells
    """

    state: str
    at: str
    line: str
    path: tuple[str, ...]
    waits_in: str
    root: str
    served: bool
    created_by: str
    leaked: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The goroutines at one place. longest, shortest: minutes of their waits, as far as a dump tells.

    creators: how many goroutines made them; gone: how many of these goroutines were made by one that has ended
    stack: of one of them, `function file.go:12` each, the innermost first
    """

    place: Place
    count: int
    longest: int = 0
    shortest: int = 0
    creators: int = 0
    gone: int = 0
    stack: tuple[str, ...] = field(default=(), compare=False)


@dataclass(slots=True)
class _One:
    id: str = ""
    state: str = ""
    minutes: int = 0
    leaked: bool = False
    frames: list[tuple[str, str, int]] = field(default_factory=list)  # name, file, line
    function: str = ""  # whose file and line follow
    created_by: str = ""
    creator: str = ""


def of_profile(profile: Profile, index: int, module: str = "") -> tuple[Group, ...]:
    """The groups of a goroutine or goroutineleak profile, the largest first. module: see Owners."""
    counts: Counter[Place] = Counter()
    stacks: dict[Place, list[Frame]] = {}
    for values, frames in stacks_of(profile, module):
        place = _place(frames, _state_of(frames), "", leaked=False)
        counts[place] += values[index]
        stacks.setdefault(place, frames)
    return tuple(
        Group(place, count, stack=tuple(f"{frame.name} {frame.place}".strip() for frame in stacks[place][:MOST_FRAMES]))
        for place, count in counts.most_common(MOST_GROUPS)
    )


def of_dump(data: bytes, module: str = "") -> tuple[Group, ...]:
    """The groups of a dump, the largest first. module: see Owners. Raises BadProfile for text that is too long."""
    if len(data) > LIMIT:
        raise BadProfile(f"more than {LIMIT} bytes, which is the limit")
    ones = list(_parsed(data.decode("utf-8", "replace").splitlines()))
    owners = Owners(dict.fromkeys((frame[0], frame[1]) for one in ones for frame in one.frames), module)
    alive = {one.id for one in ones}
    groups: dict[Place, list[_One]] = defaultdict(list)
    for one in ones:
        frames = [_frame(*frame, owners) for frame in one.frames]
        groups[_place(frames, one.state, one.created_by, leaked=one.leaked)].append(one)
    made = [_group(place, those, alive) for place, those in groups.items()]
    return tuple(sorted(made, key=lambda group: -group.count)[:MOST_GROUPS])


def _group(place: Place, those: Sequence[_One], alive: set[str]) -> Group:
    minutes = [one.minutes for one in those]
    creators = {one.creator for one in those} - {""}
    gone = sum(one.creator not in alive for one in those if one.creator)
    stack = tuple(f"{name} {file.rpartition('/')[2]}:{line}" for name, file, line in those[0].frames)
    return Group(place, len(those), max(minutes), min(minutes), len(creators), gone, stack)


def _parsed(lines: Sequence[str]) -> Iterator[_One]:
    one: _One | None = None
    for line in lines:
        if found := HEADER.match(line):
            if one:
                yield one
            one = _begun(found[1], found[2])
        elif one and line.startswith("created by "):
            if made := CREATED.match(line):
                one.created_by, one.creator = enclosing(made[1][:LONGEST]), made[2] or ""
        elif one and line.startswith("\t"):
            where = PLACE.match(line)
            if where and one.function and len(one.frames) < MOST_FRAMES:
                one.frames.append((one.function, where[1][:LONGEST], int(where[2])))
            one.function = ""
        elif one and line.endswith(")"):
            one.function = line.rpartition("(")[0][:LONGEST]
    if one:
        yield one


def _begun(id: str, said: str) -> _One:
    leaked = "(leaked)" in said
    state = said.partition(",")[0].replace("(leaked)", "").strip()
    minutes = WAIT.search(said)
    return _One(id, STATE_OF.get(state, "running"), int(minutes[1]) if minutes else 0, leaked)


def _frame(name: str, file: str, line: int, owners: Owners) -> Frame:
    own = owners.own(name, file)
    return Frame(enclosing(name) if own else name, own, f"{file.rpartition('/')[2]}:{line}" if own else "")


def _state_of(frames: Sequence[Frame]) -> str:
    return next((s for s, sign in STATES if any(sign.match(frame.name) for frame in frames[:10])), "running")


def _place(frames: Sequence[Frame], state: str, created_by: str, *, leaked: bool) -> Place:
    at = nearest(frames)
    if at is None:
        waits = next((frame.name for frame in frames if not frame.name.startswith(("runtime.", "internal/"))), "")
        root = frames[-1].name if frames else ""
        return Place(state, "", "", (), waits, root, False, created_by, leaked)
    inner = next(i for i, frame in enumerate(frames) if frame.own and frame.name == frames[at].name)  # its closure, too
    outside = [frame.name for frame in frames[:inner] if not frame.name.startswith(("runtime.", "internal/"))]
    served = any(frame.name.startswith("net/http.(*conn).serve") or "grpc" in frame.name for frame in frames[at:])
    own = frames[inner]
    path = own_path(frames, at)
    return Place(state, own.name, own.place, path, outside[-1] if outside else "", path[0], served, created_by, leaked)
