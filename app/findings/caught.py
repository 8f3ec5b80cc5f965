"""Whether the profile caught what the alert was about."""

from collections.abc import Iterator

from app.finding import INFO, Finding
from app.findings.scene import Found, Scene
from app.findings.thresholds import CAUGHT, IDLE
from app.findings.words import percent

CODE = "spike_over"


def caught(scene: Scene) -> Iterator[Found]:
    """A finding if the process did much less while it was recorded than the alert's rule said of it; where that is not
    certain, if an alert about the CPU was followed by next to nothing."""
    if scene.cpu is None:
        return
    if (claim := scene.claim) and scene.cores < CAUGHT * claim.cores:
        missed = percent(1 - scene.cores / claim.cores)
        yield Found(
            _finding(
                f"the process used {scene.cores:.2f} cores while it was recorded, and {claim} when the alert fired: "
                "the spike was over",
                f"The alert's rule measures the process's own CPU time. {missed} of it is not in the CPU profile, "
                f"which has less than {percent(CAUGHT)}. Its functions may not be those that were hot when the alert "
                "fired",
            ),
            0.0,
        )
    elif scene.cores < IDLE and "cpu" in scene.about.lower():
        yield Found(
            _finding(
                f"the process used {scene.cores:.2f} cores while it was recorded: the spike was over",
                f"The alert speaks of the CPU. The CPU profile has less than the {IDLE:g} cores of a busy process, so "
                "its functions are not those that were hot when the alert fired, or another process of the host was",
            ),
            0.0,
        )


def _finding(title: str, detail: str) -> Finding:
    return Finding(
        INFO,
        title,
        detail,
        kind="cpu",
        code=CODE,
        refuted_by="samples of /proc that show this process busy during the recording",
        helps="Shorten the rule's `for`, or look at the other processes of the host.",
    )
