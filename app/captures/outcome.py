"""Whether a capture that came to its end is complete. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from app.errors import Code, Reason
from app.model import Capture, Kind
from app.profilers import harm
from app.profilers.base import Profiler
from app.profilers.besides import is_own, own_kinds


def shortfall(capture: Capture, profiler: Profiler) -> Reason | None:
    """Why the capture has failed although it came to its end; None if it is complete."""
    harmed = harm.reason_of(capture)
    if left := capture.notes.get("left"):
        return Reason(Code.TIMEOUT, left)
    faults: Mapping[str, str] = capture.notes.get("faults", {})
    missing = [kind.value for kind in profiler.missing(own_kinds(capture))]
    if not faults and not missing:
        return harmed
    bad = [f"{kind}: {fault}" for kind, fault in faults.items()]
    bad += [f"{kind}: there is no such file" for kind in missing]
    listed = "; ".join(bad)
    if harmed:
        return Reason(harmed.code, f"{harmed.message} ({listed})")
    if capture.notes.get("lost"):
        return Reason(Code.PROCESS_EXITED, f"the process ended while it was recording ({listed})")
    code = Code.PROFILE_EMPTY if faults else Code.COLLECT_FAILED
    return Reason(code, f"not every file is good: {listed}")


def only_proven(capture: Capture) -> Capture:
    """The capture without the files of a profiler that another process may have answered: what the gate read of the
    process itself stays."""
    proven = (each for each in capture.artifacts if each.kind is Kind.EVIDENCE or not is_own(each.name))
    return replace(capture, artifacts=tuple(proven))
