"""Allocation and garbage collection together: who makes the garbage."""

from collections.abc import Iterator

from app.analysis.charges import Charge, Charges
from app.analysis.owners import short
from app.finding import WARNING, Finding
from app.findings import thresholds
from app.findings.scene import Found, Scene, by_name
from app.findings.words import caller, concerned, names, past, percent, size

CODE = "garbage"
ALLOCATED = "alloc_space"


def garbage(scene: Scene) -> Iterator[Found]:
    """The function that allocates most, where memory management takes most of the CPU time."""
    cpu = scene.cpu
    if cpu is None or scene.cores < thresholds.CORES or cpu.totals[0] < thresholds.SAMPLES:
        return
    own = cpu.means.get("memory", 0) / cpu.totals[cpu.measured]
    share = own + yielded_by_sweeper(cpu) / cpu.totals[cpu.measured]
    if share < thresholds.MEMORY:
        return
    rates = allocated(scene.heap, scene.heap_after)
    whole = sum(rates.values())
    maker, bytes_made = max(rates.items(), key=lambda each: each[1], default=("", 0))
    charge = by_name(cpu).get(maker) if whole and bytes_made >= thresholds.CHARGED * whole else None
    charge = charge or max(cpu.functions, key=lambda each: each.means.get("memory", 0), default=None)
    if charge:
        found = _finding(scene, charge, share, rates.get(charge.function, 0), whole)
        yield Found(found, own / 2)  # what the memory is for says more


def yielded_by_sweeper(cpu: Charges) -> int:
    """The cost of the scheduler when the runtime's own sweeper yields to it (runtime/mgcsweep.go, bgsweep). The profile
    has it apart from the sweeper, like the yields of a program's loop: 0 if they are too many for the sweeper."""
    yields = cpu.purposes.get("spinning", 0) - sum(each.purposes.get("spinning", 0) for each in cpu.functions)
    return max(yields, 0) if yields <= thresholds.SWEEPER * cpu.means.get("sweeping", 0) else 0


def allocated(before: Charges | None, after: Charges | None) -> dict[str, int]:
    """Bytes that each function allocated between two heap profiles."""
    if before is None or after is None or ALLOCATED not in after.sample_types:
        return {}
    at = after.sample_types.index(ALLOCATED)
    had = {each.function: each.paid[at] for each in before.functions}
    return {each.function: max(each.paid[at] - had.get(each.function, 0), 0) for each in after.functions}


def _finding(scene: Scene, charge: Charge, share: float, made: int, whole: int) -> Finding:
    rate = f"{size(made / scene.seconds)} a second, " if made and scene.seconds else ""
    part = f"{percent(made / whole)} of all. " if made and whole else ""
    said = f"It allocates {rate}{part}" if made else ""
    return Finding(
        WARNING,
        f"{short(charge.function)} makes the garbage on which {percent(share)} of the CPU time is spent"
        f"{caller(charge.path)}",
        f"{percent(share)} of the CPU time in the CPU profile is allocation and garbage collection, "
        f"{past(share, thresholds.MEMORY)}. {said}It is called by the way of {names(charge.path)}; the dearest line is "
        f"{charge.place or 'not known'}",
        kind="cpu",
        functions=concerned(charge.path, charge.function),
        code=CODE,
        path=charge.path,
        refuted_by="a calm capture of this service with the same share of garbage collection",
        helps="Reuse buffers (sync.Pool), give slices their capacity, and avoid conversions between string and []byte.",
    )
