"""Short runs of the crash harness (`make crash` and `make cut` are the long ones), and proof that its judge sees."""

import hashlib
import json
import os
import random
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from app.errors import Code, Retryable
from app.gate.answers import Answer
from app.gate.client import Gate
from app.model import Capture, Trigger
from app.profilers.go_zero import GoZero
from tests.crash import evidence, truth
from tests.crash.disturbances import cut_off, database_crashed, disturb, frozen, killed, store_cut
from tests.crash.errands import cut, kill, point
from tests.crash.fleet import Fleet
from tests.crash.stage import Stage
from tests.crash.truth import Harm
from tests.lab.forked import Forked
from tests.lab.postgres import NoPostgres
from tests.lab.proxy import Cut
from tests.lab.target import Event
from tests.lab.tools import Unavailable

BOTH = ("toggle", "timed")


def unharmed(stage: Stage) -> None:
    assert not stage.tally.harms, "\n".join(stage.tally.stories)


# ---------------------------------------------------------------------- a few rounds of each


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a recording ends is what is asked here; how soon is measured by the long runs, with nothing beside."""
    monkeypatch.setattr(truth, "GRACE_MS", 60_000)


@pytest.mark.usefixtures("patient")
def test_kill_9_at_random_moments_harms_nobody(tmp_path: Path) -> None:
    with Stage(tmp_path, BOTH, run=Forked) as stage:
        stage.rehearse()
        for _ in range(2):
            kill(stage, random.Random())  # noqa: S311
        unharmed(stage)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(("name", "numbers"), [("toggle", (6, 29, 49)), ("timed", (31, 92))])
def test_a_service_that_dies_at_a_point_harms_nobody(tmp_path: Path, name: str, numbers: tuple[int, ...]) -> None:
    with Stage(tmp_path, (name,), run=Forked) as stage:
        died = [point(stage, stage.actors[0], number) for number in numbers]
        assert None not in died, "a capture has fewer points than that"
        unharmed(stage)


def test_a_capture_passes_a_point_that_it_never_comes_to(tmp_path: Path) -> None:
    with Stage(tmp_path, ("toggle",), run=Forked) as stage:
        assert point(stage, stage.actors[0], 100_000) is None
        assert stage.tally.ends == {"completed": 1}
        unharmed(stage)


@pytest.mark.usefixtures("patient")
def test_connections_cut_at_random_moments_harm_nobody(tmp_path: Path) -> None:
    with Stage(tmp_path, BOTH, run=Forked, cuttable=True) as stage:
        stage.rehearse()
        for how in (Cut.RST, Cut.STALL):
            cut(stage, random.Random(), how)  # noqa: S311
        unharmed(stage)


@pytest.mark.usefixtures("patient")
def test_replicas_that_are_killed_frozen_and_cut_off_harm_nobody(tmp_path: Path) -> None:
    chance = random.Random()  # noqa: S311
    try:
        fleet = Fleet(tmp_path, BOTH, chance, replicas=3, real_store=False)
    except (NoPostgres, Unavailable) as reason:
        pytest.skip(f"several replicas are NOT tested: {reason}")
    with fleet:
        fleet.rehearse()
        fates = zip((killed, frozen, cut_off), fleet.replicas, strict=True)
        drawn = [fate(replica, chance) for fate, replica in fates]
        disturb(fleet, chance, [*drawn, database_crashed(fleet, chance), store_cut(fleet, chance, Cut.RST)])
        unharmed(fleet)


def test_a_goroutine_dump_that_a_cut_took_is_asked_for_again_and_then_done_without() -> None:
    class CutGate:
        def dump(self, token: str) -> Answer:
            raise Retryable(Code.HOST_UNREACHABLE, "the connection was lost")

    capture = Capture("01a20883-e982-7295-bcc6-d5d29c4deea2", datetime.now(UTC), Trigger("manual"))
    with pytest.raises(Retryable):
        GoZero()._dump(cast(Gate, CutGate()), capture)
    assert GoZero()._dump(cast(Gate, CutGate()), replace(capture, attempt=2)) == "the connection was lost"


# ---------------------------------------------------------------------- the judge


def events(*noted: tuple[int, str]) -> list[Event]:
    return [Event(at, what) for at, what in noted]


def harms(found: Iterable[truth.Found]) -> list[Harm]:
    return [harm for harm, _ in found]


def row(state: str, *artifacts: dict[str, Any]) -> dict[str, Any]:
    said = [{"at": "", "step": "", "message": ""}]
    return {"id": "one", "state": state, "reason": None, "artifacts": list(artifacts), "timeline": said}


def test_a_recording_that_ends_late_or_never_is_seen() -> None:
    assert harms(truth.overdue(events((0, "start"), (11_500, "stop")), 1.0, 20_000)) == [Harm.LEFT]
    assert harms(truth.overdue(events((0, "start")), 1.0, 20_000)) == [Harm.LEFT]


def test_a_recording_that_ends_in_time_is_none_of_it() -> None:
    assert harms(truth.overdue(events((0, "start"), (10_500, "stop")), 1.0, 20_000)) == []


@pytest.mark.parametrize(
    ("name", "whats"),
    [
        ("toggle", "usr2 start usr2 stop usr2 start"),
        ("timed", "usr2 start usr2 refused stop"),
        ("timed", "usr2 start stop usr2 start stop"),
    ],
)
def test_a_signal_too_many_is_seen(name: str, whats: str) -> None:
    assert harms(truth.signals(events(*((0, what) for what in whats.split())), name)) == [Harm.TWICE]


@pytest.mark.parametrize(
    ("name", "whats"), [("toggle", "usr2 start usr1 usr2 stop"), ("timed", "usr2 start usr1 stop")]
)
def test_the_signals_of_one_recording_are_none_of_it(name: str, whats: str) -> None:
    assert harms(truth.signals(events(*((0, what) for what in whats.split())), name)) == []


def test_what_was_lost_is_seen() -> None:
    started = events((0, "start"))
    for noted, said in (
        (started, row("recording")),
        (started, row("skipped")),
        ([], row("completed")),
        (started, row("completed")),  # without its files
    ):
        assert harms(truth.lost(noted, said, {"one"})) == [Harm.LOST]
    assert harms(truth.lost(started, row("failed"), {"one", "two"})) == [Harm.LOST]


def test_an_acknowledged_alert_without_a_row_is_seen() -> None:
    assert harms(truth.lost(events((0, "start")), None, {"one"})) == [Harm.ROWLESS]


def test_an_honest_failure_is_not_lost() -> None:
    assert harms(truth.lost(events((0, "start")), row("failed"), {"one"})) == []
    assert harms(truth.lost([], row("failed"), {"one"})) == []


@pytest.mark.parametrize("fault", ["gone", "changed", "not the target's", "cut off"])
def test_a_damaged_artifact_is_seen(tmp_path: Path, fault: str) -> None:
    data = b"go 1.27 trace"
    said = {"name": "a", "kind": "trace", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    originals = {"trace": str(said["sha256"])}
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a").write_bytes(data)
    assert harms(truth.damaged(row("completed", said), tmp_path, originals)) == []
    if fault == "gone":
        (tmp_path / "one" / "a").unlink()
    elif fault == "changed":
        (tmp_path / "one" / "a").write_bytes(data[:-1])
    elif fault == "not the target's":
        originals = {"trace": "0" * 64}
    else:
        said["kind"], originals = "cpu", {"cpu": str(said["sha256"])}
    assert harms(truth.damaged(row("completed", said), tmp_path, originals)) == [Harm.DAMAGED]


def test_a_file_left_behind_is_seen(tmp_path: Path) -> None:
    assert harms(truth.litter(row("completed"), tmp_path)) == []
    (tmp_path / "orders-1-cpu-0101000000.pprof").touch()
    assert harms(truth.litter(row("completed"), tmp_path)) == [Harm.LITTER]


def test_evidence_that_is_missing_or_of_another_process_is_seen(tmp_path: Path) -> None:
    own = os.getpid()
    look = {"uptime_seconds": 0, "process": {"running_seconds": -evidence.start_of(own) / 100}}
    texts = dict.fromkeys(evidence.EVERY, "{}") | {
        ".json": json.dumps(look),
        "-environment.json": json.dumps({"variables": {evidence.VARIABLE: "host-1"}}),
    }
    (tmp_path / "one").mkdir()
    for suffix, text in texts.items():
        (tmp_path / "one" / f"orders-1-evidence-Z{suffix}").write_text(text)
    artifacts = [{"name": f"orders-1-evidence-Z{suffix}", "kind": "evidence"} for suffix in texts]

    def found(pid: int, host: str, *kept: dict[str, Any]) -> list[Harm]:
        return harms(evidence.judged(row("completed", *kept), tmp_path, pid, host))

    assert found(own, "host-1", *artifacts) == []
    assert found(own, "host-2", *artifacts) == [Harm.ASTRAY]
    assert found(1, "host-1", *artifacts) == [Harm.ASTRAY]
    assert found(own, "host-1", *artifacts[1:]) == [Harm.LOST]


def test_a_loop_that_samples_still_is_seen(tmp_path: Path) -> None:
    with (tmp_path / "0123.samples").open("w") as out, subprocess.Popen(["sleep", "60"], stdout=out) as loop:
        assert evidence.writers("0123") == [str(loop.pid)]
        loop.kill()
    assert evidence.writers("0123") == []
