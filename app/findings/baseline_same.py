"""Whether a finding holds for the calm day, too: then it is not what has changed."""

from dataclasses import replace

from app.finding import INFO, WARNING, Finding
from app.findings import garbage, held, thresholds
from app.findings.baseline_cpu import CPU, accused, share_of
from app.findings.scene import Baseline, Found, Scene, by_name
from app.findings.words import percent, size

RAISED = 1.0  # strength: before those of the same severity that may be the service's job
LOWERED = 0.01  # times the strength


def compared(found: Found, scene: Scene) -> Found:
    """The finding with the baseline's number. It is lowered to INFO where the baseline has about the same, and raised
    where the function takes more of the CPU time than noise explains."""
    base, finding = scene.baseline, found.finding
    if base is None or finding.code == CPU or not finding.functions:
        return found
    shares = _shares(finding.code, finding.kind, finding.functions[0], scene, base)
    if shares is None:
        return found
    now, then = shares
    if then >= thresholds.ALIKE * now:
        return _lowered(found, scene, base, now, then)
    if not _is_accused(finding, scene, base):
        return found
    raised = replace(
        finding,
        severity=WARNING if finding.severity == INFO else finding.severity,
        title=f"{finding.title}; its share was {percent(then)} in the baseline",
        detail=f"{finding.detail}. In {base} its share was {percent(then)}, and now it is {percent(now)}: more than "
        f"the noise of sampling{base.said}",
        refuted_by="another calm capture of this service in which it has the same share",
    )
    return Found(raised, found.strength + RAISED)


def _is_accused(finding: Finding, scene: Scene, base: Baseline) -> bool:
    """Whether more CPU time than noise explains is spent in the function, on the way to it, or below it."""
    function = finding.functions[0]
    found = accused(scene, base) if finding.kind == "cpu" else ()
    return any(each.charge.function in finding.path or function in each.charge.path for each in found)


def _shares(code: str, kind: str, function: str, scene: Scene, base: Baseline) -> tuple[float, float] | None:
    """Of what the finding is about, now and in the baseline; None where they cannot be compared."""
    if code == garbage.CODE:
        parts = [each.cpu.means.get("memory", 0) / each.cpu.totals[each.cpu.measured]
                 for each in (scene, base.scene) if each.cpu and each.cpu.totals[each.cpu.measured]]  # fmt: skip
        return (parts[0], parts[1]) if len(parts) == 2 else None
    if code == held.HOLDS:
        heaps = [each.heap_after or each.heap for each in (scene, base.scene)]
        bytes_ = [by_name(heap)[function].paid[heap.sample_types.index(held.IN_USE)]
                  for heap in heaps if heap and function in by_name(heap)]  # fmt: skip
        return (bytes_[0], bytes_[1]) if len(bytes_) == 2 else None
    if kind != "cpu":
        return None
    now, then = share_of(scene.cpu, function), share_of(base.scene.cpu, function)
    return None if not now or then is None else (now, then)


def _lowered(found: Found, scene: Scene, base: Baseline, now: float, then: float) -> Found:
    finding = found.finding
    held_memory = finding.kind == "heap"
    said = size if held_memory else percent
    cores = "" if held_memory else f". The process used {scene.cores:.2f} cores, and {base.scene.cores:.2f} then"
    lowered = replace(
        finding,
        severity=INFO,
        title=f"{finding.title}; {'as' if held_memory else 'the same share as'} in the baseline",
        detail=f"{finding.detail}. It is not what has changed since {base}: {said(then)} there, {said(now)} now"
        f"{cores}{base.said}",
        refuted_by="a baseline that was taken when the fault was there already",
    )
    return Found(lowered, found.strength * LOWERED)
