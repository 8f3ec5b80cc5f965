"""The metrics, as docs/metrics.md and Prometheus' own linter have them."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.metrics import MetricWrapperBase

from app.errors import Code, Reason
from app.metrics import Metrics
from app.model import Step
from tests.lab.pages import text_of


def defined() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Name, type and labels of each metric of ours, as they are scraped."""
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            kind = str(metric._type)
            yield metric._name + ("_total" if kind == "counter" else ""), kind, tuple(metric._labelnames)


def documented() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for row in re.finditer(r"^\| `(alertprof_\w+)` \| (\w+) \| (.*?) ?\|", text_of("docs/metrics.md"), re.MULTILINE):
        yield row[1], row[2], tuple(re.findall(r"`(\w+)`", row[3]))


def test_every_metric_is_documented_with_its_type_and_labels_and_no_other_is() -> None:
    build = ("alertprof_build_info", "gauge", ("version", "python"))
    assert sorted(documented()) == sorted([*defined(), build])


def test_prometheus_linter_has_nothing_to_say() -> None:
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (Debian: prometheus)")
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=filled().exposition(), capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr.decode()) == (0, "")


def filled() -> Metrics:
    """Every metric with a value."""
    metrics = Metrics()
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            child = metric.labels(*metric._labelnames) if metric._labelnames else metric
            getattr(child, "inc", getattr(child, "observe", print))(1)
    return metrics


def test_a_skipped_alert_is_counted_among_the_captures_that_ended_with_its_reason() -> None:
    metrics = Metrics()
    metrics.decided(captured=2, repeated=3, skipped=[Reason(Code.NO_RULE, "no rule matches")], matched=["hot", "hot"])
    said = metrics.exposition().decode()
    assert 'alertprof_alerts_total{outcome="captured"} 2.0' in said
    assert 'alertprof_alerts_total{outcome="repeated"} 3.0' in said
    assert 'alertprof_rule_alerts_total{rule="hot"} 2.0' in said
    assert 'alertprof_captures_ended_total{reason="no_rule",state="skipped"} 1.0' in said


def test_the_queue_tells_its_length_and_how_long_the_oldest_capture_is_due() -> None:
    metrics, now = Metrics(), datetime(2026, 11, 23, 12, tzinfo=UTC)
    metrics.show_queue(2, now - timedelta(seconds=90), now)
    assert "alertprof_queue_length 2.0\n" in metrics.exposition().decode()
    assert "alertprof_queue_oldest_seconds 90.0\n" in metrics.exposition().decode()
    metrics.show_queue(0, None, now)
    assert "alertprof_queue_oldest_seconds 0.0\n" in metrics.exposition().decode()


def test_what_has_not_happened_yet_is_scraped_as_zero_and_no_creation_times_are() -> None:
    metrics = Metrics()
    metrics.stepped(Step.RESOLVE, 0.5)
    said = metrics.exposition().decode()
    assert 'alertprof_logins_total{outcome="auth_failed"} 0.0' in said
    assert 'alertprof_webhook_messages_total{outcome="unrecorded"} 0.0' in said
    assert "_created" not in said
