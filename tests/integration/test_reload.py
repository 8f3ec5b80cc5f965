"""A configuration that is read anew while the service works, over a real sshd."""

import os
import signal
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import yaml

from app.errors import Code
from tests.integration.scene import Scene, alert, message
from tests.lab.forked import Forked
from tests.lab.process import eventually
from tests.lab.service import TLS, Alertprof
from tests.lab.target import Service

HOST = "127.0.0.1"


def rewritten(service: Alertprof, **sections: Any) -> None:
    """Replaces sections of the configuration file."""
    service.config.write_text(yaml.safe_dump({**yaml.safe_load(service.config.read_text()), **sections}))


def test_while_it_reloads_again_and_again_no_alert_is_lost(tmp_path: Path) -> None:
    with Alertprof(tmp_path, {"allowed_hosts": ["10.0.0.1"], "rules": [{"name": "first"}]}, run=Forked) as service:
        good, over, taken = service.config.read_text(), threading.Event(), list[str]()

        def deliver() -> None:
            while not over.is_set():
                one = alert(f"{len(taken):016x}", host="10.9.9.9", pid=7)
                answer = httpx2.post(service.webhook, json=message([one]), timeout=60, verify=TLS)
                assert answer.status_code == 202, answer.text
                taken.append(one["fingerprint"])

        sender = threading.Thread(target=deliver)
        sender.start()
        for n in count():
            if n > 12 and len(taken) > 12:
                break
            service.config.write_text("rulez: []" if n % 3 == 1 else good.replace("first", f"rule {n}"))
            answer = httpx2.post(f"{service.url}/-/reload", timeout=60, verify=TLS)
            assert answer.status_code == (500 if n % 3 == 1 else 200)
        over.set()
        sender.join()
        for fingerprint in taken:
            (row,) = service.captures(fingerprint=fingerprint)
            assert row["rule"] == "first" or row["rule"].startswith("rule ")
        eventually(
            lambda: (
                {row["reason"]["code"] for row in service.captures(limit="500") if row["reason"]}
                <= {Code.HOST_NOT_ALLOWED, Code.NO_RULE}
            ),
            "all rows say why",
        )


def test_a_fault_is_answered_and_the_earlier_configuration_stays(tmp_path: Path) -> None:
    with Alertprof(tmp_path, {"alertmanager": {"url": "http://ops:secret@localhost:9093"}}, run=Forked) as service:

        def asked(path: str, method: str = "GET") -> httpx2.Response:
            return httpx2.request(method, service.url + path, timeout=60, verify=TLS)

        before = asked("/-/config").text
        assert "localhost:9093" in before
        assert "secret" not in before
        service.config.write_text("limits: {per_host: none}\n")
        answer = asked("/-/reload", "POST")
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert f"{service.config}:1:20: limits.per_host: " in answer.json()["detail"]
        assert asked("/-/config").text == before
        assert "alertprof_config_last_reload_successful 0.0" in asked("/metrics").text

        service.config.write_text("limits: {per_host: 3}\n")
        os.kill(service.pid, signal.SIGHUP)
        eventually(lambda: "storage.database is read when" in service.process.log.read_text(), "SIGHUP reads it too")


def test_what_records_comes_home_though_its_host_is_not_allowed_any_more_and_sighups_storm(
    tmp_path: Path, run_target: Callable[..., Service]
) -> None:
    limits = {"per_host": 3, "cooldown": "0s"}
    with Scene(tmp_path, duration="8s", config={"limits": limits}) as scene:
        first, second = run_target("toggle"), run_target("toggle")
        (begun,) = scene.deliver(alert("a" * 16, host=HOST, pid=first.pid, service="first"))["captures"]
        scene.service.wait_capture(begun, ("recording",))
        rewritten(scene.service, allowed_hosts=["10.0.0.1"], rules=[{"name": "others"}])
        assert scene.ask("POST", "/-/reload").status_code == 200
        for _ in range(500):
            os.kill(scene.service.pid, signal.SIGHUP)

        (refused,) = scene.captured(alert("b" * 16, host=HOST, pid=second.pid, service="second"))
        assert (refused["rule"], refused["reason"]["code"]) == ("others", "host_not_allowed")
        done = scene.service.wait_capture(begun)
        assert (done["state"], done["rule"]) == ("completed", "every alert")
        assert "cpu" in {file["kind"] for file in done["artifacts"]}
        (later,) = scene.captured(alert("c" * 16, host=HOST, pid=first.pid, service="first"))
        assert later["reason"]["code"] == "host_not_allowed"
        assert second.count("usr2") == 0
        assert (scene.service.folder / "alertprof.log").read_text().count("the configuration was reloaded") < 50
