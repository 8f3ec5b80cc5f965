"""What is held that was not held on the calm day: memory by who allocated it, goroutines by where they are."""

from collections import Counter
from collections.abc import Iterator
from math import sqrt

from app.analysis.charges import Charge
from app.analysis.owners import short
from app.finding import INFO, WARNING, Finding
from app.findings import thresholds
from app.findings.baseline_cpu import more_than_noise
from app.findings.held import BOUND, IN_USE
from app.findings.scene import Baseline, Found, Groups, Scene, by_name, idles
from app.findings.words import caller, concerned, names, size
from app.model import Kind

MEMORY, GOROUTINES = "memory_above_baseline", "goroutines_above_baseline"


def held_above_baseline(scene: Scene) -> Iterator[Found]:
    """The functions whose memory or goroutines are more, by more than the load."""
    if scene.baseline is not None:
        yield from _memory(scene, scene.baseline)
        yield from _goroutines(scene, scene.baseline)


def _memory(scene: Scene, base: Baseline) -> Iterator[Found]:
    now, then = scene.heap_after or scene.heap, base.scene.heap_after or base.scene.heap
    if now is None or then is None or IN_USE not in now.sample_types or IN_USE not in then.sample_types:
        return
    at, before = now.sample_types.index(IN_USE), by_name(then)
    beyond = more_than_noise(base.differences.get(Kind.HEAP))
    for charge in now.functions:
        had = before[charge.function].paid[at] if charge.function in before else 0
        more = charge.paid[at] - had
        enough = more >= max(thresholds.MORE_HELD, thresholds.MORE_HELD_SHARE * now.totals[at])
        if charge.function in beyond and enough and charge.paid[at] >= load(scene, base) * had:
            yield Found(_holds_more(scene, base, charge, charge.paid[at], had), more / now.totals[at])


def load(scene: Scene, base: Baseline) -> float:
    """How many times as much there may be before it counts: TWICE, or what the processor time has grown by."""
    then = base.scene.cores
    return max(thresholds.TWICE, scene.cores / then if then else 0.0)


def _holds_more(scene: Scene, base: Baseline, charge: Charge, now: int, had: int) -> Finding:
    young = bool(base.scene.uptime) and base.scene.uptime < min(thresholds.YOUNG, scene.uptime)
    since = f" The baseline's process had run for {base.scene.uptime:.0f} s only." if young else ""
    return Finding(
        INFO if young else WARNING,
        f"memory that {short(charge.function)} allocated has grown to {size(now)}, from {size(had)} in the baseline"
        f"{caller(charge.path)}",
        f"In {base} it held {size(had)}. {size(now - had)} more are {(now - had) / thresholds.MORE_HELD:.1f} times "
        f"the least that is told, and more than the processor time has grown by.{since} It is called by the way of "
        f"{names(charge.path)}; the line is {charge.place or 'not known'}{base.said}",
        kind="heap",
        functions=concerned(charge.path, charge.function),
        code=MEMORY,
        path=charge.path,
        refuted_by="a later heap profile in which it holds the same: then it is a cache that was not full",
        helps=BOUND,
    )


def _goroutines(scene: Scene, base: Baseline) -> Iterator[Found]:
    then = _counted(base.scene.after or base.scene.before)
    groups = scene.after or scene.before
    if not groups or not then:
        return
    for function, now in _counted(groups).most_common():
        had = then[function]
        beyond = now - had >= max(thresholds.MORE, thresholds.NOISE * sqrt(now + had))
        if beyond and now >= load(scene, base) * had:
            yield Found(_more_goroutines(base, groups, function, now, had), 1.0)


def _counted(groups: Groups) -> Counter[str]:
    """Goroutines by the own function that they are in; those that answer requests vary with the load."""
    counts: Counter[str] = Counter()
    for group in groups:
        if group.place.at and not group.place.served and not idles(group.place):
            counts[group.place.at] += group.count
    return counts


def _more_goroutines(base: Baseline, groups: Groups, function: str, now: int, had: int) -> Finding:
    place = next(group.place for group in groups if group.place.at == function)
    return Finding(
        WARNING,
        f"{now} goroutines are in {short(function)}, {had} in the baseline",
        f"In {base} there were {had}: {(now - had) / sqrt(now + had):.0f} standard deviations, of which "
        f"{thresholds.NOISE:g} are the threshold. They are at {place.line or 'no line of the program'}, by the way of "
        f"{names(place.path)}{base.said}",
        kind="goroutine",
        functions=concerned(place.path, function),
        code=GOROUTINES,
        path=place.path,
        refuted_by="a later goroutine profile in which their number has fallen",
        helps="End them on every way out of the function that starts them.",
    )
