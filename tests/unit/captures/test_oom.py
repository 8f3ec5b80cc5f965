"""A process that ends right after our signal: whom is it blamed on?"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.captures import recording
from app.captures.evidence import CAUSE
from app.captures.recording import RecordingSteps
from app.gate.facts import Harm
from app.model import Blocked, Capture, Step, Target
from app.profilers.base import StepResult
from tests.unit.ledger.builders import NOON, manual


@dataclass
class Fakes:
    """A ladder that knows the cause, and a ledger that takes blocks."""

    cause: str
    blocks: list[Blocked] = field(default_factory=list)

    def end(self, capture: Capture, now: datetime) -> Capture:
        return replace(capture, notes={**capture.notes, CAUSE: self.cause})

    def block(self, one: Blocked) -> None:
        self.blocks.append(one)


@pytest.mark.parametrize(
    ("cause", "blocked"),
    [
        ("killed by the OOM killer 3 s into the recording, memory limit 96 MiB", False),
        ("it ended 3 s into the recording; meanwhile the OOM killer killed a process of its control group", True),
        ("", True),
    ],
)
def test_only_a_kill_for_lack_of_memory_that_the_kernel_tells_is_not_blamed_on_the_signal(
    cause: str, blocked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = StepResult("it has ended", harm=Harm("SIGUSR2", 1.0))
    monkeypatch.setattr(recording, "profiler_of", lambda of: SimpleNamespace(watch=lambda _: watched))
    of = manual(1, step=Step.WAIT, target=Target("h", 7, exe="/srv/orders"), notes={"build": "gnu:00"})
    fakes = Fakes(cause)
    after = RecordingSteps(cast(Any, None), cast(Any, fakes), cast(Any, fakes)).wait(of, NOON)
    assert (len(fakes.blocks), "harm" in after.notes) == ((1, True) if blocked else (0, False))
    assert blocked or f"{cause}: the signal is not blamed for it" in [event.message for event in after.timeline]
