"""Goroutines that pile up: leaked ones, by the runtime's own word; groups that grow; crowds that nobody waits for."""

from collections import Counter
from collections.abc import Iterator
from math import sqrt

from app.analysis.goroutines import Group, Place
from app.analysis.owners import short
from app.finding import WARNING, Finding
from app.findings import thresholds
from app.findings.scene import Found, Groups, Scene
from app.findings.words import concerned, names, percent, size

LEAKED, GROW, STUCK = "goroutines_leaked", "goroutines_grow", "goroutines_stuck"
DOES = {
    "send": "send on a channel that nobody receives from",
    "receive": "receive from a channel that nobody sends on",
    "select": "wait in a select for something that does not come",
    "lock": "wait for a lock",
    "cond": "wait for a condition that nobody signals",
    "group": "wait for a WaitGroup",
    "io": "wait for the network or a file",
    "sleep": "sleep",
    "running": "run",
}
CLIENT = "net/http.(*persistConn)"
HELPS = {
    "send": "Give the channel room for the value, or select on the context's end too.",
    "receive": "Close the channel when there is nothing more, or select on the context's end too.",
    "select": "Cancel the context, or close the channel, on every way out of the function that starts them.",
}

Key = tuple[str, str, tuple[str, ...], str]


def piled(scene: Scene) -> Iterator[Found]:
    """Leaked goroutines first; other groups that have grown, or that have long been waiting for nobody."""
    told = set[str]()
    for key, count in _counted(scene.leaked).most_common(3):
        place = _place(scene.leaked, key)
        if _where(place) not in told and (place.at or place.waits_in):
            told.add(_where(place))
            yield Found(_leaked(scene, place, count), 3.0)
    for found, at in (*_growing(scene), *_stuck(scene)):
        if at not in told:
            told.add(at)
            yield found


def _where(place: Place) -> str:
    """What one finding is about: an own function, or all connections of HTTP clients."""
    return place.at or (CLIENT if place.root.startswith(CLIENT) else place.root)


def key_of(place: Place) -> Key:
    """What makes two goroutines one group in different snapshots: the line may differ."""
    return (place.state, place.at, place.path, "" if place.at else place.root)


def _counted(groups: Groups) -> Counter[Key]:
    counts: Counter[Key] = Counter()
    for group in groups:
        counts[key_of(group.place)] += group.count
    return counts


def _place(groups: Groups, key: Key) -> Place:
    return next(group.place for group in groups if key_of(group.place) == key)


def _creator(scene: Scene, place: Place) -> str:
    """Who started them; only the dump tells."""
    like = (group.place for group in scene.dump if group.place.at == place.at and group.place.root == place.root)
    return next((each.created_by for each in like if each.created_by), "")


def _growing(scene: Scene) -> Iterator[tuple[Found, str]]:
    before, after = _counted(scene.before), _counted(scene.after)
    for key, now in after.most_common(50):
        had, place = before.get(key, 0), _place(scene.after, key)
        more = now - had
        client = place.root.startswith(CLIENT)
        if place.served or (not place.at and not client) or more < thresholds.MORE:
            continue
        if scene.before and more >= thresholds.NOISE * sqrt(now + had):
            rate = f"{more / scene.seconds:.1f} a second, " if scene.seconds else ""
            text = (
                f"They were {had} at the beginning of the recording and {now} at its end: {rate}"
                f"{more / sqrt(now + had):.0f} standard deviations, of which {thresholds.NOISE:g} are the threshold"
                f"{_memory(scene, more)}"
            )
            yield Found(_finding(scene, place, GROW, now, text), 2.5), _where(place)


def _memory(scene: Scene, more: int) -> str:
    """What they may cost; only the samples of the process tell."""
    process = scene.resident
    return f". {process}, which is {size(process.grown / more)} for each" if process and process.grows else ""


def _stuck(scene: Scene) -> Iterator[tuple[Found, str]]:
    for group in scene.dump:
        if group.place.at and _is_crowd(group):
            text = (
                f"Some have waited for {group.longest} minutes, others for {group.shortest}; {group.creators} "
                f"goroutines started them, and {percent(group.gone / group.count)} of these have ended"
            )
            yield Found(_finding(scene, group.place, STUCK, group.count, text), 2.0), _where(group.place)


def _is_crowd(group: Group) -> bool:
    """Whether nobody waits for them any more: workers have few makers, which live."""
    waits = group.longest >= 1 and group.longest > group.shortest
    orphans = group.gone >= thresholds.ORPHANS * group.count and group.creators >= group.count / 2
    return group.count >= thresholds.CROWD and waits and orphans


def _leaked(scene: Scene, place: Place, count: int) -> Finding:
    grown = _counted(scene.after).get(key_of(place), 0) - _counted(scene.before).get(key_of(place), 0)
    rate = f" They became {grown} more during the recording" if grown > 0 and scene.before else ""
    text = f"The runtime found that nothing can wake them any more, so one is one too many; there are {count}.{rate}"
    return _finding(scene, place, LEAKED, count, text)


def _finding(scene: Scene, place: Place, code: str, count: int, text: str) -> Finding:
    client = place.root.startswith(CLIENT)
    maker = "" if client else _creator(scene, place)
    started = f", started by {short(maker)}" if maker not in ("", place.at) else ""
    payer = _client(scene) if client else ""
    where = place.at or payer or place.waits_in or place.root
    does = "are connections of an HTTP client that are neither reused nor closed" if client else DOES[place.state]
    within = f" in {place.waits_in}" if place.waits_in and not client else ""
    helps = "Close every response body, and use one http.Client." if client else HELPS.get(place.state, "")
    return Finding(
        WARNING,
        f"{count} goroutines {does}, in {short(where)}{started}",
        f"{text}. They are at {place.line or 'no line of the program'}{within}, by the way of "
        f"{names(place.path) or place.root}{started}",
        kind="goroutineleak" if code == LEAKED else "goroutine",
        functions=concerned(place.path, where, maker),
        code=code,
        path=place.path,
        refuted_by="a later goroutine profile in which their number has fallen",
        helps=helps or "End them on every way out of the function that starts them.",
    )


def _client(scene: Scene) -> str:
    """The own function that spends most in the network's functions, or allocates most there: probably the client."""
    for charges in (scene.heap_after, scene.cpu):
        best = max(charges.functions if charges else (), key=lambda each: each.purposes.get("network", 0), default=None)
        if best and best.purposes.get("network", 0):
            return best.function
    return ""
