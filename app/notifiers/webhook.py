"""A POST of JSON: the documented one, or what a template makes of it."""

import json
from dataclasses import dataclass

from app.notifiers.base import Notification, Undelivered
from app.notifiers.endpoint import Endpoint
from app.notifiers.templates import check_template
from app.notifiers.texts import text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Endpoint):
    """body: a template that makes other JSON, for a receiver that expects its own. In it `{{ }}` stands inside a
    string, and `{{ …|tojson }}` for a whole value."""

    body: str = ""

    def __post_init__(self) -> None:
        Endpoint.__post_init__(self)
        check_template("body", self.body, "json")

    def tell(self, notification: Notification) -> None:
        """POSTs it. The header Idempotency-Key says which notification it is, also when it comes again."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": notification.key}
        self.send("POST", self.address(), self._json(notification), headers)

    def _json(self, notification: Notification) -> bytes:
        if not self.body:
            return json.dumps(notification.document, ensure_ascii=False).encode()
        text = text_of(self.body, "json", notification)
        try:
            json.loads(text)
        except ValueError as fault:
            raise Undelivered(f"the template of body makes no JSON: {fault}", final=True) from fault
        return text.encode("utf-8", "replace")
