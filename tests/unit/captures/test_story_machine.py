"""A whole capture under everything that may happen, in any order: a property-based test.

The pipeline, the worker's step, the profiler, the resolver, the store and the ledger (SQLite) are the real ones. The
target is a stand-in: a model of one host in memory that answers the gate's verbs as the gate does, with a journal by
token, a dead-man's switch, and processes of both semantics. What the gate itself does is shown on real parts in
tests/integration/test_gate.py; here it is shown that nothing the service does with such a gate breaks its promises.
"""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from app.captures.pipeline import Pipeline
from app.captures.worker import LEASE, Worker
from app.errors import Code, Refused, Retryable
from app.gate.pool import HostPool
from app.intake.rules import Rule
from app.ledger.ledger import Bounds, Claim, Filter, Ledger
from app.model import Artifact, Blocked, Capture, Kind, ProcessId, State, Step
from app.profilers.harm import id_of
from app.resolvers.labels import Labels
from app.stores import Directory
from tests.unit.captures.story_host import HAND, Host, OpenPool
from tests.unit.ledger.builders import NOON, admission, firing, ids, resolved

DURATION, COOLDOWN = timedelta(seconds=20), timedelta(seconds=40)
RULE = replace(Rule(name="every alert", matchers=()), duration=DURATION, cooldown=COOLDOWN)
VERBS = ("start", "start", "dump", "status", "stop", "fetch", "drop", "look")
SAMPLING = ("sample", "samples", "unsample")
GIVEN_UP = "samples is missing: our own store did not take it"
STORIES = 500 if os.environ.get("ALERTPROF_EXAMPLES") else 40  # `make fuzz` sets it

Draw = Callable[[st.SearchStrategy[Any]], Any]


class Crash(BaseException):
    """kill -9: no `except Exception` sees it."""


# ---------------------------------------------------------------------- our side


class Kept(Directory):
    """The real store, whose disk may be full."""

    full, fault = False, errno.ENOSPC

    def put(self, key: str, source: Path) -> None:
        if self.full:
            raise OSError(self.fault, os.strerror(self.fault))
        super().put(key, source)


class Remembered(Ledger):
    """The real ledger; the service may die right before or after a commit."""

    dies: tuple[str, int] | None = None  # before or after, and how many commits there are until then

    def _save(self, claim: Claim, capture: Capture, *, release: bool) -> None:
        when, left = self.dies or ("", -1)
        self.dies = (when, left - 1) if left > 0 else None
        if (when, left) == ("before", 0):
            raise Crash
        super()._save(claim, capture, release=release)
        if (when, left) == ("after", 0):
            raise Crash


class Replicas:
    """Two replicas on one ledger, one host."""

    def __init__(self, folder: Path, bounds: Bounds | None = None) -> None:
        self.now = NOON
        self.host = Host()
        self.ledger = Remembered(
            f"sqlite:///{folder}/ledger.db", decide=admission([RULE], ids()), clock=lambda: self.now, bounds=bounds
        )
        self.ledger.migrate()
        self.store = Kept(folder / "artifacts")
        self.pipeline = Pipeline(
            pool=cast(HostPool, OpenPool(self.host)),
            store=self.store,
            ledger=self.ledger,
            rules=lambda: [RULE],
            resolvers=(Labels(),),
            check=judged,
            clock=lambda: self.now,
        )
        self.workers = {
            name: Worker(self.ledger, self.pipeline, lambda: self.now, threads=0) for name in ("one", "two")
        }
        self.host.may_start = self.intends
        self.host.is_blocked = lambda build: self.ledger.blocked_as(build) is not None

    def intends(self, token: str, process: ProcessId) -> bool:
        """Is it written down that this token is to record this process?"""
        return any(row.token == token and row.process == process for row in self.rows())

    def rows(self) -> list[Capture]:
        return list(self.ledger.find(Filter(limit=500)).captures)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.host.pass_time(self.host.now + timedelta(seconds=seconds))

    def take(self, name: str) -> Claim | None:
        return self.ledger.claim(self.now, name, LEASE)

    def advance(self, name: str, claim: Claim) -> None:
        with suppress(Crash):
            self.workers[name]._advance(claim)

    def work(self, name: str, seconds: float) -> None:
        until = self.now + timedelta(seconds=seconds)
        while (due := self.ledger.next_due()) is not None and due <= until:
            self.pass_time(max(0.0, (due - self.now).total_seconds()))
            if claim := self.take(name):
                self.advance(name, claim)
        self.pass_time(max(0.0, (until - self.now).total_seconds()))

    def samples_are_at_home_or_on_their_host(self) -> None:
        for token, process in self.host.ever_sampled.items():
            (of,) = (row for row in self.rows() if row.token == token)
            home = [artifact for artifact in of.artifacts if artifact.name.endswith("-samples.json")]
            # Whoever asks for an end while our store is full does without them, and reads so.
            given_up = of.stop_requested_at is not None and any(event.message == GIVEN_UP for event in of.timeline)
            assert home or given_up or token in self.host.sampled, f"samples of {of.id} are lost: {of.timeline}"
            for artifact in home:
                text = self.store.path(f"{of.id}/{artifact.name}").read_text()
                assert set(json.loads(text)["threads"]) == {process.start}, "it is of another process"
            for finding in of.findings:
                assert of.findings.count(finding) == 1, f"said twice: {finding}"

    def run_to_the_end(self) -> None:
        """No more faults: everything that has begun must come to its end, in however many steps."""
        self.host.shut = self.host.disturb = self.ledger.dies = None
        self.store.full = False
        for _ in range(3000):
            due = self.ledger.next_due()
            if due is None:
                return
            self.pass_time(max(0.0, (due - self.now).total_seconds()))
            if claim := self.take("one"):
                self.advance("one", claim)
        raise AssertionError(f"these lead nowhere: {[row for row in self.rows() if not row.state.ended]}")

    def close(self) -> None:
        self.ledger.close()


def judged(files: Sequence[tuple[Kind, Path]]) -> Mapping[Path, str | None]:
    return {path: None if path.read_bytes() else "empty: 0 bytes" for _, path in files}


# ---------------------------------------------------------------------- everything in any order


class CaptureMachine(RuleBasedStateMachine):
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.replicas = Replicas(self.folder, Bounds(per_host=1, per_service=2, per_hour=1000))
        self.fired: set[str] = set()

    def teardown(self) -> None:
        try:
            self.replicas.run_to_the_end()
            self.everything_ended_well()
        finally:
            self.replicas.close()
            shutil.rmtree(self.folder)

    def everything_ended_well(self) -> None:
        rows = self.replicas.rows()
        assert self.fired <= {row.trigger.fingerprint for row in rows}, "an alert has no row"
        self.replicas.pass_time(120)
        harmed = {row.id for row in rows if row.findings}
        assert {one.capture for one in self.replicas.ledger.blocked()} <= harmed, "a harm is blocked and not told"
        ours = [running for running in self.replicas.host.processes.values() if running.owner not in (None, HAND)]
        assert ours == [], "a process records because of us"
        assert self.replicas.host.harm == []
        for row in rows:
            assert row.state.ended
            assert (row.reason is None) is (row.state is State.COMPLETED)
            for artifact in row.artifacts:
                data = self.replicas.store.path(f"{row.id}/{artifact.name}").read_bytes()
                assert len(data) == artifact.size
                assert row.state is not State.COMPLETED or data
        self.replicas.samples_are_at_home_or_on_their_host()

    # messages

    @rule(fingerprint=st.sampled_from("abc"), pid=st.sampled_from([7, 7, 8, 9]), fires=st.sampled_from([1, 1, 0]))
    def message(self, fingerprint: str, pid: int, fires: int) -> None:
        said = firing(fingerprint, starts_at=self.replicas.now, host="h", pid=str(pid), service=f"s{pid}")
        receipt = self.replicas.ledger.receive([said if fires else resolved(fingerprint)]).result(60)
        if fires:
            self.fired.add(fingerprint)
            assert receipt.created or receipt.known or receipt.skipped

    # the service

    @rule(seconds=st.sampled_from([0.5, 1, 5, 5, 20, 31, 70, 400]))
    def tick(self, seconds: float) -> None:
        self.replicas.pass_time(seconds)

    @rule(name=st.sampled_from(["one", "two"]), seconds=st.sampled_from([0, 0, 0.5, 5, 30, 70]))
    def work(self, name: str, seconds: float) -> None:
        """One replica does for so long what is due."""
        self.replicas.work(name, seconds)

    @rule(target=claims, name=st.sampled_from(["one", "two"]))
    def claim(self, name: str) -> object:
        """A replica that takes something up and is then very slow, or dead."""
        claim = self.replicas.take(name)
        return (name, claim) if claim else multiple()

    @rule(held=consumes(claims))
    def act_late(self, held: tuple[str, Claim]) -> None:
        """Perhaps its lease ran out and the other did it all meanwhile."""
        self.replicas.advance(*held)

    @rule(held=consumes(claims))
    def forget(self, held: tuple[str, Claim]) -> None:
        """It died."""

    # faults: drawn by one rule, so that most of a run is work

    @rule(data=st.data())
    def fault(self, data: st.DataObject) -> None:
        faults = [self.disturb, self.die_at_a_commit, self.way, self.by_hand, self.others, self.stop_request]
        data.draw(st.sampled_from(faults))(data.draw)

    def disturb(self, draw: Draw) -> None:
        """The next verb of that name is cut off, or we die in it."""
        verb = draw(st.sampled_from([*VERBS, *SAMPLING]))
        fault = draw(st.sampled_from([Crash(), Retryable(Code.HOST_UNREACHABLE, "h: no connection")]))
        self.replicas.host.disturb = (verb, draw(st.sampled_from(["before", "amid", "after"])), fault)

    def die_at_a_commit(self, draw: Draw) -> None:
        self.replicas.ledger.dies = (draw(st.sampled_from(["before", "after"])), draw(st.integers(0, 6)))

    def way(self, draw: Draw) -> None:
        """The way to the host is cut, or shut to us, until it is open again."""
        codes = [None, None, Code.HOST_UNREACHABLE, Code.AUTH_FAILED, Code.HOST_KEY_MISMATCH]
        code = draw(st.sampled_from(codes))
        kind = Retryable if code is Code.HOST_UNREACHABLE else Refused
        self.replicas.host.shut = kind(code, f"h: {code.value}") if code else None

    def by_hand(self, draw: Draw) -> None:
        if running := self.replicas.host.processes.get(draw(st.sampled_from([7, 8]))):
            self.replicas.host.usr2(running, HAND)

    def others(self, draw: Draw) -> None:
        """What is rarer: our disk is full, or not any more; another process gets the number; the host is restarted; a
        process ends at our next signal, or runs another program."""
        what = draw(st.sampled_from(["full", "room", "process", "host", "doomed"]))
        self.replicas.store.full = what == "full"
        if what == "process":
            self.replicas.host.begin_anew(draw(st.sampled_from([7, 8])))
        if what == "host":
            self.replicas.host.reboot()
        if what == "doomed" and (running := self.replicas.host.processes.get(draw(st.sampled_from([7, 8])))):
            running.dies_at, running.becomes = running.signals + 1, draw(st.booleans())

    def stop_request(self, draw: Draw) -> None:
        if rows := self.replicas.rows():
            self.replicas.ledger.request_stop(draw(st.sampled_from(rows)).id, self.replicas.now)

    # what must hold at all times

    @invariant()
    def no_harm(self) -> None:
        assert self.replicas.host.harm == []

    @invariant()
    def one_active_capture_a_process(self) -> None:
        lives = [row.process.key for row in self.replicas.rows() if row.process and not row.state.ended]
        assert len(lives) == len(set(lives))

    @invariant()
    def what_has_not_ended_is_due(self) -> None:
        assert all((row.due_at is not None) is not row.state.ended for row in self.replicas.rows())


def test_whatever_happens_in_whatever_order_nobody_is_hurt_and_everything_ends() -> None:
    run_state_machine_as_test(
        CaptureMachine,
        settings=settings(
            max_examples=STORIES, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


# ---------------------------------------------------------------------- single faults, by name


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    made = Replicas(tmp_path)
    yield made
    made.close()


def recording(replicas: Replicas, pid: int = 7) -> str:
    """A capture that records; its id."""
    receipt = replicas.ledger.receive([firing(host="h", pid=str(pid), starts_at=replicas.now)]).result(60)
    replicas.work("one", 1)
    assert replicas.host.processes[pid].owner
    return receipt.created[0]


def row(replicas: Replicas, capture_id: str) -> Capture:
    candidates = replicas.ledger.get(capture_id)
    assert candidates
    return candidates


def recorded(capture: Capture) -> list[Artifact]:
    """Its artifacts without the evidence that every capture has whose process was found."""
    return [artifact for artifact in capture.artifacts if artifact.kind is not Kind.EVIDENCE]


@pytest.mark.parametrize("pid", [7, 8])
def test_an_undisturbed_capture_completes(replicas: Replicas, pid: int) -> None:
    new = recording(replicas, pid)
    replicas.run_to_the_end()
    assert row(replicas, new).state is State.COMPLETED, row(replicas, new).reason
    assert len(recorded(row(replicas, new))) == 7
    assert replicas.host.processes[pid].begun == {row(replicas, new).token: 1}
    assert replicas.host.harm == []


def lost_start(replicas: Replicas, when: str) -> str:
    """A capture whose start went wrong in the middle, on a host that is away from then on; its id."""
    replicas.host.disturb = ("start", when, Crash())
    (new,) = replicas.ledger.receive([firing(host="h", pid="7")]).result(60).created
    replicas.work("one", 0)
    replicas.host.shut = Retryable(Code.HOST_UNREACHABLE, "h: no connection")
    return new


@pytest.mark.parametrize("when", ["before", "amid", "after"])
def test_a_start_whose_end_is_unknown_is_asked_again_and_begins_one_recording(replicas: Replicas, when: str) -> None:
    new = lost_start(replicas, when)
    replicas.work("two", 60)  # the lease of the dead runs out, the dead-man's switch acts
    replicas.host.shut = None
    replicas.run_to_the_end()
    assert row(replicas, new).state is State.COMPLETED
    assert replicas.host.processes[7].begun == {row(replicas, new).token: 1}


def test_a_start_on_a_host_that_never_comes_back_leaves_no_process_recording(replicas: Replicas) -> None:
    new = lost_start(replicas, "after")
    assert replicas.host.processes[7].owner
    replicas.work("two", 600)
    assert row(replicas, new).state is State.FAILED
    assert replicas.host.processes[7].owner is None


def test_a_host_that_was_restarted_while_it_recorded_is_a_failure_that_says_so(replicas: Replicas) -> None:
    new = recording(replicas)
    replicas.host.reboot()
    replicas.run_to_the_end()
    assert row(replicas, new).state is State.FAILED
    assert "restarted" in str(row(replicas, new).reason)


@pytest.mark.parametrize("code", [Code.AUTH_FAILED, Code.HOST_KEY_MISMATCH])
def test_a_host_that_shuts_us_out_while_it_records_is_asked_again(replicas: Replicas, code: Code) -> None:
    new = recording(replicas)
    replicas.host.shut = Refused(code, f"h: {code.value}")
    replicas.work("one", 300)
    assert not row(replicas, new).state.ended
    assert replicas.host.processes[7].owner is None, "the dead-man's switch has ended it"
    replicas.host.shut = None
    replicas.run_to_the_end()
    assert row(replicas, new).state is State.COMPLETED


@pytest.mark.parametrize(
    "shut",
    [
        Retryable(Code.HOST_UNREACHABLE, "h: no connection"),
        Refused(Code.AUTH_FAILED, "h: no key"),
        Refused(Code.HOST_KEY_MISMATCH, "h: another key"),
    ],
)
def test_a_host_that_is_gone_when_its_files_are_to_be_removed_costs_no_capture_and_is_told(
    replicas: Replicas, shut: Retryable | Refused
) -> None:
    new = recording(replicas)
    replicas.host.disturb = ("drop", "before", Retryable(Code.HOST_UNREACHABLE, "h: the connection was lost"))
    while replicas.host.disturb:
        replicas.work("one", 0.1)  # less than until it is tried again
    replicas.host.shut = shut
    replicas.work("one", 900)
    ended = row(replicas, new)
    assert (ended.state, len(recorded(ended))) == (State.COMPLETED, 7)
    assert f"files may remain on the host: {shut}" in [entry.message for entry in ended.timeline]


# ---------------------------------------------------------------------- a signal that does harm


def doomed(replicas: Replicas, pid: int, nth: int, *, becomes: bool = False) -> str:
    """A capture whose nth signal ends its process, or has it run another program; the capture's id."""
    running = replicas.host.processes[pid]
    running.dies_at, running.becomes = nth, becomes
    return replicas.ledger.receive([firing(f"f{pid}", host="h", pid=str(pid))]).result(60).created[0]


def harmed(replicas: Replicas, capture_id: str) -> Capture:
    """The capture that did harm, which says so in every way there is."""
    ended = row(replicas, capture_id)
    (blocked,) = replicas.ledger.blocked()
    assert (ended.state, ended.reason and ended.reason.code) == (State.FAILED, Code.PROCESS_EXITED)
    assert ended.reason and f"`alertprof unblock {blocked.id}`" in ended.reason.message
    (finding,) = ended.findings
    assert (finding.severity, finding.code) == ("critical", "ended_after_signal")
    assert (blocked.build, blocked.capture, blocked.signal) == ("go:orders", capture_id, "SIGUSR2")
    return ended


@pytest.mark.parametrize(("pid", "nth", "files"), [(7, 1, 0), (8, 1, 0), (7, 2, 6)])
def test_a_process_that_ends_after_our_signal_is_harm_and_its_executable_is_blocked(
    replicas: Replicas, pid: int, nth: int, files: int
) -> None:
    new = doomed(replicas, pid, nth)
    replicas.run_to_the_end()
    ended = harmed(replicas, new)
    assert ended.findings[0].title == "it ended 0.4 s after our SIGUSR2"
    assert ended.reason and ended.reason.message.startswith(f"h: pid {pid} (orders) ended 0.4 s after our SIGUSR2; ")
    assert len([artifact for artifact in recorded(ended) if artifact.kind is not Kind.GOROUTINE]) == files
    assert all(running.signals <= nth for running in replicas.host.processes.values())


def test_a_process_that_runs_another_program_after_our_signal_is_harmed_too(replicas: Replicas) -> None:
    new = doomed(replicas, 7, 1, becomes=True)
    replicas.run_to_the_end()
    assert harmed(replicas, new).findings[0].title == "it runs another program since 0.4 s after our SIGUSR2"


def test_a_process_that_ends_by_itself_while_it_records_is_no_harm(replicas: Replicas) -> None:
    new = recording(replicas)
    replicas.host.begin_anew(7)
    replicas.run_to_the_end()
    assert (row(replicas, new).state, row(replicas, new).findings) == (State.FAILED, ())
    assert replicas.ledger.blocked() == ()


def test_no_other_process_of_a_blocked_executable_is_signalled_until_somebody_says_so(replicas: Replicas) -> None:
    doomed(replicas, 7, 1)
    replicas.run_to_the_end()
    (other,) = replicas.ledger.receive([firing("other", host="h", pid="8", service="pay")]).result(60).created
    replicas.run_to_the_end()
    refused, (blocked,) = row(replicas, other), replicas.ledger.blocked()
    assert (refused.state, refused.reason and refused.reason.code) == (State.FAILED, Code.UNSAFE_SIGNAL)
    assert refused.reason and f"alertprof unblock {blocked.id}" in refused.reason.message
    assert "h: pid 7 (orders) ended 0.4 s after our SIGUSR2" in refused.reason.message
    assert replicas.host.processes[8].signals == 0
    replicas.ledger.unblock(blocked.id)
    replicas.pass_time(60)
    (again,) = replicas.ledger.receive([firing("again", host="h", pid="8", service="pay")]).result(60).created
    replicas.run_to_the_end()
    assert row(replicas, again).state is State.COMPLETED


def test_an_executable_that_is_blocked_after_it_was_chosen_is_not_signalled(replicas: Replicas) -> None:
    replicas.host.disturb = ("start", "before", Retryable(Code.HOST_UNREACHABLE, "h: the connection was lost"))
    (new,) = replicas.ledger.receive([firing(host="h", pid="8")]).result(60).created
    replicas.work("one", 0)
    assert row(replicas, new).step is Step.START
    replicas.ledger.block(Blocked(id_of("go:orders"), "go:orders", "/x", "h2", 9, "c", NOON, "SIGUSR2", "h2: it ended"))
    replicas.run_to_the_end()
    reason = row(replicas, new).reason
    assert reason and reason.code is Code.UNSAFE_SIGNAL and "h2: it ended" in reason.message
    assert replicas.host.processes[8].signals == 0


@pytest.mark.parametrize("when", ["amid", "after"])
def test_a_start_that_began_before_its_executable_was_blocked_is_ended_and_not_begun_anew(
    replicas: Replicas, when: str
) -> None:
    new = lost_start(replicas, when)
    replicas.ledger.block(Blocked(id_of("go:orders"), "go:orders", "/x", "h2", 9, "c", NOON, "SIGUSR2", "h2: it ended"))
    replicas.host.shut = None
    replicas.pass_time(31)
    replicas.run_to_the_end()
    assert row(replicas, new).state.ended
    assert replicas.host.processes[7].owner is None
    assert replicas.host.harm == []


@pytest.mark.parametrize("kills", range(1, 7))
def test_kill_9_between_the_harm_and_the_end_loses_neither_the_block_nor_the_reason(
    replicas: Replicas, kills: int
) -> None:
    replicas.ledger.dies = ("before", kills)
    new = doomed(replicas, 7, 1)
    replicas.work("one", 1)
    assert replicas.ledger.dies is None or row(replicas, new).state.ended, "it has died, or there were fewer commits"
    replicas.pass_time(31)
    replicas.run_to_the_end()
    harmed(replicas, new)
    assert replicas.host.processes.get(7) is None


def test_kill_9_before_the_harm_was_heard_of_does_not_hide_it(replicas: Replicas) -> None:
    new = doomed(replicas, 7, 1)
    replicas.host.disturb = ("start", "after", Crash())
    replicas.work("one", 0)
    assert replicas.ledger.blocked() == ()
    replicas.pass_time(31)
    replicas.run_to_the_end()
    harmed(replicas, new)


def test_a_host_that_is_gone_after_the_harm_changes_nothing_of_the_reason(replicas: Replicas) -> None:
    new = doomed(replicas, 7, 1)
    replicas.host.disturb = ("stop", "before", Retryable(Code.HOST_UNREACHABLE, "h: the connection was lost"))
    while replicas.host.disturb:
        replicas.work("one", 0.1)
    replicas.host.shut = Retryable(Code.HOST_UNREACHABLE, "h: no connection")
    replicas.work("one", 3600)
    assert "h: no connection" in [entry.message for entry in harmed(replicas, new).timeline]


@pytest.mark.parametrize("pid", [7, 8])
def test_an_alert_that_is_resolved_while_its_start_is_tried_again_is_recorded_all_the_same(
    replicas: Replicas, pid: int
) -> None:
    replicas.host.disturb = ("start", "before", Retryable(Code.HOST_UNREACHABLE, "h: the connection was lost"))
    (new,) = replicas.ledger.receive([firing(host="h", pid=str(pid))]).result(60).created
    replicas.work("one", 0)
    assert row(replicas, new).step is Step.START, "whether a signal was sent is not known"
    replicas.ledger.receive([resolved()]).result(60)
    replicas.run_to_the_end()
    assert (row(replicas, new).state, row(replicas, new).resolved_at) == (State.COMPLETED, NOON)


@pytest.mark.parametrize("code", [Code.AUTH_FAILED, Code.HOST_KEY_MISMATCH])
def test_a_host_that_shuts_us_out_from_the_first_is_asked_once(replicas: Replicas, code: Code) -> None:
    replicas.host.shut = Refused(code, f"h: {code.value}")
    (new,) = replicas.ledger.receive([firing(host="h", pid="7")]).result(60).created
    replicas.work("one", 1)
    reason = row(replicas, new).reason
    assert reason and reason.code is code


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])  # EIO: also of an object store that is away
def test_a_full_disk_of_ours_is_waited_out_however_long_it_takes(replicas: Replicas, fault: int) -> None:
    new = recording(replicas)
    replicas.store.full, replicas.store.fault = True, fault
    replicas.work("one", 1.5 * 3600)
    waiting = row(replicas, new)
    assert (waiting.step, [each.kind for each in recorded(waiting)]) == (Step.COLLECT, [Kind.GOROUTINE]), (
        "home since the start"
    )
    assert os.strerror(fault) in waiting.timeline[-1].message
    assert replicas.host.journals[waiting.token].files, "they are still there"
    replicas.store.full = False
    replicas.run_to_the_end()
    assert row(replicas, new).state is State.COMPLETED


def test_a_clock_of_ours_set_forward_ends_a_recording_early_and_well(replicas: Replicas) -> None:
    new = recording(replicas)
    replicas.now += timedelta(hours=3)
    replicas.run_to_the_end()
    assert row(replicas, new).state is State.COMPLETED


def test_a_clock_of_ours_set_back_leaves_the_end_to_the_target(replicas: Replicas) -> None:
    new = recording(replicas)
    replicas.now -= timedelta(hours=3)
    replicas.work("one", 60)
    assert replicas.host.processes[7].owner is None, "the dead-man's switch knows no wall clock"
    replicas.work("one", 3 * 3600)
    assert row(replicas, new).state is State.COMPLETED
    assert replicas.host.harm == []
