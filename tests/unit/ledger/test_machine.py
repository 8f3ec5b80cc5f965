"""Whatever happens in whatever order, some things never do. A model of who holds which row runs beside the ledger."""

import shutil
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from app.errors import Code, Reason
from app.ledger.ledger import Claim, FenceLost, Filter, Ledger, ProcessTaken, Receipt
from app.ledger.schema import captures
from app.model import Alert, Capture, State, Step
from tests.unit.ledger.builders import LEASE, NOON, admission, completed, firing, manual, recording, resolved, sqlite

alerts = st.builds(lambda fires, fp: firing(fp) if fires else resolved(fp), st.booleans(), st.sampled_from("abc"))
deliveries = st.lists(st.lists(alerts, min_size=1, max_size=3), min_size=1, max_size=4)
pids = st.integers(1, 2)
endings = st.sampled_from(
    [
        completed,
        lambda capture, now: capture.ended(State.FAILED, now, Reason(Code.TIMEOUT, "slow")),
        lambda capture, now: capture.skipped(now, Code.COOLDOWN, "too soon"),
    ]
)


class LedgerMachine(RuleBasedStateMachine):
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.now = NOON
        self.ledger: Ledger = sqlite(self.folder, decide=admission(), clock=lambda: self.now)
        self.engine = sa.create_engine(f"sqlite:///{self.folder}/ledger.db")
        self.holders: dict[str, Claim] = {}
        self.leases: dict[str, datetime] = {}
        self.manuals = 0

    def teardown(self) -> None:
        self.ledger.close()
        self.engine.dispose()
        shutil.rmtree(self.folder)

    def rows(self) -> list[Capture]:
        return list(self.ledger.find(Filter(limit=500)).captures)

    @rule(batch=deliveries)
    def deliver(self, batch: list[list[Alert]]) -> None:
        """All at once, so that they share transactions in whatever way the inbox finds them."""
        futures = [self.ledger.receive(delivery) for delivery in batch]
        for delivery, future in zip(batch, futures, strict=True):
            self.accounted_for(delivery, future.result(60))

    def accounted_for(self, delivery: list[Alert], receipt: Receipt) -> None:
        """Every firing alert has a row, and the receipt names it."""
        found = {id_: self.ledger.get(id_) for id_ in (*receipt.created, *receipt.known)}
        of = {capture.trigger.fingerprint for capture in found.values() if capture}
        of |= {fingerprint for fingerprint, _ in receipt.skipped}
        assert of == {alert.fingerprint for alert in delivery if alert.firing}
        assert None not in found.values()

    @rule()
    def ask(self) -> None:
        self.manuals += 1
        self.ledger.create(manual(2**64 + self.manuals, due_at=self.now))

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def pause(self) -> None:
        self.ledger.pause(self.now, "ops")

    @rule()
    def resume(self) -> None:
        self.ledger.resume()

    @rule(target=claims, owner=st.sampled_from(["w1", "w2"]))
    def claim(self, owner: str) -> object:
        soonest = self.ledger.next_due()
        claim = self.ledger.claim(self.now, owner, LEASE)
        assert (claim is not None) == (soonest is not None and soonest <= self.now)
        if claim is None:
            return multiple()
        id_ = claim.capture.id
        before = self.holders.get(id_)
        assert before is None or (self.leases[id_] <= self.now and before.fence < claim.fence)
        self.hold(claim)
        return claim

    def hold(self, claim: Claim) -> None:
        self.holders[claim.capture.id] = claim
        self.leases[claim.capture.id] = self.now + LEASE

    def holds(self, claim: Claim) -> bool:
        return self.holders.get(claim.capture.id) is claim

    @rule(claim=claims)
    def renew(self, claim: Claim) -> None:
        self.ledger.renew([claim], self.now, LEASE)
        if self.holds(claim):
            self.hold(claim)

    @rule(claim=claims, pid=pids, seconds=st.integers(0, 30))
    def record(self, claim: Claim, pid: int, seconds: int) -> None:
        until = self.now + timedelta(seconds=seconds)
        self.save(claim, recording(replace(claim.capture, ended_at=None), pid=pid, until=until), release=False)

    @rule(claim=consumes(claims), pid=pids)
    def go_on_later(self, claim: Claim, pid: int) -> None:
        later = recording(claim.capture, pid=pid).to(Step.COLLECT, due=self.now + timedelta(seconds=5))
        self.save(claim, later, release=True)

    @rule(claim=consumes(claims), pid=pids, end=endings)
    def end(self, claim: Claim, pid: int, end) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self.save(claim, end(recording(claim.capture, pid=pid), self.now), release=True)

    def save(self, claim: Claim, capture: Capture, *, release: bool) -> None:
        try:
            (self.ledger.release if release else self.ledger.save)(claim, capture)
        except FenceLost:
            assert not self.holds(claim)
        except ProcessTaken as taken:
            other = self.ledger.get(taken.other)
            assert other is not None
            assert not other.state.ended
            assert (other.id, other.process) != (capture.id, None)
        else:
            assert self.holds(claim)
            self.saved(claim, capture, release=release)

    def saved(self, claim: Claim, capture: Capture, *, release: bool) -> None:
        row = self.ledger.get(capture.id)
        assert row is not None
        assert (row.state, row.process, row.timeline) == (capture.state, capture.process, capture.timeline)
        if row.stop_requested_at and not claim.capture.stop_requested_at and row.due_at:
            assert row.due_at <= row.stop_requested_at, "the stop would not be seen"
        if release:
            del self.holders[capture.id]

    @rule(data=st.data())
    def stop_or_delete(self, data: st.DataObject) -> None:
        rows = self.rows()
        if not rows:
            return
        capture = data.draw(st.sampled_from(rows))
        if data.draw(st.booleans()):
            assert self.ledger.request_stop(capture.id, self.now) is not capture.state.ended
        else:
            assert (self.ledger.delete(capture.id) is not None) is capture.state.ended
            if capture.state.ended:
                self.holders.pop(capture.id, None)

    @invariant()
    def one_active_capture_a_process(self) -> None:
        lives = [row.process.key for row in self.rows() if row.process and not row.state.ended]
        assert len(lives) == len(set(lives))

    @invariant()
    def one_current_row_an_episode(self) -> None:
        with self.engine.connect() as connection:
            current = connection.execute(sa.select(captures.c.episode, captures.c.fingerprint, captures.c.id)).all()
        episodes = [row.episode for row in current if row.episode is not None]
        assert len(episodes) == len(set(episodes))
        assert all(row.episode in (None, row.fingerprint) for row in current)

    @invariant()
    def what_has_not_ended_is_due(self) -> None:
        assert all((row.due_at is not None) is not row.state.ended for row in self.rows())


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(
    max_examples=50, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
