"""Baselines on a schedule, over a real sshd and a real program: only the clock is moved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from app.config.settings import load
from app.ledger.clock import Clock
from app.main import Service
from app.model import Capture
from tests.integration.scene import alert, message
from tests.lab.process import eventually
from tests.lab.sshd import Sshd
from tests.lab.target import Service as Target

MINUTE = timedelta(minutes=1)


class Replica:
    """alertprof in this process, with a clock that can be put forward."""

    def __init__(self, folder: Path, sshd: Sshd, patch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta(0)
        patch.setattr(Clock, "now", lambda _clock: self.now())
        ssh = {"user": sshd.user, "port": sshd.port, "identity_file": str(sshd.client_key)}
        config = {
            "ssh": {**ssh, "known_hosts_file": str(sshd.known_hosts)},
            "rules": [{"name": "orders", "duration": "1s", "cooldown": "1m", "baseline": {"every": "10m"}}],
        }
        (file := folder / "alertprof.yml").write_text(yaml.safe_dump(config))
        settings = load(file, folder)
        self.service = Service(settings, lambda: settings, "http://localhost")
        self.client = TestClient(self.service.app, base_url="http://localhost")

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def deliver(self, one: dict[str, Any]) -> list[str]:
        created: list[str] = self.client.post("/webhook", json=message([one])).json()["captures"]
        return created

    def run_schedule(self, later: timedelta) -> None:
        """As the chores do every few minutes."""
        self.ahead += later
        self.service.schedule.run(self.now())

    def ended(self, capture_id: str) -> Capture:
        def over() -> Capture | None:
            capture = self.service.ledger.get(capture_id)
            return capture if capture and capture.state.ended else None

        return eventually(over, "it has ended")

    def by_schedule(self) -> list[str]:
        found = self.client.get("/captures").json()["captures"]
        return [each["id"] for each in found if each["trigger"]["kind"] == "manual"]


@contextmanager
def replica(folder: Path, sshd: Sshd, patch: pytest.MonkeyPatch) -> Iterator[Replica]:
    made = Replica(folder, sshd, patch)
    made.service.open()
    try:
        yield made
    finally:
        made.service.close()


def test_a_calm_capture_is_taken_of_the_running_process_becomes_the_baseline_and_the_next_alert_is_compared_with_it(
    tmp_path: Path, run_target: Callable[..., Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = run_target("toggle")
    with Sshd(tmp_path / "sshd") as sshd, replica(tmp_path, sshd, monkeypatch) as one:
        (first,) = one.deliver(alert(host="127.0.0.1", pid=target.pid, service="orders"))
        assert one.ended(first).state == "completed"
        one.run_schedule(11 * MINUTE)
        assert one.by_schedule() == [], "the alert still fires"

        one.deliver(alert(firing=False, host="127.0.0.1", pid=target.pid, service="orders"))
        one.run_schedule(2 * MINUTE)
        (calm,) = one.by_schedule()
        taken = one.ended(calm)
        assert (taken.state, taken.process and taken.process.pid) == ("completed", target.pid)
        assert "cpu" in {file.kind for file in taken.artifacts}
        one.run_schedule(6 * MINUTE)
        assert one.by_schedule() == [calm], "not again before its time"

        (next_one,) = one.deliver(alert("b" * 16, ago=0, host="127.0.0.1", pid=target.pid, service="orders"))
        done = one.ended(next_one)
        assert f"compared with the baseline {calm}" in " ".join(event.message for event in done.timeline)
        one.run_schedule(timedelta(days=1))
        assert one.by_schedule() == [calm], "that alert fires"
