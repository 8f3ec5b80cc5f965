"""Goroutines that pile up: leaked ones, by the runtime's own word; groups that grow; crowds that nobody waits for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import sqrt

from app.analysis.goroutines import Group, Place
from app.analysis.owners import short
from app.finding import INFO, WARNING, Finding
from app.findings import thresholds
from app.findings.scene import Found, Groups, Scene
from app.findings.words import concerned, names, percent, size

LEAKED, GROW, STUCK = "goroutines_leaked", "goroutines_grow", "goroutines_stuck"
DOES = {
    "send": "send on a channel that nobody receives from",
    "receive": "receive from a channel that nobody sends on",
    "select": "wait in a select for something that does not come",
    "forever": "wait in a select without cases",
    "lock": "wait for a lock",
    "cond": "wait for a condition that nobody signals",
    "group": "wait for a WaitGroup",
    "io": "wait for the network or a file",
    "sleep": "sleep",
    "running": "run",
    "client": "are connections of an HTTP client that are neither reused nor closed",
}
CLIENT = "net/http.(*persistConn)"
HELPS = {
    "send": "Give the channel room for the value, or select on the context's end too.",
    "receive": "Close the channel when there is nothing more, or select on the context's end too.",
    "forever": "select {} keeps a goroutine for ever: nothing but the end of the process ends it.",
    "select": "Cancel the context, or close the channel, on every way out of the function that starts them.",
}

Key = tuple[str, str, tuple[str, ...], str]


def piled(scene: Scene) -> Iterator[Found]:
    """Leaked goroutines first; other groups that have grown, or that have long been waiting for nobody."""
    told = set[str]()
    for groups in _leaks(scene)[: thresholds.LEAKS]:
        told.add(_where(groups[0].place))
        leaked = _leaked(scene, groups)
        yield Found(leaked, 3.0 if leaked.severity == WARNING else 0.0)
    for found, at in (*_growing(scene), *_stuck(scene)):
        if at not in told:
            told.add(at)
            yield found


def _leaks(scene: Scene) -> list[list[Group]]:
    """Leaked goroutines by where they are, the most first; within each the largest group first."""
    found: dict[str, list[Group]] = {}
    for group in sorted(scene.leaked, key=lambda each: -each.count):
        if group.count > 0 and (group.place.at or group.place.waits_in):
            found.setdefault(_where(group.place), []).append(group)
    return sorted(found.values(), key=lambda groups: -sum(group.count for group in groups))


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


def _leaked(scene: Scene, groups: Sequence[Group]) -> Finding:
    """groups: those at one function; the title is about the largest, the detail has the line of each."""
    keys = {key_of(group.place) for group in groups}
    before, after = _counted(scene.before), _counted(scene.after)
    grown = sum(after.get(key, 0) - before.get(key, 0) for key in keys)
    rate = f". They became {grown} more during the recording" if grown > 0 and scene.before else ""
    count, place = sum(group.count for group in groups), groups[0].place
    text = f"The runtime found that nothing can wake them any more, so one is one too many; there are {count}{rate}"
    alike = sum(group.count for group in groups if group.place.state == place.state)
    return _finding(scene, place, LEAKED, alike, text, lines=_lines(groups))


def _lines(groups: Sequence[Group]) -> str:
    """`a.go:7 (3) and a.go:9 (1)`: where the goroutines are, and how many."""
    counts: Counter[str] = Counter()
    for group in groups:
        counts[group.place.line] += group.count
    each = [f"{line} ({count})" for line, count in counts.most_common(thresholds.LEAKS) if line]
    return " and ".join(each) if len(counts) > 1 else ""


def _finding(scene: Scene, place: Place, code: str, count: int, text: str, *, lines: str = "") -> Finding:
    client = place.root.startswith(CLIENT)
    maker = "" if client else _creator(scene, place)
    started = f", started by {short(maker)}" if maker not in ("", place.at) else ""
    payer = _client(scene) if client else ""
    where = place.at or payer or place.waits_in or place.root
    within = f" in {place.waits_in}" if place.waits_in and not client else ""
    helps = "Close every response body, and use one http.Client." if client else HELPS.get(place.state, "")
    parked = code == LEAKED and place.state == "forever" and count < thresholds.MORE  # `select {}` is meant so
    return Finding(
        INFO if parked else WARNING,
        f"{_do(count, 'client' if client else place.state)}, in {short(where)}{started}",
        f"{text}. They are at {lines or place.line or 'no line of the program'}{within}, by the way of "
        f"{names(place.path) or place.root}{started}",
        kind="goroutineleak" if code == LEAKED else "goroutine",
        functions=concerned(place.path, where, maker),
        code=code,
        path=place.path,
        refuted_by="a later goroutine profile in which their number has fallen",
        helps=helps or "End them on every way out of the function that starts them.",
    )


def _do(count: int, what: str) -> str:
    """`3 goroutines send on a channel …`, `1 goroutine sends on a channel …`."""
    if count != 1:
        return f"{count} goroutines {DOES[what]}"
    if what == "client":
        return "1 goroutine is a connection of an HTTP client that is neither reused nor closed"
    verb, space, rest = DOES[what].partition(" ")
    return f"1 goroutine {verb}s{space}{rest}"


def _client(scene: Scene) -> str:
    """The own function that spends most in the network's functions, or allocates most there: probably the client."""
    for charges in (scene.heap_after, scene.cpu):
        best = max(charges.functions if charges else (), key=lambda each: each.purposes.get("network", 0), default=None)
        if best and best.purposes.get("network", 0):
            return best.function
    return ""
