"""Prometheus and Alertmanager themselves, Debian's binaries, on loopback and in a hurry."""

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx2
import yaml

from tests.lab import ports
from tests.lab.process import LONG, Process

SHIPPED_RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yml"


class Absent(Exception):
    """The binary is not on this machine."""


def _binary(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise Absent(f"{name} is not installed (Debian: apt-get install {name}; tests/lab/prepare.sh does it)")
    return found


def hasty_rules(wait: str, cores: float) -> dict[str, Any]:
    """The rules as shipped, but quick to judge and content with less, as the machine may be busy with other things.

    wait: a Prometheus duration, how long the condition must hold; cores: the share of a core above which it does.
    """
    document: dict[str, Any] = yaml.safe_load(SHIPPED_RULES.read_text())
    for group in document["groups"]:
        for rule in group["rules"]:
            rule["expr"] = rule["expr"].replace("[1m]) > 0.8", f"[10s]) > {cores}")
            rule["for"] = wait
    return document


class _Server:
    """A daemon with `/-/ready`."""

    def __init__(self, argv: Sequence[str], folder: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = Process(argv, folder / f"{Path(argv[0]).name}.log")
        try:
            self.process.until(self.ready, "it is ready")
        except BaseException:
            self.stop()
            raise

    def ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/-/ready", timeout=LONG).status_code == 200
        except httpx2.TransportError:
            return False

    def get(self, path: str) -> Any:
        return httpx2.get(f"{self.url}{path}", timeout=LONG).raise_for_status().json()

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


class Alertmanager(_Server):
    def __init__(
        self,
        folder: Path,
        webhook: str,
        *,
        repeat: str = "1h",
        group_by: Sequence[str] = ("...",),
        max_alerts: int = 0,
        port: int = 0,
    ) -> None:
        """Posts to `webhook` at once: every alert by itself, unless `group_by` says otherwise."""
        binary, port = _binary("prometheus-alertmanager"), port or ports.free()
        route = {
            "receiver": "alertprof",
            "group_by": list(group_by),
            "group_wait": "0s",
            "group_interval": "1s",
            "repeat_interval": repeat,
        }
        receiver = {"name": "alertprof", "webhook_configs": [{"url": webhook, "max_alerts": max_alerts}]}
        config = folder / "alertmanager.yml"
        config.write_text(yaml.safe_dump({"route": route, "receivers": [receiver]}))
        argv = [binary, f"--config.file={config}", f"--storage.path={folder / 'alertmanager'}"]
        listen = [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
        super().__init__([*argv, *listen], folder, port)

    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/api/v2/alerts")
        return found

    def fire(self, *alerts: Mapping[str, str]) -> None:
        """Alerts without a Prometheus, by their labels."""
        said = [{"labels": dict(labels)} for labels in alerts]
        httpx2.post(f"{self.url}/api/v2/alerts", json=said, timeout=LONG).raise_for_status()

    def notifications(self) -> int:
        """Messages sent to the webhook so far."""
        text = httpx2.get(f"{self.url}/metrics", timeout=LONG).raise_for_status().text
        counted = re.search(r'^alertmanager_notifications_total\{integration="webhook"\} (\S+)$', text, re.MULTILINE)
        return int(float(counted[1])) if counted else 0


class Prometheus(_Server):
    def __init__(
        self,
        folder: Path,
        *,
        instance: str,
        job: str,
        rules: Mapping[str, Any],
        alertmanager: Alertmanager | None = None,
        external_labels: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        """Scrapes `instance` (host:port) every second, as `job`, and judges `rules` (a rule file's content)."""
        binary, port = _binary("prometheus"), port or ports.free()
        (folder / "rules.yml").write_text(yaml.safe_dump(dict(rules)))
        told = [alertmanager.url.removeprefix("http://")] if alertmanager else []
        managers = [{"static_configs": [{"targets": told}]}]
        scrape = {"job_name": job, "static_configs": [{"targets": [instance]}]}
        config = {
            "global": {
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "evaluation_interval": "1s",
                "external_labels": dict(external_labels or {}),
            },
            "rule_files": [str(folder / "rules.yml")],
            "alerting": {"alertmanagers": managers},
            "scrape_configs": [scrape],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        argv = [binary, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"]
        super().__init__([*argv, f"--web.listen-address=127.0.0.1:{port}"], folder, port)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series that an expression yields now. HTTPStatusError with Prometheus' words for one that it refuses."""
        answer = httpx2.get(f"{self.url}/api/v1/query", params={"query": expr}, timeout=LONG).raise_for_status().json()
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def alert_states(self) -> dict[str, str]:
        """alertname -> pending or firing."""
        alerts = self.get("/api/v1/alerts")["data"]["alerts"]
        return {alert["labels"]["alertname"]: alert["state"] for alert in alerts}
