"""Fetches the alerts that a message left out (max_alerts) from Alertmanager's API. Built by main.py.

The webhook calls `ask` once the message is recorded; nothing waits for the answer. Only the address in the
configuration is ever asked, whatever a message says about itself. A query that fails is repeated a few times, and then
with the group's next message.
"""

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import httpx2
import structlog

from app.errors import without_logins
from app.hosts.web_api import document
from app.intake.matchers import Matcher
from app.intake.message import MAX_ALERTS, Message, to_alert
from app.intake.salvage import wire_alert
from app.ledger.arrivals import Receipt
from app.ledger.database import LedgerUnavailable
from app.metrics import Metrics
from app.model import Alert

WAITS = (1.0, 5.0, 20.0, 60.0)  # seconds before each repetition

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Group:
    """An alert group of Alertmanager: the alerts of one receiver that have these labels."""

    receiver: str  # as the message names it; the API takes it for a regular expression
    labels: tuple[tuple[str, str], ...]

    def query(self) -> dict[str, str | list[str]]:
        """The parameters of GET /api/v2/alerts for the group's firing alerts."""
        filters = [str(Matcher(name, "=", value)) for name, value in self.labels]
        firing = {"active": "true", "silenced": "false", "inhibited": "false"}
        return {**firing, "receiver": self.receiver, "filter": filters}


class LeftOutFetcher:
    """Queries one group after the other in a thread of its own, and records the answers.

    url: Alertmanager's address, None: nothing is fetched; it may be set to another one at any time. receive:
    Ledger.receive. waits: seconds before each repetition of a query that failed.
    """

    def __init__(
        self,
        url: str | None,
        receive: Callable[[Sequence[Alert]], Future[Receipt]],
        metrics: Metrics,
        waits: Sequence[float] = WAITS,
    ) -> None:
        self.url, self._receive, self._waits = url, receive, waits
        self._fetches = metrics.left_out_fetches
        self._groups: SimpleQueue[Group | None] = SimpleQueue()
        self._waiting: set[Group] = set()
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="left-out", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Drops the queries that wait; the group's next message asks for them again."""
        self._stopping.set()
        self._groups.put(None)

    def ask(self, message: Message) -> None:
        """Queues a query for what `message` left out, and returns at once. A message without a receiver names no
        group."""
        if not self.url or not message.left_out or not message.receiver:
            return
        group = Group(message.receiver, tuple(sorted(message.groupLabels.items())))
        with self._lock:
            if group not in self._waiting:
                self._waiting.add(group)
                self._groups.put(group)

    def _work(self) -> None:
        while (group := self._groups.get()) and not self._stopping.is_set():
            with self._lock:
                self._waiting.discard(group)
            try:
                if url := self.url:
                    self._fetch(group, url)
            except Exception:  # the other groups are still asked for
                log.exception("the alerts that a message left out could not be taken")

    def _fetch(self, group: Group, url: str) -> None:
        shown = without_logins(url)
        for wait in (*self._waits, None):
            try:
                self._take(firing_alerts(url, group))
            except (httpx2.HTTPError, ValueError, RecursionError, LedgerUnavailable) as fault:
                text = without_logins(" ".join(str(fault).split()))[:200]
                log.warning("alerts that a message left out cannot be fetched", url=shown, fault=text, again_in=wait)
                if wait is None or self._stopping.wait(wait):
                    break
            else:
                self._fetches.labels("fetched").inc()
                return
        self._fetches.labels("failed").inc()

    def _take(self, alerts: Sequence[Alert]) -> None:
        """Records the alerts, at most MAX_ALERTS in one delivery."""
        for begin in range(0, len(alerts), MAX_ALERTS):
            receipt = self._receive(alerts[begin : begin + MAX_ALERTS]).result()
            new, known = len(receipt.created), len(receipt.known)
            log.info("alerts that a message left out", new=new, known=known, skipped=len(receipt.skipped))


def firing_alerts(url: str, group: Group) -> list[Alert]:
    """The group's firing alerts, from the Alertmanager at `url`. Raises httpx2.HTTPError; ValueError for an answer that
    is none."""
    found = json.loads(document(f"{url.rstrip('/')}/api/v2/alerts", group.query()))
    if not isinstance(found, list):
        raise ValueError("it answers no list of alerts")
    return [
        to_alert(wire_alert({**wire, "status": "firing", "endsAt": None}, None), "firing")
        for wire in found
        if is_active(wire)
    ]


def is_active(wire: Any) -> bool:
    """Whether the alert is neither silenced nor inhibited. The API's `status` is a map, the webhook's a word."""
    status = wire.get("status") if isinstance(wire, dict) else None
    return isinstance(status, dict) and status.get("state") == "active"
