"""Locks that many wait for: the probable holder, told from its victims; and locks that nobody will ever give back."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.analysis.goroutines import Place
from app.analysis.owners import package_of, receiver, short
from app.finding import CRITICAL, WARNING, Finding
from app.findings import thresholds
from app.findings.scene import Found, Groups, Scene, idles
from app.findings.words import concerned, names, percent

CONTENTION, DEADLOCK = "lock_contention", "deadlock"


@dataclass(frozen=True, slots=True)
class Victims:
    """Goroutines that wait for locks of one type. owner: the type, or the package of a function that is no method.

    counts: in each snapshot; most: where most of them wait
    """

    owner: str
    counts: tuple[int, ...]
    most: Place
    places: tuple[Place, ...]


def locks(scene: Scene) -> Iterator[Found]:
    """A finding for the lock with most victims."""
    everyone = _victims(scene.snapshots)
    victims = max(everyone, key=lambda each: max(each.counts), default=None)
    holder = (_measured(scene, victims) or _seen(scene, victims)) if victims else None
    if victims and holder and _persists(scene, victims):
        yield Found(_contention(victims, holder), 3.5)
    elif victims and not holder and _for_good(victims):
        yield Found(_deadlock(victims, {each.owner for each in everyone}), 4.0)
    else:
        yield from _queued(scene)


def owner_of(function: str) -> str:
    """The type that a method belongs to; the package of another function."""
    return receiver(function) or package_of(function)


def _victims(snapshots: Sequence[Groups]) -> list[Victims]:
    waiting = [(at, group) for at, groups in enumerate(snapshots) for group in groups if is_victim(group.place)]
    made = []
    for owner in dict.fromkeys(owner_of(group.place.at) for _, group in waiting):
        those = [(at, group) for at, group in waiting if owner_of(group.place.at) == owner]
        counts = [sum(group.count for moment, group in those if moment == at) for at in range(len(snapshots))]
        most = max((group for _, group in those), key=lambda group: group.count)
        made.append(Victims(owner, tuple(counts), most.place, tuple(group.place for _, group in those)))
    return made


def is_victim(place: Place) -> bool:
    """Whether a goroutine at this place waits for a lock that an own function takes."""
    return place.state == "lock" and bool(place.at)


def _persists(scene: Scene, victims: Victims) -> bool:
    served = max((sum(g.count for g in groups if g.place.served) for groups in scene.snapshots), default=0)
    least = thresholds.FEW_VICTIMS if max(victims.counts) >= served / 2 else thresholds.VICTIMS
    return sum(count >= least for count in victims.counts) >= thresholds.PERSISTS


def _seen(scene: Scene, victims: Victims) -> tuple[Place, str] | None:
    """The place at which the lock is probably held, and the function that holds it: of the same type, not waiting."""
    on_the_way = {name for place in victims.places for name in place.path[:-1]}
    waits_at = {place.at for place in victims.places}
    seen: Counter[tuple[str, tuple[str, ...]]] = Counter()
    places: dict[tuple[str, tuple[str, ...]], Place] = {}
    for groups in scene.snapshots:
        for group in groups:
            inside = _inside(group.place, victims.owner, on_the_way, waits_at)
            if inside and may_hold(group.place, victims.owner):
                key = (inside, group.place.path)
                seen[key] += _suspicion(group.place)
                places[key] = group.place
    if not seen:
        return None
    best = max(seen, key=lambda key: (seen[key], key))
    return places[best], best[0]


def may_hold(place: Place, owner: str) -> bool:
    """Whether a goroutine may hold a lock. One between two rounds of its loop does not, as far as one can see: the
    methods of a type hold its lock, but not all functions of a package hold the package's.
    """
    loops = len(place.path) == 1 and not place.served and owner == package_of(place.at)
    return not loops and not idles(place) and place.state not in ("lock", "group")


def _suspicion(place: Place) -> int:
    """More for one that is deep in its work, less for one that is between two rounds of a loop."""
    return {"io": 4, "sleep": 4, "running": 3}.get(place.state, 1) * (1 if len(place.path) == 1 else 2)


def _inside(place: Place, owner: str, on_the_way: set[str], waits_at: set[str]) -> str:
    """The innermost function of the owner on the path, beyond the way that victims have come; "" if there is none."""
    for name in reversed(place.path):
        if owner_of(name) == owner and (name in waits_at or name not in on_the_way):
            return name
    return ""


def _measured(scene: Scene, victims: Victims) -> tuple[Place, str] | None:
    """The function that gives the lock back after most of the delay, by the mutex profile."""
    delays = scene.mutex
    if delays is None or not delays.totals[delays.measured]:
        return None
    top = max(delays.functions, key=lambda each: each.paid[delays.measured], default=None)
    share = top.paid[delays.measured] / delays.totals[delays.measured] if top else 0.0
    if top is None or share < thresholds.CHARGED or owner_of(top.function) != victims.owner:
        return None
    return victims.most._replace(
        at=top.function, line=top.place, path=top.path, waits_in="", state="running"
    ), top.function


def _queued(scene: Scene) -> Iterator[Found]:
    """Contention that only the mutex profile shows."""
    delays = scene.mutex
    if delays is None or not scene.uptime:
        return
    total = delays.totals[delays.measured]
    top = max(delays.functions, key=lambda each: each.paid[delays.measured], default=None)
    queue = total / 1e9 / scene.uptime
    if top is None or queue < thresholds.QUEUED or top.paid[delays.measured] < thresholds.CHARGED * total:
        return
    share = top.paid[delays.measured] / total
    title = f"{short(top.function)} holds a lock that {queue:.1f} goroutines wait for on average"
    text = (
        f"The mutex profile has {total / 1e9:.3g} s of waiting in {scene.uptime:.0f} s, "
        f"{queue / thresholds.QUEUED:.1f} times the threshold of {thresholds.QUEUED:g}; {percent(share)} of it "
        f"ended when this function gave the lock back, at "
        f"{top.place or 'an unknown line'}, by the way of {names(top.path)}"
    )
    yield Found(
        _finding(WARNING, title, text, code=CONTENTION, kind="mutex", path=top.path, functions=(top.function,)),
        1.0 + min(queue, 1),
    )


def _for_good(victims: Victims) -> bool:
    """Whether several wait and never become fewer, over three snapshots."""
    counts = victims.counts
    return len(counts) >= 3 and counts[0] >= 2 and all(one <= later for one, later in pairwise(counts))


def _contention(victims: Victims, holder: tuple[Place, str]) -> Finding:
    place, function = holder
    most, waits = max(victims.counts), short(victims.most.at)
    doing = {"io": ", which waits for the network or a file", "sleep": ", which sleeps"}.get(place.state, "")
    at = f" in {short(place.at)}" if place.at != function else ""
    doubtful = len(place.path) > 1 and victims.owner == package_of(function)  # which of both takes it is not known
    who = names(place.path[-2:]) if doubtful else short(function)
    title = f"{who} probably holds the lock that {most} goroutines wait for in {waits}"
    text = (
        f"{_waited(victims)}, most of them at {victims.most.line}. Meanwhile {short(function)} was{at} at {place.line}"
        f"{doing}, by the way of {names(place.path)}"
    )
    functions = (function, place.at, victims.most.at)
    return _finding(WARNING, title, text, code=CONTENTION, kind="goroutine", path=place.path, functions=functions)


def _deadlock(victims: Victims, owners: set[str]) -> Finding:
    """Names the one that takes a lock of the type while it is in another method of it; otherwise where most wait."""
    ways: Counter[str] = Counter(name for place in set(victims.places) for name in set(place.path))

    def methods(place: Place) -> int:
        return sum(owner_of(name) in owners for name in place.path)

    place = max(victims.places, key=lambda each: (methods(each), -min(ways[name] for name in each.path)))
    holders = [name for name in place.path[:-1] if owner_of(name) in owners]
    twice = holders and methods(place) > min(map(methods, victims.places))
    function = holders[-1] if twice else place.at
    title = f"{max(victims.counts)} goroutines wait in {short(victims.most.at)} for a lock that nobody seems to hold"
    title += f"; {short(function)} may have taken it twice" if function != place.at else ""
    text = (
        f"{_waited(victims)}, and no other goroutine was in it. Either a function takes a lock that it has already, or "
        f"one returns without giving it back. The most suspicious is at {place.line}, by the way of {names(place.path)}"
    )
    functions = (function, place.at, victims.most.at)
    return _finding(CRITICAL, title, text, code=DEADLOCK, kind="goroutine", path=place.path, functions=functions)


def _waited(victims: Victims) -> str:
    counts = ", ".join(map(str, victims.counts))
    return f"In the snapshots {counts} goroutines waited for a lock of {short(victims.owner)}"


def _finding(
    severity: str, title: str, text: str, *, code: str, kind: str, path: tuple[str, ...], functions: tuple[str, ...]
) -> Finding:
    return Finding(
        severity,
        title,
        text,
        kind=kind,
        functions=concerned(path, *functions),
        code=code,
        path=path,
        refuted_by="a later dump in which these goroutines have moved on",
        helps="Do slow work (files, network, sleeping, logging) outside the lock; give it back on every way out, with "
        "defer; never call a method that takes it while it is held.",
    )
