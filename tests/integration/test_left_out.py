"""Alerts that a real Alertmanager cut off a message (max_alerts), with its API to ask for them."""

from pathlib import Path

import httpx2
import pytest

from tests.lab import ports
from tests.lab.forked import Forked
from tests.lab.prometheus import Absent, Alertmanager
from tests.lab.service import TLS, Alertprof


def test_alerts_that_alertmanager_cut_off_are_counted_shown_and_fetched(tmp_path: Path) -> None:
    port = ports.free()
    (tmp_path / "service").mkdir()
    config = {"alertmanager": {"url": f"http://127.0.0.1:{port}/"}, "rules": [{"name": "all", "matchers": ["a=b"]}]}
    with Alertprof(tmp_path / "service", config, run=Forked) as service:
        try:
            manager = Alertmanager(tmp_path, service.webhook, group_by=["alertname", "job"], max_alerts=1, port=port)
        except Absent as reason:
            pytest.skip(str(reason))
        with manager:
            cut = [{"alertname": "Cut", "job": 'a "b" \\ c', "instance": f"10.0.0.{n}:9100"} for n in range(5)]
            other = {"alertname": "Other", "job": "x", "instance": "10.0.0.9:9100"}
            manager.fire(*cut, other)
            service.process.until(lambda: len(service.captures(alertname="Cut")) == 5, "the four others have rows")
            service.process.until(lambda: service.captures(alertname="Other"), "the message about the other is there")
            rows = service.captures(alertname="Cut")
            assert {row["trigger"]["labels"]["instance"] for row in rows} == {labels["instance"] for labels in cut}
            assert {row["reason"]["code"] for row in rows} == {"no_rule"}
            assert len(service.captures(alertname="Other")) == 1
        metrics = httpx2.get(f"{service.url}/metrics", verify=TLS, timeout=60).text
        assert "alertprof_webhook_truncated_alerts_total 4.0" in metrics
        assert 'alertprof_truncated_alerts_fetches_total{outcome="fetched"} 1.0' in metrics
        told = httpx2.get(f"{service.url}/messages", verify=TLS, timeout=60).json()["messages"]
        assert sorted(message["left_out"] for message in told) == [0, 4]
        assert "4 more left out" in httpx2.get(f"{service.url}/ui/try", verify=TLS, timeout=60).text
