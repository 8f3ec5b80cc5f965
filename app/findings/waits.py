"""Requests that wait at one place for something that others hold: a pool that is exhausted, a queue that is full."""

import re
from collections import Counter
from collections.abc import Iterator

from app.analysis.goroutines import Place
from app.analysis.owners import package_of, short
from app.finding import WARNING, Finding
from app.findings import thresholds
from app.findings.locks import is_victim
from app.findings.scene import Found, Groups, Scene, idles
from app.findings.words import caller, concerned, names, past, percent

CODE = "requests_wait"
WAITS = ("select", "receive", "send", "cond", "lock")
WORKS = ("running", "io")
CALLS = ("io", "select")  # of goroutines that wait for an answer on behalf of the one that started them
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
    served = sum(group.count for group in groups if group.place.served) or sum(group.count for group in groups)
    counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
    places: dict[tuple[str, tuple[str, ...]], Place] = {}
    for group in groups:
        place = group.place
        asks = place.served or LENDS.search(place.waits_in or short(place.at))
        if asks and place.at and place.state in WAITS and not is_victim(place):
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
    started = any(each.place.created_by in place.path and each.place.state in CALLS for each in scene.dump)
    return started or any(other.state in WORKS for other in _others(scene, place))


def _others(scene: Scene, place: Place) -> Iterator[Place]:
    """Goroutines of the same packages that answer no request, and are neither idle nor clients."""
    packages = {package_of(name) for name in place.path}
    for groups in scene.snapshots:
        for group in groups:
            other = group.place
            client = other.waits_in.startswith("net/http.")
            if other.at and package_of(other.at) in packages and not (other.served or client or idles(other)):
                yield other


def _finding(scene: Scene, place: Place, count: int, share: float) -> Finding:
    inside = f" in {place.waits_in}" if place.waits_in else ""
    slow = next((other for other in _others(scene, place) if other.state == "sleep" and len(other.path) > 1), None)
    why = f", and {names(slow.path[-2:])} is slow" if slow else ": what they wait for is not given back"
    meanwhile = f". Meanwhile {short(slow.at)} slept at {slow.line}" if slow else ""
    return Finding(
        WARNING,
        f"{count} requests wait in {short(place.at)}{inside}{why}{caller(place.path)}",
        f"That is {percent(share)} of the requests under way, {past(share, thresholds.WAITING_SHARE)}"
        f", in several snapshots, while the process used {scene.cores:.2f} cores"
        f". They are at {place.line}, by the way of {names(place.path)}{meanwhile}",
        kind="goroutine",
        functions=concerned(place.path, place.at, slow.at if slow else ""),
        code=CODE,
        path=place.path,
        refuted_by="a later dump in which other requests wait there: then it is a queue that moves, and is too short",
        helps="See that each way out of this function gives back what it took, errors too: with defer right after it "
        "was taken. Then compare the size of the pool with the number of requests.",
    )
