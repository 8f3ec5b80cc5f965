"""The alert's own graph on the page of its capture, from the real Prometheus that made the alert."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from app.model import Trigger
from tests.integration.pages.conftest import PHONE, Visit
from tests.lab import ports
from tests.lab.looks import serious, too_wide
from tests.lab.process import eventually
from tests.lab.prometheus import Alertmanager, Prometheus
from tests.unit.web.web_app import WebApp

RULE = {"alert": "Busy", "expr": 'prometheus_engine_queries_concurrent_max{job="own"} > 1.5'}


def test_the_alerts_expression_is_drawn_around_the_recording_and_a_prometheus_that_is_gone_is_said(
    tmp_path: Path, web: WebApp, visit: Visit
) -> None:
    port, rules = ports.free(), {"groups": [{"name": "busy", "rules": [RULE]}]}
    with Alertmanager(tmp_path, f"http://127.0.0.1:{ports.free()}/") as alertmanager:
        told: dict[str, Any] = {"job": "own", "rules": rules, "alertmanager": alertmanager}
        with Prometheus(tmp_path, instance=f"127.0.0.1:{port}", port=port, **told) as prometheus:
            (alert,) = eventually(alertmanager.alerts, "the alert fires")
            web.now, web.prometheus = datetime.now(UTC), prometheus.url
            begun = datetime.fromisoformat(alert["startsAt"])
            trigger = Trigger("alert", alert["labels"], alert["fingerprint"], {}, begun, alert["generatorURL"])
            start = web.now - timedelta(seconds=1)
            lost, drawn = (web.keep_completed(trigger=trigger, started_at=start, stopped_at=web.now) for _ in range(2))
            page = visit(f"/ui/captures/{drawn.id}", width=PHONE)
            expect(page.locator(".graph path")).to_have_count(1)
            expect(page.locator(".graph")).to_contain_text("threshold 1.5")
            expect(page.locator(".graph .recorded").first).to_be_visible()
            assert (too_wide(page), serious(page)) == ([], [])
            alerts = visit(f"/alerts/{alert['fingerprint']}")
            expect(alerts.locator(".graph path")).to_have_count(1)
            alerts.evaluate(
                "document.querySelector('.graph figure').dataset.kept = document.getElementById('list').dataset.old = 1"
            )
            alerts.evaluate("htmx.ajax('GET', '', {target: '#list', select: '#list', swap: 'outerHTML'})")
            expect(alerts.locator("#list[data-old]")).to_have_count(0)
            expect(alerts.locator("#list .graph figure[data-kept] path")).to_have_count(1)
        page = visit(f"/ui/captures/{lost.id}")
        expect(page.locator(".graph .notice")).to_contain_text("Prometheus cannot be reached")
    plain = visit(f"/ui/captures/{drawn.id}", script=False)
    plain.click(".graph a")
    expect(plain.locator("path")).to_have_count(1)
