"""The decisions that need no host: what becomes of a fault, what a capture lacks, how files are named."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.captures.artifacts import artifact_name
from app.captures.failures import BACK_OFF, DEADLINES, fail, retry_later, target_in, with_deadline
from app.captures.outcome import shortfall
from app.captures.pipeline import Pipeline
from app.captures.resolve import sibling_id
from app.captures.search import only_one
from app.captures.specs import spec_of
from app.errors import Code, Reason, Refused, Retryable
from app.evidence.samples import AROUND_LATER
from app.gate.facts import Seen
from app.ledger.ledger import Ledger
from app.model import Artifact, Capture, Kind, ProcessId, State, Step, Target, Trigger
from app.profilers.gate_profiler import LOOK_EVERY
from app.profilers.go_zero import GoZero
from app.resolvers.base import Candidates
from app.resolvers.labels import Labels
from app.stores import Directory
from tests.unit.captures.stage import RULES, Stage, alert
from tests.unit.ledger.builders import NOON, admission, manual

GONE = Retryable(Code.HOST_UNREACHABLE, "h: no connection")


def whole(**notes: object) -> Capture:
    kinds = [Kind.CPU, Kind.HEAP, Kind.MUTEX, Kind.BLOCK, Kind.THREADCREATE, Kind.TRACE, Kind.GOROUTINE]
    return manual(1, artifacts=tuple(Artifact(f"{kind}", kind, 9, "00") for kind in kinds), notes=notes)


def test_a_fault_that_may_pass_is_tried_again_later_and_later() -> None:
    capture, waits = with_deadline(manual(1), NOON), []
    for _ in range(4):
        capture = retry_later(capture, NOON, GONE)
        assert capture.due_at
        waits.append((capture.due_at - NOON).total_seconds())
    assert waits == sorted(waits) and waits[0] < waits[-1]
    assert capture.state is State.PENDING
    assert [entry.message for entry in capture.timeline] == ["h: no connection"], "said once, not at every try"


def test_a_fault_that_does_not_pass_ends_the_capture_with_its_reason() -> None:
    capture = with_deadline(manual(1), NOON)
    late = NOON + DEADLINES[Step.RESOLVE]
    assert retry_later(capture, late, GONE).state is State.PENDING, "its time is up, but nobody has tried meanwhile"
    ended = retry_later(replace(capture, attempt=len(BACK_OFF)), late, GONE)
    assert (ended.state, ended.reason) == (State.FAILED, GONE.reason)
    assert ended.due_at is None


def test_a_deadline_begins_with_the_first_try_and_does_not_grow() -> None:
    capture = with_deadline(manual(1), NOON)
    assert with_deadline(capture, NOON + timedelta(minutes=1)).give_up_at == capture.give_up_at


@pytest.mark.parametrize("code", [Code.COOLDOWN, Code.BUDGET, Code.PAUSED, Code.DUPLICATE])
def test_what_was_decided_against_is_skipped(code: Code) -> None:
    assert fail(manual(1), NOON, Reason(code, "x")).state is State.SKIPPED


@pytest.mark.parametrize("code", [Code.UNSAFE_SIGNAL, Code.HOST_UNREACHABLE, Code.PROCESS_NOT_FOUND, Code.TIMEOUT])
def test_what_could_not_be_done_has_failed(code: Code) -> None:
    assert fail(manual(1), NOON, Reason(code, "x")).state is State.FAILED


def test_a_row_whose_process_was_never_found_still_says_what_was_meant() -> None:
    labels = {"instance": "10.0.0.5:9100", "pid": "4242", "job": "orders"}
    ended = fail(manual(1, trigger=Trigger("alert", labels)), NOON, Reason(Code.AUTH_FAILED, "x"))
    assert ended.target == Target("10.0.0.5", 4242, "orders")
    assert target_in({"alertname": "Watchdog"}) is None
    assert target_in({"host": "h", "pid": "1; id"}) == Target("h", None, "")


def seen(pid: int) -> Seen:
    return Seen(ProcessId("boot", pid, 1, "1:1"), "orders", "/srv/orders")


def test_one_candidate_is_taken_and_none_or_several_are_refused_by_name() -> None:
    assert only_one(Candidates("h", (seen(7),), "called orders")) == seen(7)
    with pytest.raises(Exception, match="no process called orders"):
        only_one(Candidates("h", (), "called orders"))
    with pytest.raises(Exception, match=r"7 \(/srv/orders\), 8 \(/srv/orders\)"):
        only_one(Candidates("h", (seen(7), seen(8)), "called orders"))


@pytest.mark.parametrize(
    ("kind", "why"), [("perf", "there is no profiler 'perf'"), ("command", "needs command: only a rule can say them")]
)
def test_a_profiler_that_is_none_or_lacks_its_options_is_refused(kind: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        spec_of(kind)


def test_a_capture_beside_another_has_an_id_of_its_own_and_always_the_same() -> None:
    first = "01a20fd5-9796-7442-8918-dad8f9c28153"
    beside = sibling_id(first, "boot:8:1")
    assert beside == sibling_id(first, "boot:8:1")
    assert UUID(beside).version == 7 and beside[:24] == first[:24], "of the same millisecond, so listed together"
    assert len({first, beside, sibling_id(first, "boot:9:1")}) == 3


def test_a_capture_with_all_its_files_good_lacks_nothing() -> None:
    assert shortfall(whole(), GoZero()) is None


def test_an_empty_file_is_no_success() -> None:
    reason = shortfall(whole(faults={"cpu": "empty: 0 bytes"}), GoZero())
    assert reason and reason.code is Code.PROFILE_EMPTY
    assert "cpu: empty: 0 bytes" in reason.message


def test_a_missing_file_is_no_success() -> None:
    capture = whole()
    reason = shortfall(replace(capture, artifacts=capture.artifacts[1:]), GoZero())
    assert reason and reason.code is Code.COLLECT_FAILED
    assert "cpu" in reason.message


def test_that_the_process_ended_is_the_better_reason() -> None:
    reason = shortfall(whole(faults={"cpu": "empty: 0 bytes"}, lost=True), GoZero())
    assert reason and reason.code is Code.PROCESS_EXITED


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("order-mq", "order-mq-7-cpu-20261123T120000Z.pprof"),
        ("../../etc/passwd\n", "etc-passwd-7-cpu-20261123T120000Z.pprof"),
        ("цены", "service-7-cpu-20261123T120000Z.pprof"),
        ("", "service-7-cpu-20261123T120000Z.pprof"),
    ],
)
def test_a_files_name_is_ours_and_harmless(service: str, name: str) -> None:
    capture = manual(1, target=Target("h", 7, service=service), started_at=NOON)
    assert artifact_name(capture, Kind.CPU) == name


def test_a_step_that_finds_the_ledger_away_is_tried_again_and_is_no_fault_of_the_program(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db", decide=admission())  # has no tables
    parts: Any = {"pool": Stage(), "store": Directory(tmp_path / "files"), "ledger": ledger, "check": dict}
    after = Pipeline(**parts, rules=lambda: (), resolvers=(Labels(),)).advance(manual(1), NOON)
    ledger.close()
    assert after.state is State.PENDING and after.due_at == NOON + timedelta(seconds=BACK_OFF[0])
    (waiting,) = after.timeline
    assert waiting.message.startswith(f"the ledger sqlite:///{tmp_path}/ledger.db is not available (no such table")


@pytest.mark.parametrize(
    ("crowded", "around_after", "dumped_after"), [(False, 0, timedelta(0)), (True, AROUND_LATER, LOOK_EVERY)]
)
def test_while_other_hosts_wait_to_be_reached_what_stays_there_is_gathered_later(
    tmp_path: Path, crowded: bool, around_after: int, dumped_after: timedelta
) -> None:
    host = Stage()
    host.crowded = crowded
    with closing(Ledger(f"sqlite:///{tmp_path}/ledger.db", decide=admission())) as ledger:
        ledger.migrate()
        parts: Any = {"pool": host, "store": Directory(tmp_path / "files"), "ledger": ledger}
        pipeline = Pipeline(**parts, rules=lambda: RULES, resolvers=(Labels(),), check=lambda files: {})
        recording = pipeline.advance(pipeline.advance(alert(1, 101), NOON), NOON)
        assert (recording.step, recording.due_at, host.around_after) == (Step.WAIT, NOON + dumped_after, [around_after])
        host.crowded = False
        at = NOON + dumped_after
        dumped = pipeline.advance(recording, at)
    assert dumped.timeline[-1].message == "the goroutine dump is home"
    assert (dumped.due_at, host.looks) == (at + LOOK_EVERY, 1), "it was looked at for the dump, and then as ever"


def test_a_recording_that_has_ended_before_its_dump_came_home_is_looked_at_at_once(tmp_path: Path) -> None:
    host = Stage()
    with closing(Ledger(f"sqlite:///{tmp_path}/ledger.db", decide=admission())) as ledger:
        ledger.migrate()
        parts: Any = {"pool": host, "store": Directory(tmp_path / "files"), "ledger": ledger}
        pipeline = Pipeline(**parts, rules=lambda: RULES, resolvers=(Labels(),), check=lambda files: {})
        recording = pipeline.advance(pipeline.advance(alert(1, 101), NOON), NOON)
        host.stop(recording.token)
        assert pipeline.advance(recording, NOON).due_at == NOON
