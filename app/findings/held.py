"""What is held: memory in use, by the own function that allocated it, and whether it grows.

A function that keeps nearly all that it allocates, and whose memory grows, leaks. The kept share alone does not show
it: a cache keeps all, too. A busy innocent allocates more and keeps nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple

from app.analysis.charges import Charge, Charges
from app.analysis.owners import short
from app.finding import CRITICAL, INFO, WARNING, Finding
from app.findings import thresholds
from app.findings.garbage import ALLOCATED, allocated
from app.findings.resident import Resident
from app.findings.scene import Found, Scene, by_name
from app.findings.words import caller, concerned, names, percent, size

GROWS, HOLDS, LIMIT = "memory_grows", "memory_held", "memory_limit_soon"
IN_USE = "inuse_space"
BOUND = (
    "Find what keeps these values: a map or list without an end. Give it a bound or an expiry; copy small parts of "
    "large slices instead of keeping the slice."
)


def held(scene: Scene) -> Iterator[Found]:
    """The functions whose memory grows; or where the profiles cannot show that, the one that holds most. The kernel's
    limit alone, if it is near and no function shows why."""
    found = list(_of_functions(scene))
    yield from found
    if scene.resident and scene.resident.soon and not any(each.finding.code == GROWS for each in found):
        yield Found(_limit(scene.resident), 0.5)


def _of_functions(scene: Scene) -> Iterator[Found]:
    if scene.heap is None or IN_USE not in scene.heap.sample_types:
        return
    growing = list(_growing(scene, scene.heap, scene.heap_after)) if scene.heap_after else []
    yield from growing
    if not growing and (why := _as_of_one_moment(scene, scene.heap)):
        yield from _holding(scene, scene.heap_after or scene.heap, why)


def _as_of_one_moment(scene: Scene, first: Charges) -> str:
    """Why the heap profiles show no growth, as a sentence without its full stop; "" where they would show it: the
    process has not grown by more than what was allocated between them."""
    if scene.heap_after is None:
        return "There is one heap profile only"
    process, apart = scene.resident, sum(allocated(first, scene.heap_after).values())
    if process is None or not process.grows or apart >= process.grown:
        return ""
    if scene.heap_after == first:
        return "Both heap profiles are as of one garbage collection"
    return f"The garbage collections of the two heap profiles are only {size(apart)} of allocations apart"


def _growing(scene: Scene, before: Charges, after: Charges) -> Iterator[Found]:
    at = after.sample_types.index(IN_USE)
    made, had = allocated(before, after), {each.function: each.paid[at] for each in before.functions}
    for charge in after.functions:
        grown = charge.paid[at] - had.get(charge.function, 0)
        kept = min(grown / made[charge.function], 1.0) if made.get(charge.function) else 0.0
        enough = grown >= thresholds.GROWN and grown >= thresholds.GROWTH * after.totals[at]
        if enough and kept >= thresholds.KEPT:
            strength = min(0.5 + grown / (8 * thresholds.GROWN), 1.5)
            yield Found(_grows(scene, charge, grown, kept, charge.paid[at]), strength)


def _grows(scene: Scene, charge: Charge, grown: int, kept: float, now: int) -> Finding:
    rate = f" in {scene.seconds:.0f} s, {size(grown / scene.seconds)} a second" if scene.seconds else ""
    process = scene.resident
    return Finding(
        CRITICAL if process and process.soon else WARNING,
        f"memory that {short(charge.function)} allocates is kept and grows: {size(grown)} more{rate}"
        f"{caller(charge.path)}{f'; {process.what_is_left}' if process and process.soon else ''}",
        f"Between the two heap profiles {percent(kept)} of what it allocated stayed in use; {percent(thresholds.KEPT)} "
        f"are suspicious, and {size(grown)} are {grown / thresholds.GROWN:.1f} times the least that is told. It holds "
        f"{size(now)} now.{f' {process}.' if process else ''} It is called by the way of {names(charge.path)}; the "
        f"line is {charge.place or 'not known'}",
        kind="heap",
        functions=concerned(charge.path, charge.function),
        code=GROWS,
        path=charge.path,
        refuted_by="a later heap profile in which it has not grown: then it is a cache that was filling",
        helps=BOUND,
    )


class _Holder(NamedTuple):
    """Who holds most. now: bytes; share: of all in use; kept: of all that it allocated; why: see _as_of_one_moment"""

    charge: Charge
    now: int
    share: float
    kept: float
    why: str


def _holding(scene: Scene, heap: Charges, why: str) -> Iterator[Found]:
    at, process = heap.sample_types.index(IN_USE), scene.resident
    charge = max(heap.functions, key=lambda each: each.paid[at], default=None)
    if charge is None or not heap.totals[at]:
        return
    now = charge.paid[at]
    made = charge.paid[heap.sample_types.index(ALLOCATED)] if ALLOCATED in heap.sample_types else 0
    holder = _Holder(charge, now, now / heap.totals[at], min(now / made, 1.0) if made else 0.0, why)
    if holder.share < thresholds.HELD_SHARE or holder.kept < thresholds.KEPT:
        return
    grows = process and process.grows and process.grown <= thresholds.UNCOLLECTED * now
    if process and grows and _allocated(scene, charge):
        yield Found(_grew(holder, process), holder.share)
    elif now >= thresholds.HELD:
        yield Found(_holds(holder, process), holder.share)


def _allocated(scene: Scene, charge: Charge) -> bool:
    """Whether the function was seen allocating while the process grew: what loaded a table long ago is not. True where
    no CPU profile can tell."""
    seen = by_name(scene.cpu).get(charge.function) if scene.cpu else None
    return scene.cpu is None or bool(seen and seen.means.get("memory"))


def _grew(holder: _Holder, process: Resident) -> Finding:
    """The finding where the samples show the growth, and the heap profiles only who holds the memory."""
    charge = holder.charge
    return Finding(
        CRITICAL if process.soon else WARNING,
        f"the process grew by {size(process.grown)} in {process.seconds:.0f} s, and {short(charge.function)} allocated "
        f"{percent(holder.share)} of the memory in use: {size(holder.now)}{caller(charge.path)}",
        f"{process}. {percent(holder.kept)} of all that the function ever allocated is still in use. {holder.why}, so "
        f"it is the probable culprit. It is called by the way of {names(charge.path)}",
        kind="heap",
        functions=concerned(charge.path, charge.function),
        code=GROWS,
        path=charge.path,
        refuted_by="a later heap profile in which another function has grown",
        helps=BOUND,
    )


def _holds(holder: _Holder, process: Resident | None) -> Finding:
    charge = holder.charge
    grows = f"{process}" if process else f"{holder.why}, so whether it grows is not known"
    return Finding(
        INFO,
        f"{short(charge.function)} allocated {percent(holder.share)} of the memory that is in use: {size(holder.now)}"
        f"{caller(charge.path)}",
        f"{percent(holder.kept)} of all that it ever allocated is still in use. {grows}. It is called by the way of "
        f"{names(charge.path)}",
        kind="heap",
        functions=concerned(charge.path, charge.function),
        code=HOLDS,
        path=charge.path,
        refuted_by="a later heap profile in which it holds the same",
        helps="Compare with a later capture of this process; a cache stays at its bound.",
    )


def _limit(process: Resident) -> Finding:
    """The finding where the end is near and no heap profile shows why."""
    return Finding(
        WARNING,
        f"the process grew by {size(process.grown)} in {process.seconds:.0f} s: {process.what_is_left}",
        f"{process}. No function of the heap profiles grows as fast: it may be memory of C code, of goroutines' "
        "stacks, or memory that was allocated after the last garbage collection",
        kind="evidence",
        code=LIMIT,
        refuted_by="later samples in which it does not grow",
        helps="Capture again in a minute: then there has been a garbage collection, and the heap profile shows it.",
    )
