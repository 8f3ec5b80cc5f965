"""Whom the end of a capture is told, and what. main.py binds it to the ledger and to the dispatcher."""

from collections.abc import Callable, Collection

from app.config.settings import Settings
from app.ledger.ledger import Ledger
from app.ledger.notices import Notice
from app.model import Capture
from app.notifiers.base import Notification
from app.stores import Store
from app.web.api.schemas.notification import notification_out


def recipients(settings: Callable[[], Settings], capture: Capture) -> Collection[str]:
    """The names of the notifiers that are told of a capture that has ended.

    Its rule says so, or the configuration for all. What no alert asked for goes only to those that keep profiles."""
    now = settings()
    rule = next((rule for rule in now.rules if rule.name == capture.rule), None)
    chosen = now.notify if rule is None or rule.notify is None else rule.notify
    told = {one.to for one in chosen if capture.state in one.on}
    if capture.trigger.kind != "alert":
        told = {name for name in told if name in now.notifiers and now.notifiers[name].archives}
    return told


def opened(ledger: Ledger, store: Store, external_url: str, notice: Notice) -> Notification | None:
    """What is told of a notice; None if its capture was removed. Raises LedgerUnavailable."""
    capture = ledger.get(notice.capture)
    if capture is None:
        return None
    key = f"{capture.id}/{notice.notifier}"
    document = notification_out(capture, key, external_url).model_dump(mode="json")
    return Notification(key, capture, document, lambda artifact: store.read(f"{capture.id}/{artifact.name}"))
