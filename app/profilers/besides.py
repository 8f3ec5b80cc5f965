"""What a profiler brings that runs besides the one that records. Pure."""

from app.model import Capture, Kind

BESIDES = "-memory.pprof"  # the end of the name of what go-memory reads


def own_kinds(capture: Capture) -> frozenset[Kind]:
    """The kinds of the artifacts that the capture's own profiler has brought."""
    return frozenset(each.kind for each in capture.artifacts if not each.name.endswith(BESIDES))
