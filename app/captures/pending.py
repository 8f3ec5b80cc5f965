"""Asks Prometheus which alerts are pending, again and again, in a thread of its own. Built by main.py.

The API is https://prometheus.io/docs/prometheus/latest/querying/api/#alerts.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any

import httpx2
import structlog

from app.errors import without_logins
from app.hosts.web_api import document
from app.ledger.ledger import LedgerUnavailable

EVERY = 10.0  # seconds; Prometheus evaluates its rules once a minute by default
AT_ONCE = 4  # hosts that are looked at
MOST = 10_000  # alerts of an answer
MOST_LABELS = 64 << 10  # characters of one alert's labels

log = structlog.get_logger()


class PendingAlerts:
    """url: Prometheus' address, None: nothing is asked; it may be set to another one at any time. take: receives the
    labels of each pending alert, and the time, and tells whether there was room for it; every: seconds between two
    questions."""

    def __init__(
        self,
        url: str | None,
        take: Callable[[Mapping[str, str], datetime], bool],
        now: Callable[[], datetime],
        every: float = EVERY,
    ) -> None:
        self.url, self._take, self._now, self._every = url, take, now, every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pending", daemon=True)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="prearm")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is under way is not waited for: nothing was signalled."""
        self._stopping.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _work(self) -> None:
        failing = crowded = False
        while not self._stopping.wait(self._every):
            if not (url := self.url):
                continue
            try:
                alerts = list(islice(pending_at(url), MOST + 1))
            except (httpx2.HTTPError, ValueError, RecursionError) as fault:
                if not failing:
                    text = without_logins(" ".join(str(fault).split()))[:200]
                    log.warning("Prometheus does not tell its pending alerts", url=without_logins(url), fault=text)
                failing = True
                continue
            failing, was_crowded = False, crowded
            with suppress(RuntimeError):  # it was stopped meanwhile, and the threads take nothing more
                taken = wait([self._threads.submit(self._taken, labels) for labels in alerts[:MOST]]).done
                crowded = len(alerts) > MOST or not all(each.result() for each in taken if not each.cancelled())
            if crowded and not was_crowded:
                log.warning("too many pending alerts to take evidence of all", pending=len(alerts))

    def _taken(self, labels: Mapping[str, str]) -> bool:
        try:
            return self._take(labels, self._now())
        except LedgerUnavailable as fault:
            log.error("the evidence of a pending alert needs the ledger, it is tried again", fault=str(fault))
        except Exception:  # the other alerts are still looked at
            log.exception("the evidence of a pending alert could not be taken")
        return True


def pending_at(url: str) -> Iterator[Mapping[str, str]]:
    """The labels of the pending alerts of the Prometheus at `url`. Raises httpx2.HTTPError; ValueError for an answer
    that is none."""
    whole = json.loads(document(f"{url.rstrip('/')}/api/v1/alerts"))
    data = whole.get("data") if isinstance(whole, dict) else None
    alerts = data.get("alerts") if isinstance(data, dict) else None
    if not isinstance(alerts, list):
        raise ValueError("it answers no list of alerts")
    return (alert["labels"] for alert in alerts if is_pending(alert))


def is_pending(alert: Any) -> bool:
    """Whether an alert of the answer is pending and has labels, all of them text."""
    labels = alert.get("labels") if isinstance(alert, dict) and alert.get("state") == "pending" else None
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        return False
    text = "".join((*labels, *labels.values()))
    return len(text) <= MOST_LABELS and text.encode("utf-8", "replace").decode() == text
