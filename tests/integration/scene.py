"""alertprof beside a real sshd: what most tests of the whole line begin with."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx2

from tests.lab.forked import Forked
from tests.lab.process import Process
from tests.lab.service import TLS, Alertprof
from tests.lab.sshd import Sshd

NEVER = "0001-01-01T00:00:00Z"  # endsAt while an alert fires


class Scene:
    """One sshd and one alertprof that may log in there."""

    def __init__(
        self,
        folder: Path,
        *,
        duration: str = "1s",
        user: str | None = None,
        ssh: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        sshd: Mapping[str, Any] | None = None,
        words: Sequence[str] = (),
        run: type[Process] = Forked,
    ) -> None:
        """user: whom sshd lets in; ssh, config: more keys of that section, of the file; sshd: more words for Sshd;
        words: more options of `alertprof serve`; run: what makes a process of it."""
        self.sshd = Sshd(folder / "sshd", user=user, **(sshd or {})).__enter__()
        (folder / "alertprof").mkdir()
        way = {
            "user": self.sshd.user,
            "port": self.sshd.port,
            "identity_file": str(self.sshd.client_key),
            "known_hosts_file": str(self.sshd.known_hosts),
            **(ssh or {}),
        }
        rules = [{"name": "every alert", "duration": duration}]
        config = {"ssh": way, "rules": rules, **(config or {})}
        self.service = Alertprof(folder / "alertprof", config, words=words, run=run)

    def deliver(self, *alerts: Mapping[str, Any]) -> dict[str, Any]:
        """One message of Alertmanager; its answer."""
        answer = httpx2.post(self.service.webhook, json=message(alerts), timeout=60, verify=TLS)
        assert answer.status_code == 202, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def captured(self, *alerts: Mapping[str, Any], timeout: float = 60) -> list[dict[str, Any]]:
        """The captures that a message led to, once they have ended."""
        return [self.service.wait_capture(each, timeout=timeout) for each in self.deliver(*alerts)["captures"]]

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        return httpx2.request(method, self.service.url + path, timeout=90, verify=TLS, **more)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.service.stop()
        self.sshd.__exit__(*exc)


def alert(
    fingerprint: str = "00000000000000aa", *, firing: bool = True, ago: float = 60, **labels: object
) -> dict[str, Any]:
    """One alert as Alertmanager sends it; `ago`: seconds since it began to fire."""
    now = datetime.now(UTC)
    return {
        "status": "firing" if firing else "resolved",
        "labels": {"alertname": "HighCPU", **{name: str(value) for name, value in labels.items()}},
        "annotations": {"summary": "CPU above 80 %"},
        "startsAt": (now - timedelta(seconds=ago)).isoformat(),
        "endsAt": NEVER if firing else now.isoformat(),
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": fingerprint,
    }


def message(alerts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="HighCPU"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "alertprof",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
    }


def codes(captures: Iterable[Mapping[str, Any]]) -> list[str | None]:
    return [capture["reason"] and capture["reason"]["code"] for capture in captures]


def kinds(capture: Mapping[str, Any]) -> set[str]:
    """What was recorded, without the evidence that every capture has whose process was found."""
    return {artifact["kind"] for artifact in capture["artifacts"]} - {"evidence"}
