"""The journey on nothing but real parts: a hot loop, Prometheus, Alertmanager, alertprof, sshd, a stored profile."""

import re
import shutil
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.lab import golang, ports
from tests.lab.process import eventually
from tests.lab.prometheus import Alertmanager, Prometheus, hasty_rules
from tests.lab.service import Alertprof
from tests.lab.sshd import Sshd
from tests.lab.target import Service

KINDS = {"cpu", "heap", "mutex", "block", "threadcreate", "trace", "goroutine"}

pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("prometheus") and shutil.which("prometheus-alertmanager")),
        reason="prometheus and prometheus-alertmanager are not installed: tests/lab/prepare.sh does it",
    ),
]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd") as running:
        yield running


RULE = {"name": "orders", "matchers": ['job="orders"'], "duration": "3s", "cooldown": "1h"}


def way_to(sshd: Sshd) -> dict[str, Any]:
    return {
        "user": sshd.user,
        "port": sshd.port,
        "identity_file": str(sshd.client_key),
        "known_hosts_file": str(sshd.known_hosts),
    }


@pytest.fixture
def alertprof(tmp_path: Path, sshd: Sshd) -> Iterator[Alertprof]:
    with Alertprof(tmp_path, {"ssh": way_to(sshd), "rules": [RULE]}, env={"SSH_AUTH_SOCK": ""}) as running:
        yield running


@pytest.mark.parametrize("name", ["toggle", "timed"])
def test_a_hot_loop_becomes_a_stored_profile_that_names_it(
    run_target: Callable[..., Service], alertprof: Alertprof, tmp_path: Path, name: str
) -> None:
    service = run_target(name, STANDIN_PROFILE_SECONDS="4")
    with Alertmanager(tmp_path, alertprof.webhook, repeat="2s") as alertmanager:
        rules = hasty_rules("1s", cores=0.01)
        with Prometheus(tmp_path, instance=service.instance, job="orders", rules=rules, alertmanager=alertmanager):
            service.hot()
            created = eventually(alertprof.captures, "a capture is there", within=90)[-1]
            capture = alertprof.wait_capture(created["id"], timeout=120)
            assert capture["state"] == "completed", capture
            assert capture["trigger"]["alertname"] == "ProcessCpuHigh"
            assert capture["target"]["pid"] == service.pid
            assert {artifact["kind"] for artifact in capture["artifacts"]} == {*KINDS, "evidence"}
            assert "main.checksum" in pprof_top(alertprof, capture, tmp_path)
            assert_one_recording(service, alertprof, alertmanager)


def test_evidence_of_a_pending_alert_is_from_before_it_fired(
    run_target: Callable[..., Service], sshd: Sshd, tmp_path: Path
) -> None:
    service, port = run_target("toggle"), ports.free()
    prometheus = {"url": f"http://127.0.0.1:{port}", "external_labels": ["cluster"]}
    config = {"ssh": way_to(sshd), "rules": [{**RULE, "prearm": True}], "prometheus": prometheus}
    with (
        Alertprof(tmp_path, config, env={"SSH_AUTH_SOCK": ""}) as alertprof,
        Alertmanager(tmp_path, alertprof.webhook) as alertmanager,
        Prometheus(
            tmp_path,
            instance=service.instance,
            job="orders",
            rules=hasty_rules("20s", cores=0.01),
            alertmanager=alertmanager,
            external_labels={"cluster": "lab"},
            port=port,
        ),
    ):
        service.hot()
        created = eventually(alertprof.captures, "a capture is there", within=120)[-1]
        capture = alertprof.wait_capture(created["id"], timeout=120)
        assert capture["state"] == "completed", capture
        assert capture["trigger"]["labels"]["cluster"] == "lab"
        hrefs = {a["name"].partition("Z")[2]: a["href"] for a in capture["artifacts"] if a["kind"] == "evidence"}
        used = [
            httpx2.get(f"{alertprof.url}{hrefs[end]}", timeout=60).json()["process"]["cpu_seconds"]
            for end in ("-pending.json", ".json")
        ]
        assert 0 < used[0] < used[1], used
    said = [event["message"] for event in capture["timeline"] if "while pending" in event["message"]]
    (then,) = (re.findall(r"^while pending, at (\d\d:\d\d:\d\d)", one)[0] for one in said)
    fired = datetime.fromisoformat(capture["trigger"]["starts_at"]).astimezone(UTC)
    before = fired - datetime.combine(fired.date(), time.fromisoformat(then), UTC)
    assert timedelta(0) < before % timedelta(days=1) < timedelta(hours=1), said


def test_a_calm_service_makes_no_alert_and_no_capture(
    run_target: Callable[..., Service], alertprof: Alertprof, tmp_path: Path
) -> None:
    service = run_target("toggle")
    with Alertmanager(tmp_path, alertprof.webhook) as alertmanager:
        rules = hasty_rules("1s", cores=0.01)
        with Prometheus(
            tmp_path, instance=service.instance, job="orders", rules=rules, alertmanager=alertmanager
        ) as prometheus:
            count = "count_over_time(process_cpu_seconds_total[1m])"
            eventually(lambda: samples(prometheus, count) >= 8, "it has been scraped eight times")
            assert prometheus.alert_states() == {}
            assert alertprof.captures() == []
            assert service.events() == []


def test_a_plain_go_program_is_refused_and_lives(
    run_target: Callable[..., Service], alertprof: Alertprof, tmp_path: Path
) -> None:
    plain = run_target("plain-usr2")
    assert plain.alive
    plain.signal(signal.SIGUSR2)  # its event log works
    plain.wait_event("usr2")
    with Alertmanager(tmp_path, alertprof.webhook) as alertmanager:
        alert = {"alertname": "ByHand", "job": "orders", "host": "127.0.0.1", "pid": str(plain.pid)}
        alertmanager.fire(alert)
        created = eventually(alertprof.captures, "a capture is there")[-1]
        capture = alertprof.wait_capture(created["id"])
    assert (capture["state"], capture["reason"]["code"]) == ("failed", "no_profiler"), capture
    assert plain.alive
    assert plain.count("usr2") == 1


def assert_one_recording(service: Service, alertprof: Alertprof, alertmanager: Alertmanager) -> None:
    """Although Alertmanager has repeated the alert meanwhile."""
    assert not service.recording()
    assert service.count("start") == service.count("stop") == 1
    assert service.count("refused") == 0
    sent = alertmanager.notifications()
    eventually(lambda: alertmanager.notifications() > max(sent, 2), "the alert is repeated")
    assert service.count("start") == 1
    assert len(alertprof.captures()) == 1


def pprof_top(alertprof: Alertprof, capture: dict[str, Any], folder: Path) -> str:
    (cpu,) = (artifact for artifact in capture["artifacts"] if artifact["kind"] == "cpu")
    return golang.tool("pprof", "-top", f"{alertprof.url}{cpu['href']}", env={"PPROF_TMPDIR": str(folder)})


def samples(prometheus: Prometheus, query: str) -> int:
    result = prometheus.get(f"/api/v1/query?query={query}")["data"]["result"]
    return int(result[0]["value"][1]) if result else 0
