"""Requests that wait at one place for something that others hold: a pool that is exhausted, a queue that is full."""

import re
from collections import Counter
from collections.abc import Iterator

from app.analysis.goroutines import Place
from app.analysis.owners import package_of, short
from app.finding import WARNING, Finding
from app.findings import thresholds
from app.findings.locks import is_victim
from app.findings.scene import Found, Groups, Scene
from app.findings.words import caller, concerned, names, past, percent

CODE = "requests_wait"
WAITS = ("select", "receive", "send", "cond", "lock")
WORKS = ("running", "io")
LENDS = re.compile(r"(?i)pool|acquire|semaphore|borrow|checkout|getconn|^database/sql\.")  # something to be given back


def waits(scene: Scene) -> Iterator[Found]:
    """A finding where most requests wait at one place in several snapshots, and nobody works for them."""
    counts: dict[tuple[str, tuple[str, ...]], list[tuple[Place, int, float]]] = {}
    for groups in scene.snapshots:
        for place, count, share in _crowds(groups):
            counts.setdefault((place.at, place.path), []).append((place, count, share))
    seen = max(counts.values(), key=lambda each: (len(each), each[0][1]), default=[])
    if len(seen) < thresholds.PERSISTS or _worked_for(scene, seen[0][0]):
        return
    place, count, share = max(seen, key=lambda each: each[1])
    yield Found(_finding(scene, place, count, share), 2.8)


def _crowds(groups: Groups) -> Iterator[tuple[Place, int, float]]:
    """The places at which most requests wait, how many, and their share."""
    served = sum(group.count for group in groups if group.place.served)
    counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
    places: dict[tuple[str, tuple[str, ...]], Place] = {}
    for group in groups:
        place = group.place
        if place.served and place.at and place.state in WAITS and not is_victim(place):
            counts[place.at, place.path] += group.count
            places[place.at, place.path] = place
    for key, count in counts.items():
        if count >= thresholds.WAITING and count >= thresholds.WAITING_SHARE * served:
            yield places[key], count, count / served


def _worked_for(scene: Scene, place: Place) -> bool:
    """Whether other goroutines of the same packages are at work: then the requests wait for their answers.

    A library that lends something is no such answer.
    """
    if place.waits_in:
        return not LENDS.search(place.waits_in)
    packages = {package_of(name) for name in place.path}
    others = [
        group
        for groups in scene.snapshots
        for group in groups
        if group.place.at and not group.place.served and package_of(group.place.at) in packages
    ]
    return any(each.place.state in WORKS or (each.place.waits_in and each.count > 1) for each in others)


def _finding(scene: Scene, place: Place, count: int, share: float) -> Finding:
    inside = f" in {place.waits_in}" if place.waits_in else ""
    return Finding(
        WARNING,
        f"{count} requests wait in {short(place.at)}{inside}: what they wait for is not given back{caller(place.path)}",
        f"That is {percent(share)} of the requests under way, {past(share, thresholds.WAITING_SHARE)}"
        f", in several snapshots, while the process used {scene.cores:.2f} cores"
        f". They are at {place.line}, by the way of {names(place.path)}",
        kind="goroutine",
        functions=concerned(place.path, place.at),
        code=CODE,
        path=place.path,
        refuted_by="a later dump in which other requests wait there: then it is a queue that moves, and is too short",
        helps="See that each way out of this function gives back what it took, errors too: with defer right after it "
        "was taken. Then compare the size of the pool with the number of requests.",
    )
