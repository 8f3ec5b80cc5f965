"""Messages that are no fault of anybody's, and that must not lead to a signal too many."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.scene import Scene, alert, codes
from tests.lab.target import Service

RunTarget = Callable[..., Service]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path / "scene") as made:
        yield made


def test_an_alert_that_is_resolved_in_the_same_message_is_a_skipped_row_and_signals_nothing(
    scene: Scene, run_target: RunTarget
) -> None:
    target = run_target("toggle")
    about = {"host": "127.0.0.1", "pid": target.pid}
    (new,) = scene.deliver(alert(**about), alert(firing=False, **about))["captures"]  # type: ignore[arg-type]
    capture = scene.service.wait_capture(new)
    assert (capture["state"], codes([capture])) == ("skipped", ["resolved_before_start"])
    assert target.events() == []


def test_an_alert_from_a_clock_that_is_hours_off_is_captured_once(scene: Scene, run_target: RunTarget) -> None:
    targets = [run_target("toggle"), run_target("toggle")]
    for number, (target, hours) in enumerate(zip(targets, (-5, 5), strict=True)):
        off = alert(f"00000000000000d{number}", ago=-3600 * hours, instance=target.instance, job=f"j{number}")
        (capture,) = scene.captured(off)
        assert capture["state"] == "completed", capture["reason"]
        again = scene.deliver(off)
        for held in again["captures"]:
            scene.service.process.until(lambda: codes([scene.service.capture(held)]) == ["cooldown"], "it is held")  # noqa: B023
        assert target.count("start") == 1
