"""Reads a body that does not validate as a message, alert by alert. Pure.

Fields that are only shown or logged are repaired. An alert that cannot be captured becomes an InvalidAlert that says
why. Alertmanager never sends a refused message again, so one invalid alert must not lose the others.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.intake import nightingale
from app.intake.message import (
    FINGERPRINT,
    MAX_ALERTS,
    MOST_LABELS,
    BadMessage,
    InvalidAlert,
    Message,
    NotJson,
    TooManyAlerts,
    WireAlert,
    utc,
)

REMEDY = "set max_alerts in Alertmanager's webhook_config, or group by more labels."
DEEPEST = 64  # nested brackets; no message is nested deeper
MOST_ANNOTATIONS, LONGEST_NAME, LONGEST = 256, 1024, 65_536
KEPT_LABELS, KEPT_NAME, KEPT_VALUE = 64, 128, 256  # of an invalid alert: labels, and characters of each

_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")  # characters that a database's text cannot hold
# A string that is never closed goes on to the end. Possessive: a search for the end from each quote is quadratic.
_PARTS = re.compile(r'"(?:[^"\\]++|\\.?)*+"?|[\[\]{}]', re.DOTALL)
_TIME: TypeAdapter[datetime] = TypeAdapter(datetime)


def salvaged(body: bytes) -> Message:
    """The message in `body`. Raises NotJson, TooManyAlerts, and BadMessage for a body without a list of alerts."""
    said = parse_json(body)
    if nightingale.is_event(said):
        said = nightingale.as_message(said)
    if not isinstance(said, dict):
        raise BadMessage("This is no message of Alertmanager's webhook: it is no JSON object.")
    found = said.get("alerts")
    if not isinstance(found, list):
        raise BadMessage("This is no message of Alertmanager's webhook: it has no list called alerts.")
    if len(found) > MAX_ALERTS:
        raise TooManyAlerts(f"The message has more than {MAX_ALERTS} alerts; {REMEDY}")
    status, count = said.get("status"), said.get("truncatedAlerts")
    return Message.model_construct(
        alerts=[wire_alert(each, "firing" if status is None else status) for each in found],
        receiver=text(said.get("receiver")),
        groupKey=text(said.get("groupKey")),
        groupLabels=texts(said.get("groupLabels")),
        truncatedAlerts=count if isinstance(count, int) else 0,
    )


def parse_json(body: bytes) -> Any:
    """The JSON in `body`, with null for values that are nested too deeply to be read. Raises NotJson."""
    whole = body.decode("utf-8-sig", "replace")
    try:
        try:
            return _decoder.decode(whole)
        except RecursionError:
            return _decoder.decode(shallow(whole))
    except ValueError as error:
        raise NotJson(f"The body is no JSON: {error}.") from error


def number(digits: str) -> int | float:
    """Python refuses to parse integers of thousands of digits, so long ones become floats."""
    return int(digits) if len(digits) <= 30 else float(digits)


_decoder = json.JSONDecoder(strict=False, parse_int=number)


def shallow(whole: str) -> str:
    """`whole` with null in the place of every value that is nested deeper than DEEPEST."""
    kept: list[str] = []
    depth = begin = 0
    for part in _PARTS.finditer(whole):
        if part[0] in ("[", "{"):
            depth += 1
            if depth == DEEPEST + 1:
                kept.append(f"{whole[begin : part.start()]}null")
        elif part[0] in ("]", "}"):
            depth -= 1
            if depth == DEEPEST:
                begin = part.end()
    return "".join(kept) + (whole[begin:] if depth <= DEEPEST else "")


def wire_alert(said: Any, status: Any) -> WireAlert:
    """The alert in a JSON value, or an InvalidAlert. status: the message's, for an alert that has none."""
    if not isinstance(said, dict):
        return invalid_alert(
            {}, f"it is no JSON object but {'a list' if isinstance(said, list) else json.dumps(said)[:80]}"
        )
    said = said | {"status": status if said.get("status") is None else said["status"]}
    labels = said.get("labels")
    if isinstance(labels, dict) and len(labels) > MOST_LABELS:  # one fault suffices
        return invalid_alert(said, f"labels: Dictionary should have at most {MOST_LABELS} items, not {len(labels)}")
    try:
        return WireAlert.model_validate(repaired(said))
    except ValidationError as error:
        return invalid_alert(said, first_faults(error))


def repaired(said: Mapping[str, Any]) -> dict[str, Any]:
    """The alert's fields; those that are only shown or logged, or are optional, without their invalid parts."""
    labels, link = said.get("labels"), text(said.get("generatorURL"))
    fixed = {
        "labels": {text(name): clean(value) for name, value in labels.items()} if isinstance(labels, dict) else labels,
        "annotations": texts(said.get("annotations")),
        "endsAt": moment(said.get("endsAt")),
        "generatorURL": link if len(link) <= LONGEST else "",
        "fingerprint": None if said.get("fingerprint") == "" else said.get("fingerprint"),
    }
    return {**said, **fixed}


def invalid_alert(said: Mapping[str, Any], fault: str) -> InvalidAlert:
    """What is kept of an alert that cannot be captured: enough to find it, and no more. fault: why it cannot."""
    labels, given = said.get("labels"), said.get("fingerprint")
    known = texts(labels) if isinstance(labels, dict) else {}
    usable = isinstance(given, str) and FINGERPRINT.fullmatch(given)
    return InvalidAlert(
        status="resolved" if said.get("status") == "resolved" else "firing",
        labels={cut(name, KEPT_NAME): cut(value, KEPT_VALUE) for name, value in list(known.items())[:KEPT_LABELS]},
        startsAt=moment(said.get("startsAt")),
        endsAt=moment(said.get("endsAt")),
        fingerprint=given if usable else hashlib.sha256(json.dumps([known, fault]).encode()).hexdigest()[:16],
        fault=f"This alert cannot be taken, the others of its message are: {fault}",
    )


def first_faults(error: ValidationError) -> str:
    """`labels.job: String should have at most 16384 characters`, for the first three faults."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    listed = "; ".join(f"{'.'.join(cut(str(part), 80) for part in f['loc'])}: {f['msg']}" for f in faults[:3])
    return listed + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")


def texts(said: Any) -> dict[str, str]:
    """The entries of a map whose values are strings, numbers or booleans, as bounded strings. Others are left out."""
    entries = said.items() if isinstance(said, dict) else ()
    named = ((cut(text(name), LONGEST_NAME), value) for name, value in entries if name and scalar(value))
    taken = islice(named, MOST_ANNOTATIONS)
    return {name: cut(text(value) if isinstance(value, str) else json.dumps(value), LONGEST) for name, value in taken}


def scalar(value: Any) -> bool:
    """Whether this is a JSON string, number or boolean."""
    return isinstance(value, str | int | float)


def clean(value: Any) -> Any:
    """A string as text() returns it; any other value as it is."""
    return text(value) if isinstance(value, str) else value


def text(value: Any) -> str:
    """The string with U+FFFD for characters that a database cannot hold; "" for any other value."""
    return _UNWRITABLE.sub("\ufffd", value) if isinstance(value, str) else ""


def cut(said: str, limit: int) -> str:
    """At most `limit` characters; an ellipsis shows that some are missing."""
    return said if len(said) <= limit else f"{said[: limit - 1]}…"


def moment(value: Any) -> datetime | None:
    """The time in UTC, or None for a value that is no time."""
    try:
        return utc(_TIME.validate_python(value))
    except (ValidationError, OverflowError):
        return None
