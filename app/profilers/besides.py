"""Which of a capture's artifacts are its recording's own, and which came home besides it. Pure."""

from app.gate.log_lines import AROUND
from app.model import Capture, Kind

BESIDES = "-memory.pprof"  # the end of the name of what go-memory reads


def own_kinds(capture: Capture) -> frozenset[Kind]:
    """The kinds of the artifacts that the capture's own profiler has brought: neither evidence, nor logs that a rule
    names, nor what a profiler read that runs besides."""
    return frozenset(each.kind for each in capture.artifacts if each.kind is not Kind.EVIDENCE and is_own(each.name))


def is_own(name: str) -> bool:
    """Whether an artifact's name is that of a file of the recording."""
    return not (name.endswith(BESIDES) or name.rpartition("Z")[2].startswith(AROUND))
