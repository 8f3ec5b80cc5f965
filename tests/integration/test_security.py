"""The running service against those who reach its port."""

import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import bcrypt
import httpx2
import pytest

from tests.integration.guarded import Guarded
from tests.integration.hostile import HostileHost, Session
from tests.integration.scene import alert, message
from tests.integration.test_ssh import Listener
from tests.lab.process import eventually
from tests.lab.sshd import Sshd
from tests.unit.web.certificates import Authority

LONG = 60.0
CANARIES = {
    "webhook token": "canary-webhook-7d1f",
    "operator token": "canary-operator-93ab",
    "password": "canary-password-c4e2",
    "wrong password": "canary-wrong-1b77",
    "wrong token": "canary-wrongtoken-5f0a",
}


# --- TLS, certificates, users ---


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls"))
    made.issue("server")
    made.issue("alertmanager", "DNS:alertmanager")
    made.issue("somebody", "DNS:somebody")
    return made


def tls(authority: Authority, more: str = "") -> str:
    return (
        f"tls_server_config:\n  cert_file: {authority.folder}/server.pem\n  key_file: {authority.folder}/server.key\n"
        f"{more}"
    )


def client(authority: Authority, name: str = "") -> httpx2.Client:
    """One that trusts the authority and shows the certificate of that name."""
    context = ssl.create_default_context(cafile=str(authority.file))
    if name:
        context.load_cert_chain(authority.folder / f"{name}.pem", authority.folder / f"{name}.key")
    return httpx2.Client(verify=context, timeout=LONG)


def test_only_a_certificate_with_the_right_name_gets_an_answer(tmp_path: Path, authority: Authority) -> None:
    Authority(stranger := tmp_path / "stranger").issue("stranger", "DNS:alertmanager")
    for end in ("pem", "key"):
        shutil.copy(stranger / f"stranger.{end}", authority.folder)
    clients = (
        f"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {authority.file}\n"
        "  client_allowed_sans: [alertmanager]\n"
    )
    with Guarded(tmp_path / "service", web=tls(authority, clients), host="0.0.0.0") as service:
        ready = service.url("https") + "/-/ready"
        assert client(authority, "alertmanager").get(ready).status_code == 200
        for name in ("", "somebody", "stranger"):
            with pytest.raises(httpx2.TransportError):
                client(authority, name).get(ready)
        with pytest.raises(httpx2.TransportError):
            httpx2.get(service.url() + "/-/ready", timeout=LONG)
        hello = client(authority, "alertmanager").post(service.url("https") + "/webhook", json=message([alert()]))
        assert hello.status_code == 202
        assert "without an allowed name" in service.log()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_with_users_renews_its_certificate_and_says_no_to_old_versions(
    tmp_path: Path, authority: Authority
) -> None:
    hashed = bcrypt.hashpw(b"one", bcrypt.gensalt(4)).decode()
    web = tls(authority) + (
        "http_server_config:\n  headers: {Strict-Transport-Security: max-age=9}\n"
        f"basic_auth_users:\n  alice: {hashed}\n"
    )
    with Guarded(tmp_path, web=web) as service, client(authority) as http:
        url = service.url("https")
        assert http.get(f"{url}/captures", auth=("alice", "one")).headers["strict-transport-security"] == "max-age=9"
        assert http.get(f"{url}/captures", auth=("alice", "two")).status_code == 401
        assert http.get(f"{url}/-/healthy").status_code == 200
        first = serial(service.port)
        authority.issue("server")
        assert serial(service.port) != first
        assert http.get(f"{url}/captures", auth=("alice", "one")).status_code == 200
        with pytest.raises(ssl.SSLError):
            serial(service.port, ssl.TLSVersion.TLSv1_1)


def serial(port: int, most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """The certificate that is shown now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = min(ssl.TLSVersion.TLSv1_2, most)
    context.maximum_version = most
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", port), LONG) as sock, context.wrap_socket(sock) as wrapped:
        return wrapped.getpeercert(binary_form=True) or b""


@pytest.mark.parametrize("web", ["", "http_server_config: {http2: false}", "client: optional"])
def test_an_open_address_without_keys_is_refused_before_anything_listens(tmp_path: Path, web: str) -> None:
    if web == "client: optional":
        authority = Authority(tmp_path)
        authority.issue("server")
        web = tls(authority, f"  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: {authority.file}\n")
    (tmp_path / "web.yml").write_text(web)
    serve = [sys.executable, "-m", "app", "serve", "--web.listen-address=0.0.0.0:1", f"--storage.path={tmp_path}"]
    done = subprocess.run(
        [*serve, f"--web.config.file={tmp_path / 'web.yml'}"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "set auth.operator_token_file" in done.stderr
    assert not (tmp_path / "alertprof.db").exists()


# --- an open service on loopback: who waits, who floods, who is named ---


def nonsense(session: Session) -> None:
    session.say(b"\x1b[2Jnonsense\n" * 3)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileHost]:
    with HostileHost(tmp_path_factory.mktemp("hostile"), nonsense) as host:
        yield host


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, hostile: HostileHost) -> Iterator[Guarded]:
    """May log in at `order.example` only, which is the hostile host."""
    ssh = hostile.settings.ssh
    way = {"user": "x", "port": ssh.port, "identity_file": str(hostile.client_key)}
    way["known_hosts_file"] = str(hostile.known_hosts)
    hosts = [{"match": "order.example", "address": "127.0.0.1"}]
    config = {"ssh": way, "hosts": hosts, "allowed_hosts": ["order.example"]}
    with Guarded(tmp_path_factory.mktemp("service"), config) as made:
        yield made


def test_fifty_slow_connections_of_each_kind_do_not_stop_a_webhook(service: Guarded) -> None:
    slow = [
        b"",
        b"POST /webhook HTTP/1.1\r\nHost: localhost\r\nX-a: b",
        b"POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n{",
        b"POST /capture HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ]
    with ExitStack() as held:
        for begin in slow * 50:
            sock = held.enter_context(socket.create_connection(("127.0.0.1", service.port), LONG))
            sock.sendall(begin)
        for number in range(5):
            said = deliver(service, alert(f"{number:016x}", host="nowhere", pid=7))
            assert len(said["captures"]) == 1
        assert httpx2.get(service.url() + "/-/ready", timeout=LONG).status_code == 200


def test_more_connections_than_there_are_places_do_not_stop_a_webhook(service: Guarded) -> None:
    with ExitStack() as held:
        for _ in range(700):
            sock = held.enter_context(socket.create_connection(("127.0.0.1", service.port), LONG))
            sock.sendall(b"GET / HTTP/1.1\r\n")
        assert len(deliver(service, alert("00000000000000f1", host="nowhere", pid=7))["captures"]) == 1


@pytest.mark.parametrize(("path", "size"), [("/webhook", 9 << 20), ("/capture", 100_000), ("/-/pause", 100_000)])
def test_a_huge_body_is_refused_with_a_sentence(service: Guarded, path: str, size: int) -> None:
    refused = httpx2.post(service.url() + path, content=b" " * size, timeout=LONG)
    if path != "/-/pause":  # which reads no body
        assert refused.status_code == 413
        assert "larger than" in refused.json()["detail"]
    assert httpx2.post(service.url() + "/-/resume", timeout=LONG).status_code == 200


def test_json_as_deep_as_it_is_long_is_refused(service: Guarded) -> None:
    for body in (b"[" * 60_000, b'{"a":' * 10_000, b'{"alerts":' + b"[" * 50_000):
        for path in ("/webhook", "/capture"):
            assert httpx2.post(service.url() + path, content=body, timeout=LONG).status_code in (400, 422)


def deliver(service: Guarded, *alerts: dict[str, Any]) -> dict[str, Any]:
    answer = httpx2.post(service.url() + "/webhook", json=message(alerts), timeout=LONG)
    assert answer.status_code == 202, answer.text
    said: dict[str, Any] = answer.json()
    return said


def ended(service: Guarded, ids: list[str]) -> list[dict[str, Any]]:
    def now() -> list[dict[str, Any]] | None:
        captures = [httpx2.get(f"{service.url()}/captures/{each}", timeout=LONG).json() for each in ids]
        return captures if all(c["state"] in ("failed", "skipped", "completed") for c in captures) else None

    return service.process.until(now, "all have ended", 120)


def test_a_label_leads_to_no_listener_but_that_of_an_allowed_host(service: Guarded, hostile: HostileHost) -> None:
    with Listener() as listener:
        here = f"127.0.0.1:{listener.port}"
        named: list[dict[str, Any]] = [
            {"instance": here}, {"instance": f"[::ffff:127.0.0.1]:{listener.port}"}, {"host": "127.0.0.1", "pid": 7},
            {"host": "localhost", "pid": 7}, {"host": here, "pid": 7}, {"host": "order.example.evil", "pid": 7},
            {"host": f"order.example:{listener.port}", "pid": 7}, {"host": f"x@{here}", "pid": 7},
            {"host": "order.example\0", "pid": 7}, {"instance": f"localhost:{listener.port}"},
            {"host": f"-oProxyCommand=nc {here.replace(':', ' ')}", "pid": 7},
            {"instance": f"2130706433:{listener.port}"},
        ]  # fmt: skip
        before = len(hostile.peers)
        alerts = [alert(f"{number:015x}a", **labels) for number, labels in enumerate(named)]
        captures = ended(service, deliver(service, *alerts)["captures"])
        assert {c["reason"]["code"] for c in captures} == {"host_not_allowed"}
        assert len(hostile.peers) == before
        deliver(service, alert("00000000000000fb", host="order.example", pid=7))
        eventually(lambda: len(hostile.peers) > before, "the allowed host is connected to", LONG)
        assert listener.count() == 0


def test_schemathesis_finds_no_fault_in_a_bounded_run(service: Guarded, tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", service.url() + "/openapi.json",
        "--phases=examples,coverage,fuzzing", "--max-examples=5", "--seed=1", "--max-time=12", "--no-color",
        "--exclude-checks=positive_data_acceptance,negative_data_rejection",
        "--exclude-path-regex=^/-/(pause|reload)$", "--suppress-health-check=all",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "Traceback" not in service.log()


# --- what is written to the log ---


def test_no_secret_and_nothing_that_begins_a_line_reaches_the_log_and_nobody_else_reads_the_rows(
    tmp_path: Path,
) -> None:
    hashed = bcrypt.hashpw(CANARIES["password"].encode(), bcrypt.gensalt(4)).decode()
    for kind in ("webhook", "operator"):
        (tmp_path / f"{kind}.token").write_text(CANARIES[f"{kind} token"])
    hostile_labels = {
        "alertname": "a\nts=2026-01-01T00:00:00Z level=error event=forged",
        "pid": "7\r\nevent=forged", "job": "\x1b[2J\x1b]0;owned\x07",
        "service": "\u202etxt.exe\u2028event=forged\x9b1m",
    }  # fmt: skip
    with Sshd(tmp_path / "sshd") as sshd:
        way = {"user": sshd.user, "port": sshd.port, "identity_file": str(sshd.client_key)}
        config = {
            "ssh": {**way, "known_hosts_file": str(sshd.known_hosts)},
            "auth": {"webhook_token_file": "webhook.token", "operator_token_file": "operator.token"},
        }
        for file in tmp_path.glob("*.token"):
            (tmp_path / "service").mkdir(exist_ok=True)
            shutil.copy(file, tmp_path / "service")
        with Guarded(tmp_path / "service", config, f"basic_auth_users:\n  alice: {hashed}\n") as service:
            sent = told(service, hostile_labels)
            log = service.log()
            kept = [file for file in (service.folder / "data").rglob("*") if file.stat().st_mode & 0o077]
        secrets = {**CANARIES, "hash": hashed, "key": sshd.client_key.read_text().splitlines()[2]}
    assert sent == [202, 401, 401, 401, 200, 200, 401]
    assert kept == [], "what is kept is for this account alone"
    assert [name for name, secret in secrets.items() if secret in log] == []
    lines = log.splitlines()  # at everything that any terminal or tool may take for the end of a line
    assert len(lines) > 4
    assert [line for line in lines if not line.startswith("ts=2")] == []
    assert [line for line in lines if not line.isprintable()] == []
    assert "event=forged" in log, "escaped, within a value"
    assert not [line for line in lines if " event=forged" in line.partition('"')[0]]


def has_failed(place: str, headers: dict[str, Any]) -> bool:
    return bool(httpx2.get(place, headers=headers, timeout=LONG).json()["state"] == "failed")


def told(service: Guarded, labels: dict[str, Any]) -> list[int]:
    """Right and wrong keys in every place; the last capture has been to the host and back."""
    url, right = service.url(), {"authorization": f"Bearer {CANARIES['webhook token']}"}
    operator: dict[str, Any] = {"authorization": f"Bearer {CANARIES['operator token']}"}
    body = message([alert("1", **labels), alert("2", host="127.0.0.1", pid=4_000_000)]) | {
        "receiver": "r\nevent=forged"
    }
    answers = [
        httpx2.post(f"{url}/webhook", json=body, headers=right, timeout=LONG),
        httpx2.post(
            f"{url}/webhook", json=body, headers={"authorization": f"Bearer {CANARIES['wrong token']}"}, timeout=LONG
        ),
        httpx2.get(f"{url}/captures", auth=("alice", CANARIES["wrong password"]), timeout=LONG),
        httpx2.get(f"{url}/captures", auth=(CANARIES["wrong password"], "x"), timeout=LONG),
        httpx2.get(f"{url}/captures", auth=("alice", CANARIES["password"]), timeout=LONG),
        httpx2.post(
            f"{url}/-/resume", headers=operator | {"x-forwarded-for": b"1.2.3.4\x9b1m event=forged"}, timeout=LONG
        ),
        httpx2.get(f"{url}/captures/{CANARIES['wrong token']}", timeout=LONG),
    ]
    for each in answers[0].json()["captures"]:
        place = f"{url}/captures/{each}"
        service.process.until(partial(has_failed, place, operator), "it has ended", 60)
    return [answer.status_code for answer in answers]
