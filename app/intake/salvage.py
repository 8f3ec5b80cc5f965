"""A body that is not quite Alertmanager's message, taken apart alert by alert: what is only shown or logged is mended,
and an alert that cannot be taken is an OddAlert that says why. Pure.

Alertmanager never sends a refused message again, so one odd alert in it must not lose its neighbours.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException

from app.intake.message import FINGERPRINT, MAX_ALERTS, MOST_LABELS, Message, OddAlert, WireAlert, utc

REMEDY = "set max_alerts in Alertmanager's webhook_config, or group by more labels."
DEEPEST = 64  # brackets in each other; what lies deeper is none of a message's
MOST_ANNOTATIONS, LONGEST_NAME, LONGEST = 256, 1024, 65_536
ODD_LABELS, ODD_NAME, ODD_VALUE = 64, 128, 256  # that are kept of an alert that cannot be taken

_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")  # what a database takes in no text
# A text that is never closed goes on to the end: to look for its end from each of its quotes would take for ever.
_PARTS = re.compile(r'"(?:[^"\\]++|\\.?)*+"?|[\[\]{}]', re.DOTALL)
_TIME: TypeAdapter[datetime] = TypeAdapter(datetime)


def salvaged(body: bytes) -> Message:
    """The message. Raises HTTPException: 400 for no JSON, 422 for what has no list of alerts, 413 for too many."""
    said = read(body)
    if not isinstance(said, dict):
        raise HTTPException(422, "This is no message of Alertmanager's webhook: it is no JSON object.")
    found = said.get("alerts")
    if not isinstance(found, list):
        raise HTTPException(422, "This is no message of Alertmanager's webhook: it has no list called alerts.")
    if len(found) > MAX_ALERTS:
        raise HTTPException(413, f"The message has more than {MAX_ALERTS} alerts; {REMEDY}")
    status, count = said.get("status"), said.get("truncatedAlerts")
    return Message.model_construct(
        alerts=[one(each, "firing" if status is None else status) for each in found],
        receiver=text(said.get("receiver")),
        groupKey=text(said.get("groupKey")),
        groupLabels=texts(said.get("groupLabels")),
        truncatedAlerts=count if isinstance(count, int) else 0,
    )


def read(body: bytes) -> Any:
    """The JSON, without what is nested too deep to be read. Raises HTTPException 400."""
    whole = body.decode("utf-8-sig", "replace")
    try:
        try:
            return _decoder.decode(whole)
        except RecursionError:
            return _decoder.decode(shallow(whole))
    except ValueError as error:
        raise HTTPException(400, f"The body is no JSON: {error}.") from error


def number(digits: str) -> int | float:
    """Python refuses to read integers of thousands of digits."""
    return int(digits) if len(digits) <= 30 else float(digits)


_decoder = json.JSONDecoder(strict=False, parse_int=number)


def shallow(whole: str) -> str:
    """The text with a null for whatever lies deeper than DEEPEST brackets."""
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


def one(said: Any, status: Any) -> WireAlert:
    """The alert, or the odd one that it is. `status`: what the message says of all its alerts."""
    if not isinstance(said, dict):
        return odd({}, f"it is no JSON object but {'a list' if isinstance(said, list) else json.dumps(said)[:80]}")
    said = said | {"status": status if said.get("status") is None else said["status"]}
    labels = said.get("labels")
    if isinstance(labels, dict) and len(labels) > MOST_LABELS:  # what else is wrong with them nobody has to be told
        return odd(said, f"labels: Dictionary should have at most {MOST_LABELS} items, not {len(labels)}")
    try:
        return WireAlert.model_validate(mended(said))
    except ValidationError as error:
        return odd(said, why(error))


def mended(said: Mapping[str, Any]) -> dict[str, Any]:
    """The alert without what is odd in those of its fields that are only shown or logged, or can be done without."""
    labels, link = said.get("labels"), text(said.get("generatorURL"))
    fixed = {
        "labels": {text(name): clean(value) for name, value in labels.items()} if isinstance(labels, dict) else labels,
        "annotations": texts(said.get("annotations")),
        "endsAt": moment(said.get("endsAt")),
        "generatorURL": link if len(link) <= LONGEST else "",
        "fingerprint": None if said.get("fingerprint") == "" else said.get("fingerprint"),
    }
    return {**said, **fixed}


def odd(said: Mapping[str, Any], fault: str) -> OddAlert:
    """What is kept of an alert that cannot be taken: enough to find it, and no more."""
    labels, given = said.get("labels"), said.get("fingerprint")
    known = texts(labels) if isinstance(labels, dict) else {}
    usable = isinstance(given, str) and FINGERPRINT.fullmatch(given)
    return OddAlert(
        status="resolved" if said.get("status") == "resolved" else "firing",
        labels={cut(name, ODD_NAME): cut(value, ODD_VALUE) for name, value in list(known.items())[:ODD_LABELS]},
        startsAt=moment(said.get("startsAt")),
        endsAt=moment(said.get("endsAt")),
        fingerprint=given if usable else hashlib.sha256(json.dumps([known, fault]).encode()).hexdigest()[:16],
        fault=f"This alert cannot be taken, the others of its message are: {fault}",
    )


def why(error: ValidationError) -> str:
    """`labels.job: String should have at most 16384 characters`, of at most three of its faults."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    listed = "; ".join(f"{'.'.join(cut(str(part), 80) for part in f['loc'])}: {f['msg']}" for f in faults[:3])
    return listed + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")


def texts(said: Any) -> dict[str, str]:
    """The entries of a map that are text, or a number or true and false, which are written as such; each bounded."""
    entries = said.items() if isinstance(said, dict) else ()
    named = ((cut(text(name), LONGEST_NAME), value) for name, value in entries if name and scalar(value))
    taken = islice(named, MOST_ANNOTATIONS)
    return {name: cut(text(value) if isinstance(value, str) else json.dumps(value), LONGEST) for name, value in taken}


def scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def clean(value: Any) -> Any:
    return text(value) if isinstance(value, str) else value


def text(value: Any) -> str:
    return _UNWRITABLE.sub("\ufffd", value) if isinstance(value, str) else ""


def cut(said: str, limit: int) -> str:
    return said if len(said) <= limit else f"{said[: limit - 1]}…"


def moment(value: Any) -> datetime | None:
    """The time that this says, or None for none."""
    try:
        return utc(_TIME.validate_python(value))
    except (ValidationError, OverflowError):
        return None
