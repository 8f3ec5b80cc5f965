"""Who was told of a capture's end, on its page and in the API."""

from datetime import timedelta

from app.ledger.outcomes import Outcome
from app.model import State
from tests.unit.web.web_app import WebApp


def test_the_page_and_the_api_say_who_was_told_what_failed_and_when_it_is_tried_again(web: WebApp) -> None:
    nobody = web.keep_completed()
    assert web.client.get(f"/captures/{nobody.id}").json()["notices"] == []
    web.ledger.notices.recipients = lambda _: ("chat", "mail")
    capture, minute = web.keep(), timedelta(minutes=1)
    claim = web.ledger.claim(web.now, "test", minute)
    assert claim
    web.ledger.release(claim, claim.capture.ended(State.COMPLETED, web.now))
    notice = web.ledger.notices.claim(web.now, minute, ("chat",))
    assert notice
    web.ledger.notices.later(notice, web.now + minute, Outcome("retried", web.now, "chat says <b>503</b>"))

    chat, mail = web.client.get(f"/captures/{capture.id}").json()["notices"]
    assert (chat["state"], chat["message"], chat["due_at"]) == (
        "waiting",
        "chat says <b>503</b>",
        "2026-11-23T12:01:00Z",
    )
    assert (mail["notifier"], mail["state"], mail["message"]) == ("mail", "waiting", "")
    page = web.client.get(f"/ui/captures/{capture.id}").text
    assert "chat says &lt;b&gt;503" in page and "It is tried again at" in page and "2026-11-23T12:01:00Z" in page
    assert "Told" not in web.client.get(f"/ui/captures/{nobody.id}").text
