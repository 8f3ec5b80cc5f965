"""Charges the cost of every sample to the nearest own function on its stack. For facts.py. Go only.

A closure counts as the function that declares it. A function that a library calls back, such as the comparison that
sort.Slice got, counts as the caller of that library.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from app.analysis.owners import Owners, enclosing
from app.analysis.profile import Profile
from app.analysis.purposes import NAMES, NOTHING, calls_back, means_of, purpose_of
from app.analysis.stacks import shortened

DEEPEST: Final = 16  # own functions of a path
MOST: Final = 60  # functions of each measure
LONGEST: Final = 200  # characters of a name
OWN_WORK: Final = ("", "hash_maps", "copying")  # purposes that are a part of any code, and no work of a library


class Frame(NamedTuple):
    """A function on a stack. own: whether it is the program's own; place: `file.go:12`, of the line that runs."""

    name: str
    own: bool
    place: str


@dataclass(frozen=True, slots=True)
class Charge:
    """What one own function pays for, in the unit of the measured sample type.

    paid: by sample type, in their order; flat: by its own code; cum: with own functions that it calls
    purposes: see purposes.PURPOSES; means: see purposes.MEANS
    path: the dearest way to it through own functions, the entry point first, itself last
    place: the dearest line
    callee: the own function that it calls for most of its cum, callee_cum
    """

    function: str
    paid: tuple[int, ...]
    flat: int
    cum: int
    purposes: dict[str, int]
    means: dict[str, int]
    path: tuple[str, ...]
    place: str
    callee: str
    callee_cum: int


@dataclass(frozen=True, slots=True)
class Charges:
    """What a profile says. totals: of all samples, by sample type; measured: the index of the type that is charged.

    means, purposes: of all samples, also those of no own function
    """

    sample_types: tuple[str, ...]
    totals: tuple[int, ...]
    measured: int
    seconds: float | None
    means: dict[str, int]
    purposes: dict[str, int]
    functions: tuple[Charge, ...]


class _Cost(NamedTuple):
    weight: int
    purpose: str
    means: frozenset[str]


@dataclass(slots=True)
class _Sum:
    paid: list[int]
    flat: int = 0
    cum: int = 0
    purposes: Counter[str] = field(default_factory=Counter)
    means: Counter[str] = field(default_factory=Counter)
    paths: Counter[tuple[str, ...]] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    callees: Counter[str] = field(default_factory=Counter)


def is_go(profile: Profile) -> bool:
    """Whether the functions are those of a Go program: by their files, or by the runtime where files are not told.

    A heap profile need not have a function of the runtime: it leaves out those that every allocation has."""
    texts = profile.message.string_table
    functions = profile.message.function
    return any(texts[each.filename].endswith(b".go") or texts[each.name].startswith(b"runtime.") for each in functions)


def stacks_of(profile: Profile, module: str) -> Iterator[tuple[Sequence[int], list[Frame]]]:
    """Every sample: its values, and its functions, leaf first. module: see Owners."""
    message = profile.message
    texts = [text.decode("utf-8", "replace")[:LONGEST] for text in message.string_table]
    functions = {each.id: (texts[each.name], texts[each.filename]) for each in message.function}
    owners = Owners(functions.values(), module)
    own = {id: owners.own(name, file) for id, (name, file) in functions.items()}
    locations: dict[int, list[Frame]] = {}
    for location in message.location:
        lines = [(line.function_id, line.line) for line in location.line]
        locations[location.id] = [_frame(functions[id], own[id], line) for id, line in lines]
    for sample in message.sample:
        yield sample.value[:], [frame for id in sample.location_id[:] for frame in locations[id]]


def charges(profile: Profile, measured: int, module: str = "") -> Charges:
    """The charges of a profile. measured: the index of the sample type that purposes and paths are weighed by; module:
    see Owners."""
    arity = len(profile.sample_types)
    sums: dict[str, _Sum] = defaultdict(lambda: _Sum([0] * arity))
    totals, means, purposes = [0] * arity, Counter[str](), Counter[str]()
    for values, frames in stacks_of(profile, module):
        for at, value in enumerate(values):
            totals[at] += value
        payer = nearest(frames)
        cost = _cost(frames if payer is None else frames[:payer], values[measured])
        means.update(dict.fromkeys(cost.means, cost.weight))
        if cost.purpose:
            purposes[cost.purpose] += cost.weight
        if payer is not None:
            _charge(sums, frames, payer, values, cost)
    return Charges(
        sample_types=tuple(each.type for each in profile.sample_types),
        totals=tuple(totals),
        measured=measured,
        seconds=profile.duration_seconds,
        means=dict(means),
        purposes=dict(purposes),
        functions=tuple(_charge_of(name, each) for name, each in _chosen(sums, arity)),
    )


def _frame(function: tuple[str, str], own: bool, line: int) -> Frame:
    name, file = function
    place = f"{file.rpartition('/')[2]}:{line}" if own and file and line else ""
    return Frame(enclosing(name) if own else name, own, place)


def _cost(library: Sequence[Frame], weight: int) -> _Cost:
    purpose = min((purpose_of(frame.name) for frame in library), default=NOTHING)
    means = frozenset(sign for frame in library for sign in means_of(frame.name))
    return _Cost(weight, "" if purpose == NOTHING else NAMES[purpose], means)


def nearest(frames: Sequence[Frame]) -> int | None:
    """The index of the own frame that pays: the first from the leaf that no library calls back for another one."""
    found = next((at for at, frame in enumerate(frames) if frame.own), None)
    while found is not None:
        above = found + 1
        while above < len(frames) and not frames[above].own and calls_back(frames[above].name):
            above += 1
        called_back = above > found + 1 and above < len(frames) and frames[above].own
        same = above < len(frames) and frames[above].own and frames[above].name == frames[found].name
        if not called_back and not same:
            return found
        found = above
    return None


def own_path(frames: Sequence[Frame], payer: int) -> tuple[str, ...]:
    """The own functions from the entry point to the one that pays, each once in a row."""
    names: list[str] = []
    for frame in reversed(frames[payer:]):
        if frame.own and (not names or names[-1] != frame.name):
            names.append(frame.name)
    return tuple(shortened(names, DEEPEST, "…"))


def _charge(sums: dict[str, _Sum], frames: Sequence[Frame], payer: int, values: Sequence[int], cost: _Cost) -> None:
    one, path = sums[frames[payer].name], own_path(frames, payer)
    for at, value in enumerate(values):
        one.paid[at] += value
    one.places[frames[payer].place] += cost.weight
    one.means.update(dict.fromkeys(cost.means, cost.weight))
    if cost.purpose:
        one.purposes[cost.purpose] += cost.weight
    if cost.purpose in OWN_WORK:
        one.flat += cost.weight
    one.paths[path] += cost.weight
    for name in set(path) - {"…"}:
        sums[name].cum += cost.weight
    for caller, callee in dict.fromkeys(pairwise(path)):
        sums[caller].callees[callee] += cost.weight


def _chosen(sums: dict[str, _Sum], arity: int) -> list[tuple[str, _Sum]]:
    """The functions that pay most by any sample type, and those with the largest cum."""
    names: dict[str, None] = {}
    for at in range(arity):
        names |= dict.fromkeys(sorted(sums, key=lambda name: (-sums[name].paid[at], name))[:MOST])
    names |= dict.fromkeys(sorted(sums, key=lambda name: (-sums[name].cum, name))[:MOST])
    return [(name, sums[name]) for name in names]


def _charge_of(name: str, one: _Sum) -> Charge:
    callee, below = max(one.callees.items(), key=lambda each: each[1], default=("", 0))
    return Charge(
        function=name,
        paid=tuple(one.paid),
        flat=one.flat,
        cum=one.cum,
        purposes=dict(one.purposes),
        means=dict(one.means),
        path=max(one.paths, key=lambda path: one.paths[path], default=(name,)),
        place=max(one.places, key=lambda place: one.places[place], default=""),
        callee=callee,
        callee_cum=below,
    )
