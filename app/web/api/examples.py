"""One example for each schema of the API, for /openapi.json."""

from pydantic import JsonValue

ID = "019aafe2-7f4c-7e0e-9d3b-0c2f6f5a9f11"
NAME = "order-mq-21181-cpu-20261123T224004Z.pprof"

REQUESTS: dict[str, dict[str, JsonValue]] = {
    "by pid": {"host": "10.0.0.5", "pid": 21181, "duration": "30s", "note": "slow since 22:40"},
    "by port": {"host": "10.0.0.5", "port": 9100},
    "by name": {"host": "10.0.0.5", "process": "order-mq", "labels": {"ticket": "OPS-71"}},
}
CAPTURE: dict[str, JsonValue] = {
    "id": ID,
    "state": "completed",
    "reason": None,
    "created_at": "2026-11-23T22:40:00.123Z",
    "started_at": "2026-11-23T22:40:00.301Z",
    "stopped_at": "2026-11-23T22:40:30.322Z",
    "ended_at": "2026-11-23T22:40:31.870Z",
    "trigger": {
        "kind": "alert",
        "fingerprint": "8a3e2b1c4d5f6071",
        "alertname": "HighCPU",
        "starts_at": "2026-11-23T22:36:15Z",
        "labels": {"alertname": "HighCPU", "instance": "10.0.0.5:9100", "job": "order-mq"},
        "annotations": {"summary": "order-mq burns a core"},
        "generator_url": "http://prometheus.example.com/graph",
        "resolved_at": None,
    },
    "rule": "order services",
    "target": {
        "host": "10.0.0.5",
        "pid": 21181,
        "service": "order-mq",
        "exe": "/srv/order-mq/order-mq",
        "cmdline": "./order-mq -f etc/order.yaml",
        "started_at": "2026-11-20T08:00:00Z",
        "container": None,
        "unit": None,
        "go_version": "go1.25.1",
        "gozero_version": "v1.6.0",
        "resolved_by": "port",
    },
    "profiler": "go-zero",
    "timeline": [{"at": "2026-11-23T22:40:00.301Z", "step": "start", "message": "it records"}],
    "artifacts": [
        {
            "name": NAME,
            "kind": "cpu",
            "size": 12345,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "href": f"/captures/{ID}/artifacts/{NAME}",
        }
    ],
    "findings": [],
    "labels": {},
    "pinned": False,
    "baseline": False,
}
LINK: dict[str, JsonValue] = {
    "name": NAME,
    "kind": "cpu",
    "href": f"/links/1795477231.U2lnbmVkIGJ5IGFsZXJ0cHJvZiBmb3IgYW4gaG91ciE/captures/{ID}/artifacts/{NAME}",
}
LINKS: dict[str, JsonValue] = {"links": [LINK], "expires_at": "2026-11-23T23:40:31Z"}
CAPTURES: dict[str, JsonValue] = {"captures": [CAPTURE], "next": ID}
TOP: dict[str, JsonValue] = {
    "kind": "cpu",
    "sample_type": "cpu",
    "sample_types": ["samples", "cpu"],
    "unit": "nanoseconds",
    "shown_in": "s",
    "total": 30_010_000_000,
    "duration_seconds": 30.1,
    "rows": [
        {
            "flat": 27_000_000_000,
            "flat_percent": 89.97,
            "sum_percent": 89.97,
            "cum": 29_000_000_000,
            "cum_percent": 96.63,
            "function": "main.burn",
        }
    ],
}
PEEK: dict[str, JsonValue] = {
    **{name: value for name, value in TOP.items() if name != "rows"},
    "matched": 1,
    "functions": [
        {
            "function": "main.burn",
            "flat": 27_000_000_000,
            "flat_percent": 89.97,
            "cum": 29_000_000_000,
            "cum_percent": 96.63,
            "callers": [{"function": "main.price", "value": 29_000_000_000, "percent": 100.0}],
            "callees": [{"function": "math.Sqrt", "value": 2_000_000_000, "percent": 6.9}],
        }
    ],
}
FLAME_GRAPH: dict[str, JsonValue] = {
    "kind": "cpu",
    "sample_type": "cpu",
    "sample_types": ["samples", "cpu"],
    "unit": "nanoseconds",
    "total": 30_010_000_000,
    "duration_seconds": 30.1,
    "root": {
        "name": "root",
        "value": 30_010_000_000,
        "self": 0,
        "children": [
            {
                "name": "main.main",
                "value": 29_000_000_000,
                "self": 2_000_000_000,
                "children": [{"name": "main.burn", "value": 27_000_000_000, "self": 27_000_000_000, "children": []}],
            },
            {"name": "runtime.gcBgMarkWorker", "value": 1_010_000_000, "self": 1_010_000_000, "children": []},
        ],
    },
}
DIFFERENCE: dict[str, JsonValue] = {
    "kind": "cpu",
    "sample_type": "cpu",
    "sample_types": ["samples", "cpu"],
    "unit": "nanoseconds",
    "shown_in": "s",
    "total": 12_000_000_000,
    "duration_seconds": 30.01,
    "rows": [
        {
            "flat": 9_400_000_000,
            "flat_percent": 78.33,
            "sum_percent": 78.33,
            "cum": 9_600_000_000,
            "cum_percent": 80.0,
            "function": "main.price",
            "base_flat": 2_100_000_000,
            "base_cum": 2_200_000_000,
            "flat_changed": True,
            "cum_changed": True,
        }
    ],
    "base": {"id": ID, "total": 12_000_000_000, "duration_seconds": 30.0, "build_id": "4c1f"},
    "build_id": "4c1f",
    "normalize": "duration",
    "capture_total": 21_600_000_000,
    "changes": [
        {"function": "main.price", "what": "flat", "base": 2_100_000_000, "value": 11_500_000_000, "beyond": 4.1}
    ],
    "unjudged": "",
    "warnings": [],
}
PAUSED: dict[str, JsonValue] = {
    "paused": True,
    "detail": "Captures are paused since 2026-11-23 22:40:00 UTC by 10.0.0.9.",
}
BLOCKED: dict[str, JsonValue] = {
    "id": "5f0c9a1be27d4438",
    "build": "go:9x7iLqLD4d/oT0/Yk1",
    "exe": "/srv/order-mq/order-mq",
    "host": "10.0.0.5",
    "pid": 21181,
    "capture": ID,
    "at": "2026-11-23T22:40:00.812Z",
    "signal": "SIGUSR2",
    "message": "10.0.0.5: pid 21181 (order-mq) ended 0.4 s after our SIGUSR2",
}
PROBLEM: dict[str, JsonValue] = {
    "type": "about:blank",
    "title": "Not Found",
    "status": 404,
    "detail": f"There is no capture '{ID}'; GET /captures lists what there is.",
}
MESSAGE: dict[str, JsonValue] = {
    "version": "4",
    "status": "firing",
    "receiver": "alertprof",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "HighCPU", "instance": "10.0.0.5:9100", "job": "order-mq"},
            "startsAt": "2026-11-23T22:36:15Z",
            "fingerprint": "8a3e2b1c4d5f6071",
        }
    ],
}
LABELS: dict[str, JsonValue] = {"alertname": "HighCPU", "instance": "10.0.0.5:9100", "job": "order-mq"}
MESSAGES: dict[str, JsonValue] = {
    "messages": [
        {
            "id": ID,
            "received_at": "2026-11-23T22:40:00.120Z",
            "size": 1430,
            "alerts": 2,
            "about": "HighCPU, HighMemory",
            "created": 1,
            "known": 1,
            "skipped": 0,
            "left_out": 0,
            "href": f"/messages/{ID}",
        }
    ]
}
EXPLAINED: dict[str, JsonValue] = {
    "would": False,
    "alerts": [
        {
            "alertname": "HighCPU",
            "fingerprint": "8a3e2b1c4d5f6071",
            "labels": {"alertname": "HighCPU", "instance": "10.0.0.5:9100", "job": "order-mq"},
            "would": False,
            "verdict": "No capture: none of the 1 rules matches this alert's labels: add one, or change a matcher",
            "sections": [
                {
                    "title": "Rules, in their order",
                    "lines": [
                        {"mark": "", "text": '«payments» does not match: job="pay", but job is "order-mq"'},
                        {
                            "mark": "no",
                            "text": "none of the 1 rules matches this alert's labels: add one, or change a matcher",
                        },
                    ],
                }
            ],
        }
    ],
    "left_out": 0,
}
RECEIPT: dict[str, JsonValue] = {
    "captures": [ID],
    "known": [],
    "skipped": [
        {"fingerprint": "51c9b0f7a1d2e3f4", "reason": {"code": "no_rule", "message": "none of the 3 rules matches"}}
    ],
}
