"""An inspector that stays open is told, whatever else comes of the recording. With a real Node: tests/integration."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.errors import Code, Retryable
from app.profilers import node_inspector
from app.profilers.base import Recording
from app.profilers.node_inspector import NodeInspector

LOST = Retryable(Code.HOST_UNREACHABLE, "the connection was lost")
TOLD = (
    "10.0.0.5: the inspector of pid 7 is open at 127.0.0.1:9229, and did not close when it was asked to. Everybody on "
    "that host can run code as the service. Restart the service"
)


class Door:
    """An inspector that closes when it has been asked `times`; each time `fault` is raised."""

    def __init__(self, times: float, fault: Retryable | None = None) -> None:
        self.times, self.fault, self.asked = times, fault, 0

    def is_open(self) -> bool:
        return self.asked < self.times

    def opens_within(self, _seconds: float) -> bool:
        return self.is_open()

    def closes_within(self, _seconds: float) -> bool:
        return not self.is_open()

    def close(self, *_: Any) -> None:
        self.asked += 1
        if self.fault:
            raise self.fault


def findings(door: Door, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """What the end of a recording finds: severity, code and detail."""
    monkeypatch.setattr(node_inspector, "inspector_of", lambda _recording: door)
    id = SimpleNamespace(pid=7)
    finished = SimpleNamespace(code="finished", ended=None, files=1)
    gate = SimpleNamespace(look=lambda _pid: SimpleNamespace(id=id, nspid=7), stop=lambda _token: finished)
    recording = SimpleNamespace(
        gate=lambda: gate, token="t", host="10.0.0.5", process=id, time_left=lambda whole: whole,
        capture=SimpleNamespace(id="c", duration=timedelta(0)),
    )  # fmt: skip
    result = NodeInspector(exe="/node$").stop(cast(Recording, recording))
    assert result.message == "Node wrote its profile"
    return [(each.severity, each.code, each.detail) for each in result.findings]


@pytest.mark.parametrize("fault", [None, LOST], ids=["deaf", "out of reach"])
def test_an_inspector_that_does_not_close_is_a_critical_finding_and_the_profile_comes_home(
    fault: Retryable | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(float("inf"), fault)
    assert findings(door, monkeypatch) == [("critical", "inspector_open", TOLD)]
    assert door.asked == 1


def test_an_inspector_that_closes_at_the_end_or_before_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    for times in (0, 1):
        assert findings(door := Door(times), monkeypatch) == []
        assert door.asked == times
