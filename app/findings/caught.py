"""Whether the profile caught what the alert was about."""

from collections.abc import Iterator

from app.finding import INFO, Finding
from app.findings.scene import Found, Scene
from app.findings.thresholds import IDLE

CODE = "spike_over"


def caught(scene: Scene) -> Iterator[Found]:
    """A finding if an alert about the CPU was followed by a recording in which the process did next to nothing."""
    if scene.cpu is None or scene.cores >= IDLE or "cpu" not in scene.about.lower():
        return
    yield Found(
        Finding(
            INFO,
            f"the process used {scene.cores:.2f} cores while it was recorded: the spike was over",
            f"The alert speaks of the CPU. The CPU profile has less than the {IDLE:g} cores of a busy process, so "
            "its functions are not those that were hot when the alert fired, or another process of the host was",
            kind="cpu",
            code=CODE,
            refuted_by="samples of /proc that show this process busy during the recording",
            helps="Shorten the rule's `for`, or look at the other processes of the host.",
        ),
        0.0,
    )
