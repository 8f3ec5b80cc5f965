"""Deliveries that come together are written together."""

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Event

import pytest

from app.ledger import inbox
from app.ledger.arrivals import Delivery, Receipt
from app.ledger.faults import LedgerContended
from app.ledger.inbox import Inbox
from tests.unit.ledger.builders import firing

ONE = Delivery([firing()])
NOTHING = Receipt((), (), ())


def test_those_who_were_answered_together_share_the_next_commit_and_one_alone_never_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[int] = []
    waited: list[float] = []
    late: list[Future[Receipt]] = []
    may_write = Event()

    def write(deliveries: Sequence[Delivery], hurried: bool) -> list[Receipt]:
        may_write.wait(60)
        written.append(len(deliveries))
        return [NOTHING] * len(deliveries)

    def wait(seconds: float) -> None:
        """The second sender comes meanwhile."""
        waited.append(seconds)
        late.append(box.put(ONE))

    monkeypatch.setattr(inbox, "sleep", wait)
    box = Inbox(write)
    first = box.put(ONE)
    while not box.held_up():  # until the first one is being written
        pass
    two = [box.put(ONE), box.put(ONE)]
    may_write.set()
    assert [each.result(60) for each in (first, *two)] == [NOTHING] * 3
    assert (written, waited) == ([1, 2], [])
    box.put(ONE).result(60)
    assert written == [1, 2, 2]
    assert late[0].result(60) == NOTHING
    assert len(waited) == 1
    box.close()


def test_a_write_that_takes_long_holds_up_only_what_is_about_the_same_alerts() -> None:
    written: list[str] = []
    may_end = Event()

    def write(deliveries: Sequence[Delivery], hurried: bool) -> list[Receipt]:
        names = [alert.fingerprint + alert.labels.get("n", "") for each in deliveries for alert in each.alerts]
        if names == ["slow"]:
            may_end.wait(60)
        written.extend(names)
        return [NOTHING] * len(deliveries)

    box = Inbox(write, writers=2)
    slow = box.put(Delivery([firing("slow")]))
    while not box.held_up():  # until it is being written
        pass
    after = box.put(Delivery([firing("slow", n="2"), firing("beside")]))
    last = box.put(Delivery([firing("beside", n="2")]))
    assert box.put(Delivery([firing("other")])).result(60) == NOTHING
    assert written == ["other"]
    may_end.set()
    assert [each.result(60) for each in (slow, after, last)] == [NOTHING] * 3
    assert written == ["other", "slow", "slow2", "beside", "beside2"], "what is about the same keeps its order"
    assert box.put(ONE).result(60) == NOTHING
    box.close()


def test_of_a_batch_that_another_replica_holds_up_the_others_are_written_first() -> None:
    calls: list[tuple[list[str], bool]] = []
    may_write = Event()

    def write(deliveries: Sequence[Delivery], hurried: bool) -> list[Receipt]:
        may_write.wait(60)
        names = [alert.fingerprint for each in deliveries for alert in each.alerts]
        if hurried and "held" in names:
            raise LedgerContended("another replica has it")
        calls.append((names, hurried))
        return [NOTHING] * len(deliveries)

    box = Inbox(write)
    first = box.put(ONE)
    while not box.held_up():  # until the first one is being written
        pass
    rest = [box.put(Delivery([firing(name)])) for name in ("held", "free", "held")]
    may_write.set()
    assert [each.result(60) for each in (first, *rest)] == [NOTHING] * 4
    box.close()
    assert calls == [(["a1"], False), (["free"], True), (["held"], False), (["held"], False)]
