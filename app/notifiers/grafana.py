"""An annotation on Grafana's graphs, over the time of the recording (HTTP API, POST /api/annotations).

The API knows no idempotency key, so the annotation carries the capture's id as a tag and is looked for first: a
notification that is delivered again makes no second one.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from app.notifiers.base import Notification, Undelivered
from app.notifiers.endpoint import Endpoint, below
from app.notifiers.templates import check_template
from app.notifiers.texts import BODY, text_of

LONGEST_TAG = 100  # characters; Grafana's table has more room


@dataclass(frozen=True, slots=True, kw_only=True)
class Grafana(Endpoint):
    """url: of Grafana; token_file: of a service account that may write annotations
    text: a template; Grafana shows it as HTML. tags: added to `alertprof`, the alert's name, the service and the
    capture. dashboard, panel: the UID and the number of the one panel that shows it, instead of every query by tags."""

    text: str = BODY
    tags: tuple[str, ...] = ()
    dashboard: str = ""
    panel: int | None = None

    def __post_init__(self) -> None:
        Endpoint.__post_init__(self)
        check_template("text", self.text, "html")

    def tell(self, notification: Notification) -> None:
        """Adds the annotation, unless it is there."""
        url, mark = below(self.address(), "/api/annotations"), f"capture:{notification.capture.id}"
        headers = {"Accept": "application/json"}
        if not self._there(self.send("GET", url, b"", headers, {"tags": mark, "limit": "1"})):
            body = json.dumps(self._annotation(notification, mark)).encode()
            self.send("POST", url, body, {**headers, "Content-Type": "application/json"})

    def _annotation(self, notification: Notification, mark: str) -> dict[str, object]:
        capture = notification.capture
        ended = capture.stopped_at or capture.ended_at or capture.created_at
        named = ("alertprof", mark, capture.trigger.alertname, capture.target.service if capture.target else "")
        where = {"dashboardUID": self.dashboard} | ({} if self.panel is None else {"panelId": self.panel})
        return {
            "time": millis(capture.started_at or ended),
            "timeEnd": millis(ended),
            "tags": [tag[:LONGEST_TAG] for tag in (*named, *self.tags) if tag],
            "text": text_of(self.text, "html", notification).replace("\n", "<br>"),
            **(where if self.dashboard else {}),
        }

    @staticmethod
    def _there(body: bytes) -> bool:
        try:
            found = json.loads(body)
        except ValueError as fault:
            raise Undelivered("it answers no JSON; set url to Grafana itself") from fault
        if not isinstance(found, list):
            raise Undelivered("it answers no list of annotations; set url to Grafana itself")
        return bool(found)


def millis(at: datetime) -> int:
    """Milliseconds since 1970."""
    return round(at.timestamp() * 1000)
