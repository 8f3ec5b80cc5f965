"""The notifiers against servers on loopback, and the whole line of a notice with the network cut and a kill -9.

The servers are no real Grafana and Pyroscope: neither can be built here. What they are sent is held to their source
(Pyroscope) and to their documentation (Grafana).
"""

import json
import socket
import sqlite3
import ssl
import struct
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from app.model import Target
from app.notifiers import endpoint
from app.notifiers.apprise import Apprise, installed
from app.notifiers.base import Undelivered
from app.notifiers.grafana import Grafana
from app.notifiers.pyroscope import Pyroscope
from app.notifiers.upload import Upload
from app.notifiers.webhook import Webhook
from tests.lab import ports
from tests.lab.forked import Forked
from tests.lab.receiver import Answer, Receiver
from tests.lab.service import TLS, Alertprof
from tests.unit.notifiers.told import CPU, ID, TRACE, captured, told
from tests.unit.web.certificates import Authority

ALERT = {"alertname": "HighCPU", "host": "192.0.2.7", "pid": "7", "service": "orders", "team": "<!channel>"}
MESSAGE = {"alerts": [{"labels": ALERT, "startsAt": "2026-11-23T12:00:00Z", "fingerprint": "8a3e2b1c4d5f6071"}]}


@contextmanager
def resetting(port: int) -> Iterator[threading.Semaphore]:
    """A server that resets each connection in the middle of a request. The semaphore counts them."""
    seen, stop = threading.Semaphore(0), threading.Event()
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                connection.recv(20)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()
                seen.release()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield seen
        finally:
            stop.set()
            thread.join()


@contextmanager
def trickling(begin: bytes, piece: bytes) -> Iterator[str]:
    """The address of a server that answers the first request with `begin`, and then a piece each 50 ms."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(begin)
                while not stop.wait(0.05):
                    connection.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


def counted(service: Alertprof, outcome: str) -> float:
    text = httpx2.get(f"{service.url}/metrics", verify=TLS, timeout=60).text
    wanted = f'alertprof_notifications_total{{kind="webhook",notifier="hook",outcome="{outcome}"}} '
    return next((float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted)), 0.0)


def test_a_notice_outlives_a_refused_a_reset_connection_and_a_kill_and_is_delivered_once(tmp_path: Path) -> None:
    port = ports.free()
    config = {
        "allowed_hosts": ["10.0.0.0/8"],
        "notifiers": [{"name": "hook", "kind": "webhook", "url": f"http://127.0.0.1:{port}/hook"}],
        "rules": [{"name": "orders", "notify": [{"to": "hook", "when": ["failed"]}]}],
    }
    with Alertprof(tmp_path, config, run=Forked) as service:
        answer = httpx2.post(service.webhook, json=MESSAGE, verify=TLS, timeout=60).json()
        (capture,) = answer["captures"]
        assert service.wait_capture(capture)["reason"]["code"] == "host_not_allowed"
        service.process.until(lambda: counted(service, "retried") >= 1, "a refused connection is tried again")
        with resetting(port) as seen:
            assert seen.acquire(timeout=60)
            service.kill9()
        with Receiver(port=port) as receiver:
            service.restart()
            service.process.until(lambda: counted(service, "delivered") == 1, "it is delivered")
            with sqlite3.connect(tmp_path / "alertprof.db") as database:
                assert database.execute("SELECT count(*) FROM notices").fetchone() == (0,)
            (request,) = receiver.requests
        said = json.loads(request.body)
        assert request.headers["Idempotency-Key"] == said["key"] == f"{capture}/hook"
        assert (said["version"], said["event"], said["capture"]["id"]) == ("1", "failed", capture)
        shown = service.capture(capture)
        (notice,) = shown.pop("notices")
        assert (notice["notifier"], notice["state"]) == ("hook", "delivered")
        assert said["capture"] == shown
        assert httpx2.get(said["link"], verify=TLS, timeout=60).status_code == 200
        assert httpx2.get(said["alert_link"], verify=TLS, timeout=60).status_code == 200


# each kind


def test_a_webhook_may_have_a_body_of_its_own_in_which_labels_stay_text() -> None:
    with Receiver() as receiver:
        body = '{"msgtype": "text", "text": {"content": "{{ labels.team }} {{ event }}"}, "l": {{ labels|tojson }}}'
        Webhook(url=receiver.url, body=body).tell(told(captured({"team": '"}, "at": {"isAtAll": true'})))
    said = json.loads(receiver.requests[0].body)
    assert said["text"] == {"content": '"}, "at": {"isAtAll": true completed'}
    assert said["l"]["alertname"] == "HighCPU"


def test_what_would_be_no_json_is_never_sent() -> None:
    with Receiver() as receiver, pytest.raises(Undelivered, match="makes no JSON") as fault:
        Webhook(url=receiver.url, body="{{ event }}").tell(told())
    assert fault.value.final and not receiver.requests


@pytest.mark.parametrize(
    ("answer", "final", "wait"),
    [
        (Answer(500), False, None),
        (Answer(503, headers={"Retry-After": "7"}), False, 7.0),
        (Answer(429, headers={"Retry-After": "99999"}), False, 600.0),
        (Answer(401), False, None),
        (Answer(400), True, None),
        (Answer(302, headers={"Location": "http://127.0.0.1:1/"}), False, None),
    ],
)
def test_what_an_answer_means(answer: Answer, final: bool, wait: float | None) -> None:
    with Receiver(answer) as receiver, pytest.raises(Undelivered, match=str(answer.status)) as fault:
        Webhook(url=receiver.url).tell(told())
    assert (fault.value.final, fault.value.wait) == (final, wait)
    assert len(receiver.requests) == 1, "no redirect is followed"


def test_no_secret_is_in_what_is_said_of_a_failure(tmp_path: Path) -> None:
    for name, content in (("url", "{}/services/T0000SECRET"), ("token", "s3cr3t-token\n")):
        (tmp_path / name).write_text(content)
    with Receiver(
        Answer(500, b"who is Bearer s3cr3t-token at /services/T0000SECRET?\x1b[2J" + b"x" * 9999)
    ) as receiver:
        (tmp_path / "url").write_text(f"{receiver.url}/services/T0000SECRET")
        hook = Webhook(url_file=str(tmp_path / "url"), token_file=str(tmp_path / "token"))
        with pytest.raises(Undelivered) as answered:
            hook.tell(told())
    assert receiver.requests[0].headers["Authorization"] == "Bearer s3cr3t-token"
    with pytest.raises(Undelivered) as refused:
        hook.tell(told())
    for said in (str(answered.value), str(refused.value)):
        assert "SECRET" not in said and "s3cr3t" not in said and said.isprintable() and len(said) < 300


def test_a_login_is_not_in_what_is_said_of_an_answer_that_repeats_the_request(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pässwörd")
    login = b64encode("profiler:pässwörd".encode())
    with Receiver(Answer(400, b"you sent Basic " + login)) as receiver, pytest.raises(Undelivered) as fault:
        Webhook(url=receiver.url, username="profiler", password_file=str(tmp_path / "password")).tell(told())
    assert receiver.requests[0].headers["Authorization"] == f"Basic {login.decode()}"
    assert str(fault.value) == "it answers 400: you sent Basic …"


@pytest.mark.parametrize("piece", [b"a", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
def test_a_receiver_that_never_ends_its_headers_is_left_in_time(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "WHOLE", 0.5)
    begin = b"" if piece.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\nX-A: "
    with trickling(begin, piece) as url, pytest.raises(Undelivered, match=r"not whole after 0\.5 s") as fault:
        Webhook(url=url).tell(told())
    assert not fault.value.final


def test_a_secret_that_cannot_be_read_is_named_and_tried_again(tmp_path: Path) -> None:
    with pytest.raises(Undelivered, match="missing cannot be read") as fault:
        Webhook(url="http://127.0.0.1:1", token_file=str(tmp_path / "missing")).tell(told())
    assert not fault.value.final


def test_a_server_that_no_trusted_authority_vouches_for_is_told_nothing_and_one_may_ask_for_our_certificate(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path / "ours")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*authority.issue("server"))
    tls.load_verify_locations(authority.file)
    tls.verify_mode = ssl.CERT_REQUIRED
    cert, key = map(str, authority.issue("client"))
    ours: dict[str, Any] = {"ca_file": str(authority.file), "cert_file": cert, "key_file": key}
    with Receiver(tls=tls) as receiver:
        strangers: list[dict[str, Any]] = [{}, {"ca_file": str(Authority(tmp_path / "theirs").file)}]
        for said in (*strangers, {"ca_file": ours["ca_file"]}):
            with pytest.raises(Undelivered):
                Webhook(url=receiver.url, **said).tell(told())
        with pytest.raises(Undelivered, match="ca_file"):
            Webhook(url=receiver.url, ca_file=key).tell(told())
        assert not receiver.requests
        Webhook(url=receiver.url, **ours).tell(told())
        assert len(receiver.requests) == 1


def test_grafana_gets_one_annotation_over_the_recording_however_often_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("glsa_x")
    with Receiver(Answer(), Answer(), Answer(200, b'[{"id": 1}]')) as receiver:
        grafana = Grafana(url=receiver.url, token_file=str(tmp_path / "token"), dashboard="abc", panel=2)
        notification = told(captured(None, "<img src=x onerror=alert(1)>"))
        grafana.tell(notification)
        grafana.tell(notification)
    asked, posted, again = receiver.requests
    assert (asked.method, posted.method, again.method) == ("GET", "POST", "GET")
    assert parse_qs(urlsplit(asked.path).query)["tags"] == [f"capture:{ID}"]
    said = json.loads(posted.body)
    assert said["timeEnd"] - said["time"] == 30_000
    assert said["tags"] == ["alertprof", f"capture:{ID}", "HighCPU", "orders"]
    assert (said["dashboardUID"], said["panelId"]) == ("abc", 2)
    assert "<img" not in said["text"] and "&lt;img" in said["text"]


def test_pyroscope_gets_each_profile_as_its_source_reads_it() -> None:
    labels = {"severity": "critical", "namespace": "a,b=c}", "pod": "orders-1"}
    with Receiver() as receiver:
        Pyroscope(url=f"{receiver.url}/", tenant="team-a").tell(told(captured(labels)))
    (request,) = receiver.requests
    path, query = urlsplit(request.path).path, parse_qs(urlsplit(request.path).query)
    assert path == "/ingest" and request.headers["X-Scope-OrgID"] == "team-a"
    assert query == {
        "name": [
            f"orders{{alertname=HighCPU,severity=critical,namespace=a_b_c_,pod=orders-1,host=10.0.0.5,capture={ID}}}"
        ],
        "format": ["pprof"],
        "spyName": ["alertprof"],
        "from": ["1795435200"],
        "until": ["1795435230"],
    }
    assert request.body == CPU.name[:7].encode(), "the file itself, no form"


def test_a_service_that_pyroscope_cannot_name_has_its_name_as_a_label() -> None:
    target = Target("10.0.0.5", 7, "订单 {x}")
    with Receiver() as receiver:
        Pyroscope(url=receiver.url, labels=("__name__", "9.x")).tell(
            told(captured({"__name__": "up", "9.x": "é"}, target=target))
        )
    (name,) = parse_qs(urlsplit(receiver.requests[0].path).query)["name"]
    assert name == f"____x_{{_9_x=é,host=10.0.0.5,capture={ID},service_name=订单__x_}}"


def test_an_upload_puts_every_file_where_the_template_says(tmp_path: Path) -> None:
    with Receiver(Answer(201)) as receiver:
        Upload(url=f"{receiver.url}/bucket").tell(told())
        Upload(url=receiver.url, method="POST", kinds=("cpu",), path="/{{ service }}/{{ artifact.kind }}").tell(
            told(captured())
        )
    assert [(r.method, r.path) for r in receiver.requests] == [
        ("PUT", f"/bucket/{ID}/{CPU.name}"),
        ("PUT", f"/bucket/{ID}/{TRACE.name}"),
        ("POST", "/orders/cpu"),
    ]
    assert receiver.requests[0].body == CPU.name[:7].encode()


def test_a_query_of_the_uploads_address_stays_behind_the_path(tmp_path: Path) -> None:
    with Receiver(Answer(201)) as receiver:
        (tmp_path / "url").write_text(f"{receiver.url}/container?sig=abc")
        Upload(url_file=str(tmp_path / "url"), kinds=("cpu",), path="/{{ artifact.kind }}").tell(told())
    assert [request.path for request in receiver.requests] == ["/container/cpu?sig=abc"]


def test_a_label_leads_an_upload_nowhere_else() -> None:
    with Receiver() as receiver:
        with pytest.raises(Undelivered, match="lead nowhere else"):
            Upload(url=receiver.url, path="/x/{{ labels.team }}/y").tell(told(captured({"team": ".."})))
        Upload(url=receiver.url, path="/x/{{ labels.team }}", kinds=("cpu",)).tell(
            told(captured({"team": "../../y?z"}))
        )
    assert [request.path for request in receiver.requests] == ["/x/..%2F..%2Fy%3Fz"]


def test_apprise_tells_a_service_and_a_failure_says_why_without_the_address(tmp_path: Path) -> None:
    port, file = ports.free(), tmp_path / "url"
    file.write_text(f"json://127.0.0.1:{port}/S3CRETTOKEN")
    chat = Apprise(url_file=str(file))
    with pytest.raises(Undelivered) as fault:
        chat.tell(told())
    assert "S3CRETTOKEN" not in str(fault.value)
    with Receiver(port=port) as receiver:
        chat.tell(told(captured(None, "@everyone look <!channel>")))
    said = json.loads(receiver.requests[0].body)
    with (
        Receiver(Answer(302, headers={"Location": "/login"}), Answer(), port=port) as moved,
        pytest.raises(Undelivered),
    ):
        chat.tell(told())
    assert len(moved.requests) == 1, "Apprise takes what follows a redirect for a delivery"
    assert said["title"] == "HighCPU: orders completed"
    assert "look" in said["message"] and "@everyone" not in said["message"] and "<!channel>" not in said["message"]


@pytest.mark.parametrize(
    ("address", "fault"),
    [("slack", "slack://TokenA"), ("file:///etc/passwd", "acts on this machine"), ("slac://a/b", "no such address")],
)
def test_an_address_that_is_no_services_is_told_nothing(address: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(address)
    with pytest.raises(Undelivered, match=fault):
        Apprise(url_file=str(tmp_path / "url")).tell(told())


def test_where_apprise_is_gone_since_the_start_the_remedy_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text("slack://a/b/c")
    notifier = Apprise(url_file=str(tmp_path / "url"))
    monkeypatch.setitem(sys.modules, "apprise", None)
    installed.cache_clear()
    try:
        with pytest.raises(Undelivered, match=r"alertprof\[notify\]"):
            notifier.tell(told())
    finally:
        installed.cache_clear()


def options(kind: type[Any], **said: Any) -> None:
    kind(**said)


@pytest.mark.parametrize(
    ("kind", "said", "fault"),
    [
        (Webhook, {}, "one of url and url_file"),
        (Webhook, {"url": "ftp://x"}, "write an address"),
        (Webhook, {"url": "http://u:p@x"}, "username and password_file"),
        (Webhook, {"url": "http://x", "username": "a"}, "belong together"),
        (Webhook, {"url": "http://x", "body": "{{"}, "line 1 of the template"),
        (Upload, {"url": "http://x", "kinds": ("cup",)}, "there is no cup"),
        (Pyroscope, {"url": "http://x", "kinds": ("log",)}, "log is no profile"),
        (Webhook, {"url": "https://hooks.slack.com/services/T0/B0/abcdefghij1234567890"}, "seems to hold a secret"),
        (Webhook, {"url": "https://oapi.dingtalk.com/robot/send?access_token=a"}, "seems to hold a secret"),
        (
            Webhook,
            {"url": "https://feishu.cn/0b0e4a5c-1f1d-4d5e-9a5b-0a1b2c3d4e5f"},
            "seems to hold a secret",
        ),
    ],
)
def test_options_that_cannot_be_are_refused_with_the_remedy(kind: type[Any], said: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        options(kind, **said)
