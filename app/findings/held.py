"""What is held: memory in use, by the own function that allocated it, and whether it grows.

A function that keeps nearly all that it allocates, and whose memory grows, leaks. The kept share alone does not show
it: a cache keeps all, too. A busy innocent allocates more and keeps nothing.
"""

from collections.abc import Iterator

from app.analysis.charges import Charge, Charges
from app.analysis.owners import short
from app.finding import CRITICAL, INFO, WARNING, Finding
from app.findings import thresholds
from app.findings.garbage import allocated
from app.findings.resident import Resident
from app.findings.scene import Found, Scene
from app.findings.words import caller, concerned, names, percent, size

GROWS, HOLDS, LIMIT = "memory_grows", "memory_held", "memory_limit_soon"
IN_USE = "inuse_space"
BOUND = (
    "Find what keeps these values: a map or list without an end. Give it a bound or an expiry; copy small parts of "
    "large slices instead of keeping the slice."
)


def held(scene: Scene) -> Iterator[Found]:
    """The functions whose memory grows; or with one snapshot only, the one that holds most. The kernel's limit alone,
    if it is near and no function shows why."""
    found = list(_of_functions(scene))
    yield from found
    if scene.resident and scene.resident.soon and not any(each.finding.code == GROWS for each in found):
        yield Found(_limit(scene.resident), 0.5)


def _of_functions(scene: Scene) -> Iterator[Found]:
    if scene.heap is None or IN_USE not in scene.heap.sample_types:
        return
    if scene.heap_after:
        yield from _growing(scene, scene.heap, scene.heap_after)
    else:
        yield from _holding(scene.heap, scene.resident)


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


def _holding(heap: Charges, process: Resident | None) -> Iterator[Found]:
    at = heap.sample_types.index(IN_USE)
    charge = max(heap.functions, key=lambda each: each.paid[at], default=None)
    if charge is None or not heap.totals[at]:
        return
    share = charge.paid[at] / heap.totals[at]
    made = charge.paid[heap.sample_types.index("alloc_space")] if "alloc_space" in heap.sample_types else 0
    kept = min(charge.paid[at] / made, 1.0) if made else 0.0
    if share < thresholds.HELD_SHARE or kept < thresholds.KEPT:
        return
    if process and process.grows and charge.paid[at] >= process.grown:
        yield Found(_grew(charge, charge.paid[at], share, kept, process), share)
    elif charge.paid[at] >= thresholds.HELD:
        yield Found(_holds(charge, charge.paid[at], share, kept, process), share)


def _grew(charge: Charge, now: int, share: float, kept: float, process: Resident) -> Finding:
    """The finding where the samples show the growth, and the only heap profile who holds the memory."""
    return Finding(
        CRITICAL if process.soon else WARNING,
        f"the process grew by {size(process.grown)} in {process.seconds:.0f} s, and {short(charge.function)} allocated "
        f"{percent(share)} of the memory in use: {size(now)}{caller(charge.path)}",
        f"{process}. {percent(kept)} of all that the function ever allocated is still in use. There is one heap "
        f"profile only, so it is the probable culprit. It is called by the way of {names(charge.path)}",
        kind="heap",
        functions=concerned(charge.path, charge.function),
        code=GROWS,
        path=charge.path,
        refuted_by="a second heap profile in which another function has grown",
        helps=BOUND,
    )


def _holds(charge: Charge, now: int, share: float, kept: float, process: Resident | None) -> Finding:
    grows = f"{process}" if process else "There is one heap profile only, so whether it grows is not known"
    return Finding(
        INFO,
        f"{short(charge.function)} allocated {percent(share)} of the memory that is in use: {size(now)}"
        f"{caller(charge.path)}",
        f"{percent(kept)} of all that it ever allocated is still in use. {grows}. It is called by the way of "
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
