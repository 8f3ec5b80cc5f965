"""The ladder of one capture: what a rung brings is durable and listed, and its fault costs the capture nothing."""

import errno
import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from app.captures.artifacts import sha256
from app.captures.evidence import CAUSE, Ladder, Scenes, cause_of, explained, what, with_look
from app.captures.moments import LOOKED
from app.captures.untaken import KEPT, WAITS
from app.errors import Code, Reason, Retryable
from app.gate.client import Gate, Texts
from app.gate.pool import HostPool
from app.model import Artifact, Capture, ProcessId, Target
from app.stores import Directory
from tests.unit.captures.stage import Stage
from tests.unit.evidence.test_scene import LINES
from tests.unit.evidence.test_verdict import lines
from tests.unit.ledger.builders import NOON, manual

PROCESS = ProcessId("boot", 101, 100, "1:1")


class Host(Stage):
    """Samples are there, unless it is away."""

    host = "h"
    away = False
    samples_left = True

    def look_at_scene(self, pid: int):  # type: ignore[no-untyped-def]  # noqa: ANN201
        return self.look(pid), LINES

    def samples(self, token: str) -> tuple[str, ...]:
        if self.away:
            raise Retryable(Code.HOST_UNREACHABLE, "h: the gate was lost")
        return tuple(lines()) if self.samples_left else ()

    def unsample(self, token: str) -> None:
        self.samples_left = False


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def ladder(host: Host, tmp_path: Path) -> Ladder:
    return Ladder(cast(HostPool, host), Directory(tmp_path / "store"))


def begun(ladder: Ladder) -> Capture:
    capture = manual(1, process=PROCESS, target=Target("h", 101, "orders"), started_at=NOON)
    return ladder.begin(capture, NOON)


def durable(ladder: Ladder, capture: Capture, artifact: Artifact) -> bool:
    with ladder.store.local(f"{capture.id}/{artifact.name}") as path:
        return path.stat().st_size == artifact.size


def looked(ladder: Ladder, host: Host, *, at_leisure: bool, at: datetime = NOON) -> Capture:
    scenes = Scenes()
    scenes.look(cast(Gate, host), 101)
    return ladder.look(ladder.look(manual(1), scenes, at, at_leisure=at_leisure), scenes, at, at_leisure=at_leisure)


@pytest.mark.parametrize("at_leisure", [True, False])
def test_the_first_look_is_durable_before_anything_begins_and_is_taken_once(
    ladder: Ladder, host: Host, at_leisure: bool
) -> None:
    capture = looked(ladder, host, at_leisure=at_leisure)
    (artifact,) = capture.artifacts
    assert durable(ladder, capture, artifact)
    assert [event.message[:11] for event in capture.timeline if event.step == "evidence"] == ["first look:"]


def test_a_look_that_a_replica_stores_too_late_replaces_none_of_the_one_that_took_over(
    ladder: Ladder, host: Host
) -> None:
    taken_over = looked(ladder, host, at_leisure=False, at=NOON + timedelta(seconds=4))
    host.look_at_scene = lambda pid: (host.look(pid), Texts([*LINES, "load 99 99 99 1/1 1"]))  # type: ignore[method-assign]
    (late,) = looked(ladder, host, at_leisure=False, at=NOON).artifacts
    (artifact,) = taken_over.artifacts
    with ladder.store.local(f"{taken_over.id}/{artifact.name}") as path:
        assert sha256(path) == artifact.sha256
    assert (late.name != artifact.name, what(late)) == (True, what(artifact)), "it is another file of the same"


def test_a_capture_that_has_to_wait_for_room_keeps_its_first_look(ladder: Ladder, host: Host) -> None:
    found = looked(ladder, host, at_leisure=False).with_event(NOON, "resolved", "pid 101")
    waiting = with_look(manual(1), found)
    assert waiting.artifacts == found.artifacts and LOOKED in waiting.notes
    assert [event.step for event in waiting.timeline[len(manual(1).timeline) :]] == ["evidence"]


def test_samples_come_home_and_are_then_removed_from_the_host(ladder: Ladder, host: Host) -> None:
    capture = ladder.clean(ladder.end(begun(ladder), NOON), NOON)
    (artifact,) = capture.artifacts
    assert artifact.name.endswith("-samples.json") and durable(ladder, capture, artifact)
    assert not host.samples_left


def test_a_host_that_is_away_costs_only_the_samples_and_is_asked_again(ladder: Ladder, host: Host) -> None:
    host.away = True
    capture = ladder.end(begun(ladder), NOON)
    assert capture.timeline[-1].message == "samples is missing: h: the gate was lost" and capture.artifacts == ()
    ladder.clean(capture, NOON)
    assert host.samples_left
    host.away = False
    assert len(ladder.end(capture, NOON).artifacts) == 1


def full(monkeypatch: pytest.MonkeyPatch) -> None:
    def put(store: Directory, key: str, source: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Directory, "put", put)


@pytest.mark.parametrize("at_leisure", [True, False])
def test_a_first_look_that_our_disk_does_not_take_travels_in_the_row_of_a_capture_that_goes_on(
    ladder: Ladder, host: Host, monkeypatch: pytest.MonkeyPatch, at_leisure: bool
) -> None:
    full(monkeypatch)
    capture = looked(ladder, host, at_leisure=at_leisure)
    assert capture.artifacts == () and "our own store does not take it" in str(capture.timeline)
    assert ("first-look is missing" in str(capture.timeline)) is at_leisure
    assert ("kept in the database" in str(capture.timeline)) is not at_leisure
    assert json.loads(json.dumps(capture.notes)) == capture.notes
    monkeypatch.undo()
    ended = ladder.end(with_look(manual(1), capture), NOON + timedelta(hours=3))
    if at_leisure:
        assert ended.artifacts == ()
        return
    (artifact,) = ended.artifacts
    assert durable(ladder, ended, artifact) and f"-evidence-{NOON:%Y%m%dT%H%M%SZ}.json" in artifact.name
    assert KEPT not in ended.notes and WAITS not in ended.notes


def test_why_a_process_ended_is_known_though_our_disk_does_not_take_what_shows_it(
    ladder: Ladder, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.samples = lambda token: tuple(lines(end="gone"))  # type: ignore[method-assign]
    full(monkeypatch)
    capture = ladder.end(begun(ladder), NOON)
    assert cause_of(capture) and capture.artifacts == () and capture.findings == ()


def test_why_a_process_ended_is_part_of_the_reason_that_it_ended_and_of_no_other() -> None:
    capture = replace(manual(1), notes={CAUSE: "killed by the OOM killer 31 s into the recording"})
    ended, late = Reason(Code.PROCESS_EXITED, "it has exited"), Reason(Code.TIMEOUT, "it took too long")
    assert explained(capture, ended).message == "it has exited: killed by the OOM killer 31 s into the recording"
    assert explained(capture, late) == late
    assert explained(manual(1), ended) == ended
