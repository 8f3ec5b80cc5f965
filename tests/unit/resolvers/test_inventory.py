"""Prometheus' own service discovery tells the host; the resolvers after it find the process there."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.errors import Refused, Retryable
from app.gate.client import Gate
from app.resolvers import inventory
from app.resolvers.base import Enriched
from app.resolvers.inventory import Inventory

GROUPS = [
    {"targets": ["10.0.0.5:8080", "10.0.0.6:8080"], "labels": {"job": "orders", "__meta_rack": "r1"}},
    {"targets": ["orders-3:8080"], "labels": {"host": "10.0.0.7", "unit": "orders@3.service"}},
    {"targets": ["10.0.0.8:9100"], "labels": {"node": "worker-1"}},
]


def nobody(host: str, _pid: int = 0) -> Gate:
    raise AssertionError(f"{host} was contacted")


def told(resolver: Inventory, **labels: str) -> dict[str, str] | None:
    answer = resolver.find(labels, nobody)
    assert answer is None or isinstance(answer, Enriched)
    return dict(answer.labels) if answer else None


@pytest.fixture(params=["targets.json", "targets.yml"])
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / str(request.param)
    path.write_text(json.dumps(GROUPS))  # JSON is YAML too
    return path


def test_a_target_without_more_is_on_its_own_host(file: Path) -> None:
    said = told(Inventory(files=(str(file),)), instance="10.0.0.6:8080", alertname="Hot")
    assert said == {"instance": "10.0.0.6:8080", "alertname": "Hot", "host": "10.0.0.6", "job": "orders"}


def test_the_label_beside_the_target_names_the_host_and_what_else_is_known(file: Path) -> None:
    said = told(Inventory(files=(str(file),)), instance="orders-3:8080")
    assert said == {"instance": "orders-3:8080", "host": "10.0.0.7", "unit": "orders@3.service"}


def test_what_the_alert_says_itself_stays(file: Path) -> None:
    said = told(Inventory(files=(str(file),)), instance="orders-3:8080", unit="other.service")
    assert said and said["unit"] == "other.service"


def test_any_label_can_be_looked_up(file: Path) -> None:
    said = told(Inventory(files=(str(file),), by="node"), node="worker-1", pod="orders-0")
    assert said and said["host"] == "10.0.0.8"


@pytest.mark.parametrize("labels", [{}, {"instance": "10.9.9.9:1"}, {"node": "worker-1"}, {"instance": "10.0.0.5"}])
def test_what_is_not_there_is_not_ours(file: Path, labels: dict[str, str]) -> None:
    assert told(Inventory(files=(str(file),)), **labels) is None


def test_two_hosts_for_one_label_are_refused_with_both(file: Path) -> None:
    with pytest.raises(Refused, match=r"10\.0\.0\.5, 10\.0\.0\.6"):
        told(Inventory(files=(str(file),), by="job"), job="orders")


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"targets": ["one:1"]}]))
    ours = Inventory(files=(str(tmp_path / "*.json"),))
    assert told(ours, instance="one:1") and not told(ours, instance="another:1")
    path.write_text(json.dumps([{"targets": ["another:1"]}]))
    assert told(ours, instance="another:1") and not told(ours, instance="one:1")


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"targets": 1}]', '[{"targets": [], "labels": 2}]'])
def test_a_file_that_is_none_is_waited_for_and_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(Retryable, match=r"a\.json cannot be read"):
        told(Inventory(files=(str(tmp_path / "a.json"),)), instance="x:1")


def test_a_file_that_is_not_there_is_waited_for_and_named(tmp_path: Path) -> None:
    with pytest.raises(Retryable, match=r"a\.yml cannot be read: No such file"):
        told(Inventory(files=(str(tmp_path / "a.yml"),)), instance="x:1")


@pytest.mark.parametrize("options", [{}, {"files": ("a.txt",)}, {"urls": ("ftp://a",)}])
def test_an_inventory_that_can_say_nothing_is_a_fault(options: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="inventory"):
        Inventory(**options)  # type: ignore[arg-type]


class Endpoint(ThreadingHTTPServer):
    """An http_sd endpoint; `status` is what it answers with."""

    status, asked, authorization = 200, 0, ""


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked += 1
            server.authorization = self.headers.get("Authorization", "")
            self.send_response(server.status)
            self.end_headers()
            self.wfile.write(json.dumps(GROUPS).encode())

        def log_message(self, format: str, *args: object) -> None: ...

    monkeypatch.setattr(inventory, "ENDPOINTS", inventory.Endpoints())
    server = Endpoint(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def url(endpoint: Endpoint) -> str:
    return f"http://127.0.0.1:{endpoint.server_port}/targets"


def test_an_endpoint_is_asked_once_a_minute_with_the_token(endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    ours = Inventory(urls=(url(endpoint),), credentials_file=str(tmp_path / "token"))
    for _ in range(3):
        assert told(ours, instance="orders-3:8080")
    assert (endpoint.asked, endpoint.authorization) == (1, "Bearer s3cret")


def test_an_endpoint_that_fails_leaves_what_it_said_before(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Inventory(urls=(url(endpoint),))
    assert told(ours, instance="orders-3:8080")
    monkeypatch.setattr(inventory, "REFRESH", 0.0)
    endpoint.status = 500
    assert told(ours, instance="orders-3:8080")
    assert endpoint.asked == 2


def test_an_endpoint_that_never_answered_is_waited_for(endpoint: Endpoint) -> None:
    endpoint.status = 500
    with pytest.raises(Retryable, match="cannot be read") as caught:
        told(Inventory(urls=(url(endpoint).replace("://", "://ops:s3cret@"),)), instance="orders-3:8080")
    assert "s3cret" not in caught.value.reason.message, "everybody may read it"
