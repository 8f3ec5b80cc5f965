"""POST /webhook in the OpenAPI document, by hand: the route is a bare ASGI application. Used by app/web/asgi.py."""

from typing import Any

from pydantic import BaseModel

from app.intake.message import MAX_ALERTS, Message
from app.web.api.examples import RECEIPT
from app.web.api.problems import CONTENT
from app.web.api.schemas.capture import ReasonOut
from app.web.api.webhook import MAX_BODY

DESCRIPTION = (
    "202 once everything is durably recorded; 503 when nothing was, so that it comes again. It also takes what "
    "Grafana's own alerting sends, whose fields beyond Alertmanager's are ignored, and Nightingale's events: one, or "
    "a list of them, each an object with rule_name, tags, trigger_time and is_recovered."
)
SCHEMAS = "#/components/schemas/"
REFUSALS = {
    "400": "No JSON",
    "413": f"Larger than {MAX_BODY >> 20} MiB, or more than {MAX_ALERTS} alerts",
    "422": "No alerts in it",
    "503": "Nothing recorded, or nobody knows; send it again",
}
EXAMPLE = {
    "status": "firing",
    "labels": {"alertname": "HighCPU", "instance": "10.0.0.5:9100", "job": "order-mq", "severity": "critical"},
    "annotations": {"summary": "order-mq burns a core"},
    "startsAt": "2026-11-23T22:40:00.123Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example.com/graph",
    "fingerprint": "8a3e2b1c4d5f6071",
}
GRAFANA = {
    "receiver": "alertprof",
    "status": "firing",
    "orgId": 1,
    "title": "[FIRING:1] HighCPU",
    "state": "alerting",
    "alerts": [
        {**EXAMPLE, "values": {"A": 0.97}, "silenceURL": "https://grafana.example.com/alerting/silence/new", "orgId": 1}
    ],
}


class SkippedOut(BaseModel):
    """An alert that leads to no capture, and why."""

    fingerprint: str
    reason: ReasonOut


class ReceiptOut(BaseModel):
    """What became of a message: ids of new captures, ids that repeats fell on, and the skipped alerts."""

    captures: list[str]
    known: list[str]
    skipped: list[SkippedOut]


def describe(openapi: dict[str, Any]) -> None:
    """Adds the route to an OpenAPI document, in place."""
    schemas = openapi["components"]["schemas"]
    for model in (Message, ReceiptOut):
        shape = model.model_json_schema(ref_template=f"{SCHEMAS}{{model}}")
        schemas |= {**shape.pop("$defs"), model.__name__: shape}
    for name in ("Message", "WireAlert"):
        schemas[name]["additionalProperties"] = True
    example = {"version": "4", "status": "firing", "receiver": "alertprof", "alerts": [EXAMPLE]}
    body = {
        "schema": {"$ref": f"{SCHEMAS}Message"},
        "examples": {"Alertmanager": {"value": example}, "Grafana": {"value": GRAFANA}},
    }
    answer = {"schema": {"$ref": f"{SCHEMAS}ReceiptOut"}, "example": RECEIPT}
    openapi["paths"]["/webhook"] = {
        "post": {
            "tags": ["webhook"],
            "summary": "Alertmanager's webhook, version 4",
            "description": DESCRIPTION,
            "operationId": "sendMessage",
            "requestBody": {"required": True, "content": {"application/json": body}},
            "responses": {
                "202": {"description": "Recorded", "content": {"application/json": answer}},
                **{code: {"description": why, "content": CONTENT} for code, why in REFUSALS.items()},
            },
        }
    }
