"""POST /webhook in the OpenAPI document, by hand: the route is a bare ASGI application. Used by app/web/asgi.py."""

from typing import Any

from app.intake.message import MAX_ALERTS, Message
from app.web.api.webhook import MAX_BODY

REFUSALS = {
    "400": "No JSON",
    "413": f"Larger than {MAX_BODY >> 20} MiB, or more than {MAX_ALERTS} alerts",
    "422": "No alerts in it",
    "503": "Nothing recorded, send it again",
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
ANSWER = {
    "captures": ["019aafe2-7f4c-7e0e-9d3b-0c2f6f5a9f11"],
    "known": [],
    "skipped": [{"fingerprint": "51c9b0f7a1d2e3f4", "reason": {"code": "no_rule", "message": "none of the 3 rules …"}}],
}


def describe(openapi: dict[str, Any]) -> None:
    """Adds the route to an OpenAPI document, in place."""
    shape = Message.model_json_schema(ref_template="#/components/schemas/{model}")
    openapi.setdefault("components", {}).setdefault("schemas", {}).update(shape.pop("$defs"))
    example = {"version": "4", "status": "firing", "receiver": "alertprof", "alerts": [EXAMPLE]}
    body = {"schema": shape, "examples": {"one firing alert": {"value": example}}}
    refusals = {
        code: {"description": why, "content": {"application/problem+json": {}}} for code, why in REFUSALS.items()
    }
    openapi["paths"]["/webhook"] = {
        "post": {
            "tags": ["webhook"],
            "summary": "Alertmanager's webhook, version 4",
            "description": "202 once everything is durably recorded; 503 when nothing was, so that it comes again.",
            "operationId": "webhook",
            "requestBody": {"required": True, "content": {"application/json": body}},
            "responses": {
                "202": {"description": "Recorded", "content": {"application/json": {"example": ANSWER}}},
                **refusals,
            },
        }
    }
