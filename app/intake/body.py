"""The bytes that the webhook receives become a message and its alerts. Pure.

A body that is as it should be is validated in one go; any other is taken apart by salvage.py.
"""

import json
from datetime import datetime

from pydantic import ValidationError

from app.intake.message import BadMessage, Message, NotJson, WireAlert, to_alert
from app.intake.nightingale import is_event
from app.intake.salvage import first_faults, invalid_alert, salvaged
from app.model import Alert


def parse_with_alerts(body: bytes) -> tuple[Message, list[Alert]]:
    """The message in `body` and its alerts. Raises BadMessage."""
    message = parse(body)
    return message, to_alerts(message)


def parse(body: bytes) -> Message:
    """The message in `body`. Raises BadMessage.

    A NUL character is valid in a label's value, but PostgreSQL's text cannot hold one; it is replaced here.
    """
    try:
        return Message.model_validate_json(body.replace(rb"\u0000", rb"\ufffd"))
    except ValidationError:
        return salvaged(body)


def to_alerts(message: Message) -> list[Alert]:
    """The alerts of a message; one with a `fault` cannot be captured."""
    return [_alert(wire, message.status) for wire in message.alerts]


def _alert(wire: WireAlert, status: str) -> Alert:
    try:
        return to_alert(wire, status)
    except OverflowError:
        fault = "startsAt: it lies beyond the calendar once it is in UTC"
        fields = wire.model_dump() | {"status": wire.status or status}
        return to_alert(invalid_alert(fields, fault), status)


def alerts_in(body: bytes, now: datetime) -> list[Alert]:
    """The alerts in what a person gives to be explained: a message, one alert, or an alert's labels as they stand on a
    page of Prometheus.

    now: the start of an alert that has none. Raises BadMessage, also for a single alert that is invalid.
    """
    message = _as_message(body, now)
    if message is not body:
        _refuse_invalid(message)
    return to_alerts(parse(message))


def _as_message(body: bytes, now: datetime) -> bytes:
    """`body` itself, or the message around a single alert or its labels."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(found, dict) or not found or "alerts" in found or is_event(found):
        return body
    alert = found if isinstance(found.get("labels"), dict) else {"labels": found}
    return json.dumps({"alerts": [{"startsAt": now.isoformat(), **alert}]}).encode()


def _refuse_invalid(body: bytes) -> None:
    """A person who gives a single alert is told at once what is wrong with it."""
    try:
        Message.model_validate_json(body)
    except ValidationError as error:
        kind = NotJson if error.errors()[0]["type"] == "json_invalid" else BadMessage
        raise kind(f"This is no alert: {first_faults(error)}.") from error
