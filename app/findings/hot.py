"""One own function whose own code takes most of the CPU time, not what it calls of libraries."""

from collections.abc import Iterator

from app.analysis.charges import Charge, Charges
from app.analysis.owners import short
from app.finding import INFO, Finding
from app.findings import thresholds
from app.findings.scene import Found, Scene, by_name
from app.findings.words import caller, concerned, names, past, percent

CODE = "hot_function"


def hot(scene: Scene) -> Iterator[Found]:
    """The last function on the dearest path that still has nearly all of its caller's cost."""
    cpu = scene.cpu
    if cpu is None or scene.cores < thresholds.BUSY or cpu.totals[0] < thresholds.SAMPLES:
        return
    total, culprit = cpu.totals[cpu.measured], dominating(cpu)
    if culprit is None or culprit.cum < thresholds.HOT * total:
        return
    below = [each for each in cpu.functions if culprit.function in each.path]
    leaf = max(below, key=lambda each: each.flat)
    own = (culprit.flat + (leaf.flat if leaf != culprit else 0)) / total
    if own >= thresholds.HOT:
        yield Found(_finding(scene, culprit, leaf, own), own)


def dominating(cpu: Charges) -> Charge | None:
    """Where the dearest path branches: from here on, no callee has nearly all of the cost."""
    functions = by_name(cpu)
    at = max(cpu.functions, key=lambda each: each.cum, default=None)
    seen = set[str]()
    while at and at.function not in seen:
        seen.add(at.function)
        below = functions.get(at.callee)
        if below is None or at.callee_cum < thresholds.DOMINATES * at.cum:
            break
        at = below
    return at


def _finding(scene: Scene, culprit: Charge, leaf: Charge, own: float) -> Finding:
    mostly = f", most of it in {short(leaf.function)}" if leaf.function != culprit.function else caller(culprit.path)
    return Finding(
        INFO,
        f"{short(culprit.function)} takes {percent(own)} of the CPU time with the program's own code{mostly}",
        f"{percent(own)} of the CPU time in the CPU profile, {past(own, thresholds.HOT)}, while the process used "
        f"{scene.cores:.2f} cores. It is called by the way of {names(culprit.path)}; the dearest line is {leaf.place}",
        kind="cpu",
        functions=concerned(culprit.path, culprit.function, leaf.function),
        code=CODE,
        path=culprit.path,
        refuted_by=f"a calm capture of this service in which {short(culprit.function)} has the same share: then it is "
        "its job",
        helps="Look for a loop within a loop, a search where a map would do, or work that could be done once.",
    )
