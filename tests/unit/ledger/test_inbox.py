"""Deliveries that come together are written together."""

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Event

import pytest

from app.ledger import inbox
from app.ledger.arrivals import Delivery, Receipt
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

    def write(deliveries: Sequence[Delivery]) -> list[Receipt]:
        may_write.wait(9)
        written.append(len(deliveries))
        return [NOTHING] * len(deliveries)

    def wait(seconds: float) -> None:
        """The second sender comes meanwhile."""
        waited.append(seconds)
        late.append(box.put(ONE))

    monkeypatch.setattr(inbox, "sleep", wait)
    box = Inbox(write)
    first = box.put(ONE)
    while box._waiting.qsize():  # until the first one is being written
        pass
    two = [box.put(ONE), box.put(ONE)]
    may_write.set()
    assert [each.result(9) for each in (first, *two)] == [NOTHING] * 3
    assert (written, waited) == ([1, 2], [])
    box.put(ONE).result(9)
    assert written == [1, 2, 2]
    assert late[0].result(9) == NOTHING
    assert len(waited) == 1
    box.close()
