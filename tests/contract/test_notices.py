"""Whom the end of a capture has still to be told: rows that every database must treat alike."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from app.ledger import notices as rows
from app.ledger.ledger import FenceLost, Ledger
from app.ledger.notices import Added, Notice
from app.ledger.outcomes import LONGEST, Outcome
from tests.unit.ledger.builders import LEASE, ME, NOON, admission, completed, manual

SECOND = timedelta(seconds=1)
BOTH = ("chat", "hook")


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    one = Ledger(url, decide=admission(), clock=lambda: NOON)
    one.migrate()
    one.notices.recipients = lambda capture: BOTH
    yield one
    one.close()


def ended(ledger: Ledger, number: int) -> str:
    """A capture that has ended."""
    capture = manual(number)
    ledger.create(capture)
    claim = ledger.claim(NOON, ME, LEASE)
    assert claim
    ledger.release(claim, completed(claim.capture))
    return capture.id


def claimed(ledger: Ledger, **said: tuple[str, ...]) -> Notice | None:
    return ledger.notices.claim(NOON, LEASE, **{"names": BOTH, **said})


def test_the_end_of_a_capture_leaves_one_notice_for_each_notifier_and_nothing_else_does(ledger: Ledger) -> None:
    capture = manual(1)
    ledger.create(capture)
    claim = ledger.claim(NOON, ME, LEASE)
    assert claim
    ledger.save(claim, replace(claim.capture, attempt=1))
    assert ledger.notices.counts() == {}
    ledger.release(claim, completed(claim.capture))
    assert ledger.notices.counts() == {"chat": 1, "hook": 1}


def test_a_worker_that_lost_its_capture_leaves_no_notice(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = ledger.claim(NOON, ME, LEASE)
    assert claim
    with pytest.raises(FenceLost):
        ledger.release(replace(claim, fence=claim.fence - 1), completed(claim.capture))
    assert ledger.notices.counts() == {}


def test_a_notice_is_claimed_by_one_replica_and_comes_back_when_its_lease_is_over(ledger: Ledger) -> None:
    ended(ledger, 1)
    first, second = claimed(ledger), claimed(ledger)
    assert first and second and {first.notifier, second.notifier} == set(BOTH)
    assert claimed(ledger) is None
    again = ledger.notices.claim(NOON + LEASE, LEASE, BOTH)
    assert again and again.attempt == 2
    late = first if first.notifier == again.notifier else second
    assert not ledger.notices.remove(late), "whoever lost the lease removes nothing"
    assert ledger.notices.remove(again)


def test_a_lease_that_is_renewed_lasts_and_whoever_lost_it_renews_nothing(ledger: Ledger) -> None:
    ended(ledger, 1)
    notice = claimed(ledger, names=("chat",))
    assert notice and ledger.notices.renew(notice, NOON + 2 * LEASE)
    assert ledger.notices.claim(NOON + LEASE, LEASE, ("chat",)) is None
    assert ledger.notices.claim(NOON + 2 * LEASE, LEASE, ("chat",))
    assert not ledger.notices.renew(notice, NOON + 9 * LEASE)


def test_a_notice_that_could_not_be_delivered_waits_until_it_is_due_again(ledger: Ledger) -> None:
    ended(ledger, 1)
    notice = claimed(ledger, names=("chat",))
    assert notice and ledger.notices.later(notice, NOON + SECOND)
    assert claimed(ledger, names=("chat",)) is None
    assert ledger.notices.next_due(("chat",)) == NOON + SECOND
    assert ledger.notices.claim(NOON + SECOND, LEASE, ("chat",))


def test_notices_of_a_busy_or_an_unknown_notifier_are_left_alone(ledger: Ledger) -> None:
    ended(ledger, 1)
    assert claimed(ledger, names=("mail",)) is None
    assert claimed(ledger, busy=("chat", "hook")) is None
    left = claimed(ledger, busy=("chat",))
    assert left and left.notifier == "hook"


def test_beyond_the_bound_a_notifier_gets_no_further_notice_and_others_do(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST", 1)
    said: list[Added] = []
    ledger.notices.on_added = said.append
    ended(ledger, 1)
    notice = claimed(ledger, names=("hook",))
    assert notice and ledger.notices.remove(notice)
    ended(ledger, 2)
    assert ledger.notices.counts() == {"chat": 1, "hook": 1}
    assert said[-1] == Added(any=True, dropped=("chat",))


def test_old_notices_are_removed_unless_somebody_works_on_them(ledger: Ledger) -> None:
    ended(ledger, 1)
    assert claimed(ledger, names=("hook",))
    later = NOON + SECOND
    assert list(ledger.notices.remove_created_before(NOON, later)) == []
    assert list(ledger.notices.remove_created_before(later, later)) == ["chat"]
    assert ledger.notices.counts() == {"hook": 1}


def test_what_became_of_each_notice_is_kept_until_the_capture_is_removed(ledger: Ledger) -> None:
    capture_id = ended(ledger, 1)
    first = claimed(ledger, names=("chat",))
    assert first and ledger.notices.later(first, NOON + SECOND, Outcome("retried", NOON, "chat says 503" + "." * 9999))
    chat, hook = ledger.notices.of_capture(capture_id)
    assert (chat.notifier, chat.state, chat.due_at, chat.message[:14]) == (
        "chat",
        "waiting",
        NOON + SECOND,
        "chat says 503.",
    )
    assert (hook.state, hook.message, len(chat.message)) == ("waiting", "", LONGEST)
    again = ledger.notices.claim(NOON + SECOND, LEASE, ("chat",))
    assert again and not ledger.notices.remove(first, Outcome("failed", NOON)), "another replica has it"
    assert ledger.notices.remove(again, Outcome("delivered", NOON + SECOND))
    assert ledger.notices.remove_created_before(NOON + LEASE, NOON + LEASE) == ["hook"]
    told = [(each.notifier, each.state, each.at) for each in ledger.notices.of_capture(capture_id)]
    assert told == [("chat", "delivered", NOON + SECOND), ("hook", "failed", NOON + LEASE)]
    ledger.delete(capture_id)
    assert ledger.notices.of_capture(capture_id) == ()
