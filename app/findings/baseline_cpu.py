"""What takes more processor time than on the calm day: functions with a larger share, or all of them with the load.

A share is larger only where the difference exceeds the noise of sampling, which app/analysis/diff decides. A function
is named for what it takes more than the functions that it calls.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.analysis.charges import Charge, Charges
from app.analysis.diff.table import Difference
from app.analysis.owners import enclosing, short
from app.finding import INFO, WARNING, Finding
from app.findings import thresholds
from app.findings.scene import Baseline, Found, Scene, by_name
from app.findings.words import caller, concerned, names, percent
from app.model import Kind

CPU, LOAD = "cpu_above_baseline", "load_above_baseline"


@dataclass(frozen=True, slots=True)
class Grown:
    """A function that takes more of the CPU time. now, base: its shares with all that it calls."""

    charge: Charge
    now: float
    base: float

    @property
    def more(self) -> float:
        return self.now - self.base


def cpu_above_baseline(scene: Scene) -> Iterator[Found]:
    """The functions with a larger share; or the load, if there is none."""
    if scene.baseline is None:
        return
    grown = accused(scene, scene.baseline)
    for each in grown:
        yield Found(_cpu(scene, scene.baseline, each), each.more)
    if not grown:
        yield from _load(scene, scene.baseline)


def share_of(charges: Charges | None, function: str) -> float | None:
    """A function's part of the CPU time with all that it calls; 0 if it has none; None if the profile is too short."""
    if charges is None or charges.totals[0] < thresholds.SAMPLES or not charges.totals[charges.measured]:
        return None
    charge = by_name(charges).get(function)
    return charge.cum / charges.totals[charges.measured] if charge else 0.0


def more_than_noise(difference: Difference | None) -> frozenset[str]:
    """The functions that take or hold more, with all that they call, beyond noise."""
    changes = difference.changes if difference else ()
    return frozenset(enclosing(each.function) for each in changes if each.what == "cum" and each.value > each.base)


def accused(scene: Scene, base: Baseline) -> tuple[Grown, ...]:
    """The functions to which the additional processor time is due: deepest first, and their callers only for more."""
    cpu, beyond = scene.cpu, more_than_noise(base.differences.get(Kind.CPU))
    kept: list[Grown] = []
    for charge in sorted(cpu.functions if cpu else (), key=lambda each: (-len(each.path), each.function)):
        now, then = share_of(cpu, charge.function), share_of(base.scene.cpu, charge.function)
        if charge.function not in beyond or now is None or then is None or now - then < thresholds.MORE_CPU:
            continue
        below = sum(each.more for each in kept if charge.function in each.charge.path)
        if below < thresholds.CHARGED * (now - then) and not _renamed(base, now, then):
            kept.append(Grown(charge, now, then))
    return tuple(sorted(kept, key=lambda each: -each.more))


def _renamed(base: Baseline, now: float, then: float) -> bool:
    """Whether a new function of another build may be one that is gone: it has about the same share."""
    difference = base.differences.get(Kind.CPU)
    if then or not base.unlike or difference is None or not difference.base_total:
        return False
    gone = (each.base / difference.base_total for each in difference.changes if not each.value)
    return any(now / thresholds.TWICE <= share <= now * thresholds.TWICE for share in gone)


def _cpu(scene: Scene, base: Baseline, grown: Grown) -> Finding:
    charge = grown.charge
    before = f"{percent(grown.base)} in the baseline" if grown.base else "which the baseline does not have"
    new = f", {before}," if not grown.base else ""
    then = f", {before}" if grown.base else ""
    return Finding(
        WARNING,
        f"{short(charge.function)}{new} takes {percent(grown.now)} of the CPU time{then}{caller(charge.path)}",
        f"With all that it calls it takes {percent(grown.now)} of the CPU time; in {base} it was "
        f"{percent(grown.base)}. The process used {scene.cores:.2f} cores, {base.scene.cores:.2f} in the baseline. "
        f"That is more than the noise of sampling, and {grown.more / thresholds.MORE_CPU:.1f} times the least that is "
        f"told. It is called by the way of {names(charge.path)}; the dearest line is {charge.place or 'not known'}"
        f"{base.said}",
        kind="cpu",
        functions=concerned(charge.path, charge.function),
        code=CPU,
        path=charge.path,
        refuted_by="another calm capture of this service in which it has the same share",
        helps="See what has changed since the baseline: a new version, other requests, more data in a loop.",
    )


def _load(scene: Scene, base: Baseline) -> Iterator[Found]:
    """More processor time, in the same places: no function is to blame."""
    now, then = scene.cores, base.scene.cores
    difference = base.differences.get(Kind.CPU)
    if difference is None or difference.unjudged or now - then < thresholds.IDLE or now < thresholds.TWICE * then:
        return
    text = (
        f"The process used {now:.2f} cores, {then:.2f} in {base}. No function's share is larger by "
        f"{percent(thresholds.MORE_CPU)} of the CPU time and by more than noise explains, so it probably does more of "
        f"the same. A function that takes nearly all of the time is not told from load{base.said}"
    )
    yield Found(
        Finding(
            INFO,
            f"the process used {now:.2f} cores, {then:.2f} in the baseline, and no function's share grew: more load",
            text,
            kind="cpu",
            code=LOAD,
            refuted_by="a rate of requests that is the same as at the baseline",
            helps="Compare the rates of requests. If they are alike, each request has become dearer in all functions.",
        ),
        0.0,
    )
