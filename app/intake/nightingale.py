"""Nightingale's own webhook: its events in the form of Alertmanager's message. Pure.

An event is Nightingale's `models.AlertCurEvent` (v9.1.1). Global webhooks and callbacks send one event, or a list of
them where `WebhookBatchSend` is set; a notification medium sends a list with `{{ jsonMarshal $events }}` as its body.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.intake.message import FINGERPRINT

RECEIVER = "nightingale"
SEVERITIES = {1: "critical", 2: "warning", 3: "info"}  # Nightingale's S1 to S3
HOSTS = (
    "host",
    "host_name",
    "instance",
    "node",
    "nodename",
    "hostname",
)  # a label that says more of the host than the ident
_OURS = ("rule_name", "is_recovered", "trigger_time", "tags")


def is_event(said: Any) -> bool:
    """Whether this is an event, or a list of nothing else."""
    if isinstance(said, list):
        return bool(said) and all(isinstance(each, dict) and is_event(each) for each in said)
    return isinstance(said, dict) and "alerts" not in said and all(name in said for name in _OURS)


def as_message(said: Any) -> dict[str, Any]:
    """The message of these events. Their parts are not checked yet."""
    events = said if isinstance(said, list) else [said]
    return {"receiver": RECEIVER, "alerts": [alert_of(event) for event in events]}


def alert_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as an alert.

    It starts when the rule first saw it: `trigger_time` is that of the last evaluation, so that a repeat would look
    like a new alert. An event without a usable hash gets the fingerprint of its labels."""
    recovered, digest = event["is_recovered"] is True, event.get("hash")
    begun = event.get("first_trigger_time") or event["trigger_time"]
    return {
        "status": "resolved" if recovered else "firing",
        "labels": labels_of(event),
        "annotations": annotations_of(event),
        "startsAt": moment(begun),
        "endsAt": moment(event.get("recover_time") or event.get("last_eval_time")) if recovered else None,
        "fingerprint": digest if isinstance(digest, str) and FINGERPRINT.fullmatch(digest) else None,
    }


def labels_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The tags, `name=value` each, and what a rule of Alertmanager's has as labels: the name, the severity, a host."""
    tags = event["tags"] if isinstance(event["tags"], list) else []
    labels: dict[str, Any] = dict(tag.split("=", 1) for tag in tags if isinstance(tag, str) and "=" in tag)
    labels.setdefault("alertname", event["rule_name"])
    severity, ident = event.get("severity"), event.get("target_ident")
    if isinstance(severity, int) and severity in SEVERITIES:
        labels.setdefault("severity", SEVERITIES[severity])
    if isinstance(ident, str) and ident and labels.keys().isdisjoint(HOSTS):
        labels["host"] = ident
    return labels


def annotations_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The annotations of the rule, its note as the summary, and the value that was seen."""
    given = event.get("annotations")
    more = {"summary": event.get("rule_note"), "value": event.get("trigger_value")}
    return {name: said for name, said in more.items() if said} | (dict(given) if isinstance(given, dict) else {})


def moment(seconds: Any) -> str | None:
    """The time of these seconds since 1970; None for what is none."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None
