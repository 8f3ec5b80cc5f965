"""The way to a host, over a real sshd."""

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
import pytest

from app.errors import AlertprofError, Code, Refused, Retryable
from app.hosts import wire
from app.hosts.settings import HostOverride, HostsSettings, SshOptions
from app.hosts.ssh import DOWNLOAD_WINDOW, Connection, Connector
from tests.lab.process import eventually
from tests.lab.sshd import Sshd, make_key

LONG = 60.0  # seconds nobody should ever wait


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("sshd"), host_keys=("ed25519", "rsa", "ecdsa")) as sshd:
        yield sshd


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@contextmanager
def connected(settings: HostsSettings, host: str = "127.0.0.1") -> Iterator[Connection]:
    connection = Connector(settings).connect(host)
    try:
        yield connection
    finally:
        connection.close()


def says(connection: Connection, command: str) -> bytes:
    pipe = connection.open(command)
    said = b""
    while data := pipe.recv(65536, LONG):
        said += data
    pipe.close()
    return said


def fault_of(settings: HostsSettings, host: str = "127.0.0.1") -> AlertprofError:
    with pytest.raises(AlertprofError) as caught:
        Connector(settings).connect(host)
    return caught.value


class Listener:
    """Counts who connects, keeps them, says nothing."""

    def __enter__(self) -> "Listener":
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.peers: list[socket.socket] = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()
        return self

    def _accept(self) -> None:
        while True:
            try:
                self.peers.append(self.socket.accept()[0])
            except OSError:
                return

    def count(self) -> int:
        """How many connected; a connection of our own goes last, so that none before it is missed."""
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            while last.getsockname() not in [peer.getpeername() for peer in list(self.peers)]:
                time.sleep(0.001)
        return len(self.peers) - 1

    def __exit__(self, *_: object) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for peer in self.peers:
            peer.close()


# --- a connection and its pipes ---


def test_a_command_runs_and_ends(shared: Sshd) -> None:
    with connected(shared.settings()) as connection:
        assert connection.alive
        assert says(connection, "echo $((6*7))") == b"42\n"
    assert not connection.alive


def test_a_conversation_over_one_pipe(shared: Sshd) -> None:
    with connected(shared.settings()) as connection:
        pipe = connection.open("exec cat")
        for question in (b"one\n", b"two\n", b"x" * 300_000):
            pipe.send(question, LONG)
            answer = b""
            while len(answer) < len(question):
                answer += pipe.recv(1 << 20, LONG)
            assert answer == question


def test_a_flood_on_stderr_stops_nothing(shared: Sshd) -> None:
    with connected(shared.settings()) as connection:
        pipe = connection.open("head -c 2500000 /dev/zero >&2; echo done", window=1 << 20)
        assert pipe.recv(100, LONG) == b"done\n"
        assert pipe.recv(100, LONG) == b""


def test_a_download_arrives_whole(shared: Sshd, tmp_path: Path) -> None:
    file = tmp_path / "big"
    file.write_bytes(os.urandom(9_000_001))
    with connected(shared.settings()) as connection:
        pipe = connection.open(f"exec cat {file}", window=DOWNLOAD_WINDOW)
        got = b"".join(iter(lambda: pipe.recv(256 << 10, LONG), b""))
    assert got == file.read_bytes()


def test_many_threads_open_pipes_on_one_connection(shared: Sshd) -> None:
    with connected(shared.settings()) as connection, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: says(connection, f"echo {n}"), range(64)))
    assert answers == [f"{n}\n".encode() for n in range(64)]


def test_a_command_that_answers_nothing_is_waited_for_no_longer_than_said(shared: Sshd) -> None:
    with connected(shared.settings()) as connection:
        pipe = connection.open("exec sleep 60")
        begin = time.monotonic()
        with pytest.raises(Retryable, match=r"host 127\.0\.0\.1.*no answer within 0\.3 s") as passing:
            pipe.recv(10, 0.3)
        assert 0.3 <= time.monotonic() - begin < LONG
        with pytest.raises(Retryable, match=r"no answer within 0\.3 s"):
            pipe.recv(10, 0.2999999)
        assert passing.value.reason.code == Code.HOST_UNREACHABLE
        assert says(connection, "echo still") == b"still\n"


def test_a_command_that_reads_nothing_is_sent_to_no_longer_than_said(shared: Sshd) -> None:
    with connected(shared.settings()) as connection:
        pipe = connection.open("exec sleep 60")
        with pytest.raises(Retryable, match=r"took nothing more for 0\.5 s"):
            pipe.send(b"x" * 50_000_000, 0.5)


def test_sending_to_a_command_that_has_ended_is_told(shared: Sshd) -> None:
    with connected(shared.settings()) as connection:
        pipe = connection.open("exit")
        assert pipe.recv(10, LONG) == b""
        with pytest.raises(Retryable, match=r"host 127\.0\.0\.1"):
            for _ in range(2000):
                pipe.send(b"x", LONG)
                time.sleep(0.01)  # until sshd has told the end of it


def test_a_cut_connection_is_told_and_not_taken_for_an_end(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd, connected(sshd.settings()) as connection:
        pipe = connection.open("cat /dev/zero")
        assert pipe.recv(1000, LONG)
        sshd.cut()
        with pytest.raises(Retryable, match=r"host 127\.0\.0\.1.*lost") as passing:
            while pipe.recv(1 << 20, LONG):
                pass
        assert passing.value.reason.code == Code.HOST_UNREACHABLE
        with pytest.raises(Retryable):
            connection.open("echo x")
        with pytest.raises(Retryable):
            pipe.send(b"x", LONG)
        eventually(lambda: not connection.alive, "the connection is known to be lost")
        pipe.close()
        connection.close()


def test_a_frozen_server_is_waited_for_no_longer_than_said(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd, connected(sshd.settings(channel_timeout=3.0)) as connection:
        pipe = connection.open("exec cat")
        for pid in sshd.sessions():
            with suppress(ProcessLookupError):
                os.kill(pid, 19)
        pipe.send(b"x", LONG)
        with pytest.raises(Retryable, match="no answer within"):
            pipe.recv(1, 0.3)
        with pytest.raises(Retryable, match="no session"):
            connection.open("echo x")
        begin = time.monotonic()
        connection.close()
        assert time.monotonic() - begin < LONG


def test_a_host_without_another_session_says_so(tmp_path: Path) -> None:
    with Sshd(tmp_path, config=["MaxSessions 1"]) as sshd, connected(sshd.settings()) as connection:
        first = connection.open("exec cat")
        with pytest.raises(Retryable, match="no session"):
            connection.open("echo x")
        first.send(b"x", LONG)
        assert first.recv(1, LONG) == b"x"


# --- the wire ---


def test_the_socket_and_the_transport_are_tuned(shared: Sshd) -> None:
    with connected(shared.settings()) as connection:
        says(connection, "true")
        transport: Any = connection._transport
        tcp, option = socket.IPPROTO_TCP, transport.sock.getsockopt
        assert option(tcp, socket.TCP_NODELAY)
        assert option(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert [option(tcp, o) for o in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)] == [10, 5, 3]
        assert option(tcp, socket.TCP_USER_TIMEOUT) == 8000
        assert transport.sock.gettimeout() == 5
        assert not transport.sock.eager
        assert transport.local_cipher == transport.remote_cipher == "aes128-gcm@openssh.com"
        assert transport.preferred_kex[:2] == ("mlkem768x25519-sha256", "curve25519-sha256@libssh.org")
        assert (transport.packetizer.REKEY_BYTES, transport.packetizer.REKEY_PACKETS) == (1 << 35, 1 << 31)


def test_closing_ends_the_session_on_the_host_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "IDLE_CHECK", 600.0)  # an idle transport's poll is not waited for
    with Sshd(tmp_path) as sshd:
        with connected(sshd.settings()) as connection:
            connection.open("exec cat")
            assert sshd.sessions()
        eventually(lambda: not sshd.sessions(), "the session has ended")


def test_the_server_may_ask_for_new_keys(tmp_path: Path) -> None:
    with Sshd(tmp_path, config=["RekeyLimit 1M"]) as sshd, connected(sshd.settings()) as connection:
        pipe = connection.open("head -c 20000000 /dev/zero", window=DOWNLOAD_WINDOW)
        assert sum(map(len, iter(lambda: pipe.recv(256 << 10, LONG), b""))) == 20_000_000


# --- refused before anything is sent ---


@pytest.mark.parametrize(
    ("allowed", "host", "code"),
    [
        (("10.0.0.0/8",), "127.0.0.1", Code.HOST_NOT_ALLOWED),
        (("127.0.0.0/8",), "127.0.0.1", Code.HOST_UNKNOWN),
        (None, "127.0.0.1", Code.HOST_NOT_ALLOWED),
        (("*",), "127.0.0.1:22", Code.HOST_NOT_ALLOWED),
    ],
)
def test_a_refused_host_is_never_connected_to(
    shared: Sshd, tmp_path: Path, allowed: tuple[str, ...] | None, host: str, code: Code
) -> None:
    with Listener() as listener:
        settings = shared.settings(port=listener.port, allowed=allowed, known_hosts_files=(tmp_path / "none",))
        fault = fault_of(settings, host)
        assert isinstance(fault, Refused)
        assert fault.reason.code == code
        assert listener.count() == 0


@pytest.mark.parametrize("marker", ["@revoked", "@cert-authority"])
def test_a_host_that_only_a_marker_knows_is_never_connected_to(shared: Sshd, tmp_path: Path, marker: str) -> None:
    known = tmp_path / "known_hosts"
    with Listener() as listener:
        kind, key = shared.known_hosts.read_text().split()[1:3]
        known.write_text(f"{marker} [127.0.0.1]:{listener.port} {kind} {key}\n")
        fault = fault_of(shared.settings(port=listener.port, known_hosts_files=(known,)))
        expected = Code.HOST_KEY_MISMATCH if marker == "@revoked" else Code.HOST_UNKNOWN
        assert (type(fault), fault.reason.code) == (Refused, expected)
        assert listener.count() == 0


def test_a_name_outside_is_not_looked_up(shared: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[Any] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **_: looked_up.append(asked))
    for allowed in (None, ("10.0.0.0/8", "*.prod.example.com")):
        assert fault_of(shared.settings(allowed=allowed), "evil.example").reason.code == Code.HOST_NOT_ALLOWED
    assert not looked_up


# --- host keys ---


def known_line(sshd: Sshd, kind: str = "ed25519") -> str:
    return " ".join((sshd.directory / f"host_{kind}.pub").read_text().split()[:2])


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_the_pinned_type_of_key_is_asked_for(shared: Sshd, tmp_path: Path, kind: str) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{shared.port} {known_line(shared, kind)}\n")
    with connected(shared.settings(known_hosts_files=(known,))) as connection:
        assert kind in (connection._transport.host_key_type or "")


@pytest.mark.parametrize("names", ["*", "[127.0.0.*]:*", "web,[127.0.0.1]:{port}"])
def test_a_host_known_by_a_pattern_is_connected_to(shared: Sshd, tmp_path: Path, names: str) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"{names.format(port=shared.port)} {known_line(shared)}\n")
    with connected(shared.settings(known_hosts_files=(known,))) as connection:
        assert connection.alive


def test_a_hashed_known_hosts_as_ssh_keygen_writes_it(shared: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    shutil.copy(shared.known_hosts, known)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    assert "127.0.0.1" not in known.read_text()
    with connected(shared.settings(known_hosts_files=(known,))) as connection:
        assert connection.alive


def test_a_changed_host_key_is_refused_before_authentication(shared: Sshd, tmp_path: Path) -> None:
    known, other = tmp_path / "known_hosts", make_key(tmp_path / "other")
    key = " ".join(other.with_suffix(".pub").read_text().split()[:2])
    known.write_text(f"# ours\n[127.0.0.1]:{shared.port} {key}\n")
    before = shared.log().count("publickey")
    fault = fault_of(shared.settings(known_hosts_files=(known,)))
    assert (type(fault), fault.reason.code) == (Refused, Code.HOST_KEY_MISMATCH)
    assert f"{known}:2" in fault.reason.message
    assert "ssh-keygen" in fault.reason.message
    assert shared.log().count("publickey") == before


def test_a_host_that_no_longer_has_the_pinned_type_is_a_mismatch(tmp_path: Path) -> None:
    with Sshd(tmp_path / "sshd") as sshd:
        other = make_key(tmp_path / "other", "rsa")
        key = " ".join(other.with_suffix(".pub").read_text().split()[:2])
        sshd.known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {key}\n")
        assert fault_of(sshd.settings()).reason.code == Code.HOST_KEY_MISMATCH


def test_a_revoked_host_key_is_refused(shared: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    rsa = f"[127.0.0.1]:{shared.port} {known_line(shared, 'rsa')}\n"
    ours = f"[127.0.0.1]:{shared.port} {known_line(shared)}\n"
    known.write_text(f"{ours}{rsa}@revoked * {known_line(shared)}\n")
    fault = fault_of(shared.settings(known_hosts_files=(known,)))
    assert (type(fault), fault.reason.code) == (Refused, Code.HOST_KEY_MISMATCH)
    assert "revoked" in fault.reason.message
    known.write_text(f"{rsa}@revoked * {known_line(shared)}\n")
    with connected(shared.settings(known_hosts_files=(known,))) as connection:
        assert "rsa" in (connection._transport.host_key_type or "")


# --- who we are ---


@contextmanager
def agent(*keys: Path) -> Iterator[str]:
    """A real ssh-agent that holds `keys` (their passphrase is "secret"); yields its socket."""
    said = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True).stdout
    found = dict(re.findall(r"(SSH_\w+)=([^;]+);", said))
    environment = {**os.environ, **found, "SSH_ASKPASS_REQUIRE": "force", "SSH_ASKPASS": "/bin/false"}
    try:
        for key in keys:
            askpass = key.with_name("askpass")
            askpass.write_text("#!/bin/sh\necho secret\n")
            askpass.chmod(0o700)
            added = {**environment, "SSH_ASKPASS": str(askpass)}
            subprocess.run(["ssh-add", "-q", str(key)], check=True, env=added, capture_output=True)
        yield found["SSH_AUTH_SOCK"]
    finally:
        os.kill(int(found["SSH_AGENT_PID"]), 15)


def authorize(sshd: Sshd, key: Path) -> None:
    (sshd.directory / "authorized_keys").write_text(key.with_name(key.name + ".pub").read_text())


def test_a_key_that_is_not_authorized_is_refused_with_its_name(shared: Sshd, tmp_path: Path) -> None:
    stranger = make_key(tmp_path / "stranger")
    fault = fault_of(shared.settings(identity_files=(stranger,)))
    assert (type(fault), fault.reason.code) == (Refused, Code.AUTH_FAILED)
    assert str(stranger) in fault.reason.message
    assert "authorized_keys" in fault.reason.message


def test_the_second_of_two_keys_is_tried(shared: Sshd, tmp_path: Path) -> None:
    stranger = make_key(tmp_path / "stranger")
    with connected(shared.settings(identity_files=(stranger, shared.client_key))) as connection:
        assert connection.alive


def test_more_keys_than_the_host_hears_are_refused_with_the_remedy(tmp_path: Path) -> None:
    with Sshd(tmp_path / "sshd", config=["MaxAuthTries 2"]) as sshd:
        strangers = tuple(make_key(tmp_path / f"stranger{n}") for n in range(4))
        fault = fault_of(sshd.settings(identity_files=(*strangers, sshd.client_key)))
        assert (type(fault), fault.reason.code) == (Refused, Code.AUTH_FAILED)
        assert "MaxAuthTries" in fault.reason.message


def test_a_host_that_hangs_up_after_the_first_key_has_refused_it(tmp_path: Path) -> None:
    with Sshd(tmp_path / "sshd", config=["MaxAuthTries 1"]) as sshd:
        fault = fault_of(sshd.settings(identity_files=(make_key(tmp_path / "stranger"), sshd.client_key)))
        assert (type(fault), fault.reason.code) == (Refused, Code.AUTH_FAILED)
        assert "hung up after 1 key (MaxAuthTries)" in fault.reason.message
        with connected(sshd.settings()) as connection:
            assert connection.alive


def test_a_host_that_takes_no_keys_says_what_it_takes(tmp_path: Path) -> None:
    with Sshd(tmp_path, config=["PubkeyAuthentication no", "PasswordAuthentication yes"]) as sshd:
        fault = fault_of(sshd.settings())
        assert fault.reason.code == Code.AUTH_FAILED
        assert "only password" in fault.reason.message


def test_a_key_open_to_others_is_refused_without_a_login(shared: Sshd, tmp_path: Path) -> None:
    key = Path(shutil.copy(shared.client_key, tmp_path / "key"))
    key.chmod(0o644)
    fault = fault_of(shared.settings(identity_files=(key,)))
    assert fault.reason.code == Code.AUTH_FAILED
    assert "chmod 600" in fault.reason.message


def test_an_encrypted_key_is_refused_until_the_agent_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = make_key(tmp_path / "locked", passphrase="secret")
    with Sshd(tmp_path / "sshd") as sshd:
        authorize(sshd, locked)
        fault = fault_of(sshd.settings(identity_files=(locked,)))
        assert fault.reason.code == Code.AUTH_FAILED
        assert "ssh-add" in fault.reason.message
        with agent(locked) as where:
            monkeypatch.setenv("SSH_AUTH_SOCK", where)
            with connected(sshd.settings(identity_files=(locked,))) as connection:
                assert connection.alive


def test_the_agents_key_of_a_named_file_is_tried_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strangers = [make_key(tmp_path / f"stranger{n}") for n in range(4)]
    locked = make_key(tmp_path / "locked", passphrase="secret")
    with Sshd(tmp_path / "sshd", config=["MaxAuthTries 2"]) as sshd, agent(*strangers, locked) as where:
        authorize(sshd, locked)
        monkeypatch.setenv("SSH_AUTH_SOCK", where)
        with connected(sshd.settings(identity_files=(locked,))) as connection:
            assert connection.alive


@pytest.mark.parametrize("by_agent", [False, True])
def test_a_user_certificate_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_agent: bool) -> None:
    authority, key = make_key(tmp_path / "ca"), make_key(tmp_path / "key")
    with Sshd(tmp_path / "sshd", config=[f"TrustedUserCAKeys {authority}.pub"]) as sshd:
        (sshd.directory / "authorized_keys").write_text("")
        assert fault_of(sshd.settings(identity_files=(key,))).reason.code == Code.AUTH_FAILED
        sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "lab", "-n", sshd.user, f"{key}.pub"]
        subprocess.run(sign, check=True)
        if not by_agent:
            with connected(sshd.settings(identity_files=(key,))) as connection:
                assert connection.alive
            return
        with agent(key) as where:
            monkeypatch.setenv("SSH_AUTH_SOCK", where)
            with connected(sshd.settings(identity_files=())) as connection:
                assert connection.alive


def test_a_certificate_that_the_host_does_not_trust_hides_no_key(shared: Sshd, tmp_path: Path) -> None:
    authority, key = make_key(tmp_path / "ca"), Path(shutil.copy(shared.client_key, tmp_path / "key"))
    shutil.copy(f"{shared.client_key}.pub", f"{key}.pub")
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "lab", "-n", shared.user, f"{key}.pub"]
    subprocess.run(sign, check=True)
    with connected(shared.settings(identity_files=(key,))) as connection:
        assert connection.alive


def test_everything_may_come_from_ssh_config_and_what_it_includes(shared: Sshd, tmp_path: Path) -> None:
    (tmp_path / "more").write_text(
        f"Host order-mq\n  HostName {shared.host}\n  Port {shared.port}\n  User {shared.user}\n"
        f"  IdentityFile {shared.client_key}\n  UserKnownHostsFile {shared.known_hosts}\n"
    )
    config = tmp_path / "config"
    config.write_text(f"Include {tmp_path / 'more'}\n")
    with connected(HostsSettings(ssh_config_file=config), "order-mq") as connection:
        assert says(connection, "echo x") == b"x\n"


# --- jump hosts and addresses ---


def test_a_host_behind_a_jump_host(shared: Sshd, tmp_path: Path) -> None:
    with Sshd(tmp_path / "inner", listen="127.0.0.2") as inner:
        inner.known_hosts.write_text(inner.known_hosts.read_text() + shared.known_hosts.read_text())
        overrides = (HostOverride(shared.host, SshOptions(identity_files=(shared.client_key,))),)
        settings = inner.settings(jump_host=f"{shared.user}@{shared.host}:{shared.port}", overrides=overrides)
        with connected(settings, inner.host) as connection:
            assert says(connection, "echo x") == b"x\n"
            pipe = connection.open("head -c 20000000 /dev/zero", window=DOWNLOAD_WINDOW)
            assert sum(map(len, iter(lambda: pipe.recv(256 << 10, LONG), b""))) == 20_000_000
            shared.cut()
            with pytest.raises(Retryable):
                says(connection, "echo x")


def test_a_jump_host_with_another_key_is_refused(shared: Sshd, tmp_path: Path) -> None:
    with Sshd(tmp_path / "inner", listen="127.0.0.2") as inner:
        with inner.known_hosts.open("a") as known:
            known.write(f"[127.0.0.1]:{shared.port} {known_line(inner)}\n")
        fault = fault_of(inner.settings(jump_host=f"{shared.host}:{shared.port}"), inner.host)
        assert (type(fault), fault.reason.code) == (Refused, Code.HOST_KEY_MISMATCH)
        assert "host 127.0.0.1" in fault.reason.message


def test_a_jump_host_that_may_not_forward_is_refused(tmp_path: Path) -> None:
    with Sshd(tmp_path, config=["AllowTcpForwarding no"]) as sshd:
        known = sshd.known_hosts.read_text()
        sshd.known_hosts.write_text(known + f"[127.0.0.9]:{sshd.port} {known_line(sshd)}\n")
        fault = fault_of(sshd.settings(jump_host=sshd.host), "127.0.0.9")
        assert (type(fault), fault.reason.code) == (Refused, Code.HOST_UNREACHABLE)
        assert "AllowTcpForwarding" in fault.reason.message


def test_a_host_that_the_jump_host_does_not_reach_may_come_back(shared: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(shared.known_hosts.read_text() + f"[127.0.0.9]:1 {known_line(shared)}\n")
    override = HostOverride("127.0.0.9", SshOptions(port=1, jump_host=f"127.0.0.1:{shared.port}"))
    settings = shared.settings(known_hosts_files=(known,), overrides=(override,))
    fault = fault_of(settings, "127.0.0.9")
    assert (type(fault), fault.reason.code) == (Retryable, Code.HOST_UNREACHABLE)
    assert "127.0.0.9" in fault.reason.message


@pytest.mark.skipif(not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists(), reason="needs IPv6")
def test_a_host_by_ipv6(tmp_path: Path) -> None:
    with Sshd(tmp_path, listen="::1") as sshd:
        for written in ("::1", "[::1]", "0:0:0:0:0:0:0:1"):
            with connected(sshd.settings(), written) as connection:
                assert connection.host == "::1"
                assert says(connection, "echo x") == b"x\n"


# --- hosts that do not answer as they should ---


def test_a_closed_port_may_open_again(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd:
        settings = sshd.settings()
    fault = fault_of(settings)
    assert (type(fault), fault.reason.code) == (Retryable, Code.HOST_UNREACHABLE)
    assert "refused" in fault.reason.message
    assert "host 127.0.0.1" in fault.reason.message


def silent(shared: Sshd, listener: Listener, tmp_path: Path, **settings: Any) -> HostsSettings:
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{listener.port} {known_line(shared)}\n")
    return shared.settings(port=listener.port, known_hosts_files=(known,), **settings)


def test_a_server_that_never_speaks_is_tried_twice_and_given_up(shared: Sshd, tmp_path: Path) -> None:
    with Listener() as listener:
        begin = time.monotonic()
        fault = fault_of(silent(shared, listener, tmp_path, banner_timeout=0.2))
        assert time.monotonic() - begin < LONG
        assert (type(fault).__mro__[1], fault.reason.code) == (Retryable, Code.HOST_UNREACHABLE)
        assert "does not speak SSH" in fault.reason.message
        assert listener.count() == 2


def test_the_whole_login_has_one_deadline(shared: Sshd, tmp_path: Path) -> None:
    with Listener() as listener:
        begin = time.monotonic()
        fault = fault_of(silent(shared, listener, tmp_path, login_timeout=0.5, banner_timeout=600.0))
        assert time.monotonic() - begin < LONG
        assert isinstance(fault, Retryable)
        assert r"within 0.5 s" in fault.reason.message


def test_a_server_that_says_hello_and_no_more_is_given_up(shared: Sshd, tmp_path: Path) -> None:
    with Listener() as listener:
        threading.Thread(target=_greet, args=(listener,), daemon=True).start()
        fault = fault_of(silent(shared, listener, tmp_path, handshake_timeout=0.3))
        assert isinstance(fault, Retryable)
        assert listener.count() == 1


def _greet(listener: Listener) -> None:
    while not listener.peers:
        time.sleep(0.001)
    listener.peers[0].sendall(b"SSH-2.0-lab\r\n")


class Deaf(paramiko.ServerInterface):
    """Lets everybody in and never says whether it runs a command."""

    done = threading.Event()

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return not self.done.wait(LONG)


def test_a_command_whose_start_is_never_confirmed_is_given_up(shared: Sshd, tmp_path: Path) -> None:
    with Listener() as listener:
        threading.Thread(target=_serve_deaf, args=(listener, shared), daemon=True).start()
        settings = silent(shared, listener, tmp_path, channel_timeout=3.0)
        with connected(settings) as connection:
            begin = time.monotonic()
            with pytest.raises(Retryable, match=r"no session was opened \(no answer within 3 s\)"):
                connection.open("echo x")
            assert time.monotonic() - begin < LONG
        Deaf.done.set()


def _serve_deaf(listener: Listener, shared: Sshd) -> None:
    while not listener.peers:
        time.sleep(0.001)
    transport = paramiko.Transport(listener.peers[0])
    transport.add_server_key(paramiko.Ed25519Key.from_private_key_file(str(shared.directory / "host_ed25519")))
    transport.start_server(server=Deaf())


def test_a_failed_login_leaves_no_thread_and_no_socket(shared: Sshd, tmp_path: Path) -> None:
    settings = shared.settings(identity_files=(make_key(tmp_path / "stranger"),))
    fault_of(settings)
    end = time.monotonic() + LONG
    while _transports() and time.monotonic() < end:
        time.sleep(0.01)
    assert not _transports()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        fault_of(settings)
    while _transports() and time.monotonic() < end:
        time.sleep(0.01)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def _transports() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if isinstance(thread, paramiko.Transport)]


def test_the_options_of_all_layers_come_with_the_connection(shared: Sshd) -> None:
    settings = shared.settings(become="sudo")
    settings = replace(settings, overrides=(HostOverride("127.*", SshOptions(gate="installed")),))
    with connected(settings) as connection:
        assert (connection.options.become, connection.options.gate) == ("sudo", "installed")
