"""Whether the recording is as long as it was asked to be, by the profile's own clock."""

from collections.abc import Iterator

from app.finding import INFO, Finding
from app.findings.scene import Found, Scene
from app.findings.thresholds import LATE, SHORTER

CODE = "shorter_than_asked"


def shorter(scene: Scene) -> Iterator[Found]:
    """A finding if the CPU profile covers much less time than was asked for, whatever ended it."""
    had = scene.cpu.seconds if scene.cpu else None
    if had is None or had >= SHORTER * scene.seconds or had >= scene.seconds - LATE:
        return
    yield Found(
        Finding(
            INFO,
            f"the recording has {had:.3g} s of the {scene.seconds:.3g} s that were asked for",
            "By the CPU profile's own clock. Something ended it early, or it began late: the timeline has the steps. "
            "What is said of the functions is from fewer samples",
            kind="cpu",
            code=CODE,
            refuted_by="a profile that was cut to a part of its time on purpose",
            helps="Look at the clocks: a host or collector whose clock was set meanwhile ends recordings early.",
        ),
        0.0,
    )
