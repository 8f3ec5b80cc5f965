"""Servers that take only a few algorithms: those that `ssh` agrees with are reached, the others are told apart."""

import os
from pathlib import Path

import pytest

from app.errors import Code, Refused
from app.hosts.ssh import Connector
from tests.integration.test_explain import config, doctor
from tests.lab.dropbear import DROPBEAR, Dropbear
from tests.lab.sshd import Sshd, make_key

STIG = (
    "Ciphers aes256-ctr,aes192-ctr,aes128-ctr",
    "MACs hmac-sha2-512,hmac-sha2-256",
    "KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256",
)
REACHED = {
    "DISA STIG, RHEL 7": STIG,
    "STIG, FIPS ciphers of RHEL 8": ("Ciphers aes256-ctr", "MACs hmac-sha2-512", "KexAlgorithms ecdh-sha2-nistp521"),
    "group14-sha256": ("KexAlgorithms diffie-hellman-group14-sha256",),
    "gex-sha256": ("KexAlgorithms diffie-hellman-group-exchange-sha256",),
    "as dropbear 2026": ("Ciphers chacha20-poly1305@openssh.com,aes128-ctr", "MACs hmac-sha2-256"),
    "aes192-ctr": ("Ciphers aes192-ctr",),
    "GCM beside MACs that nobody needs then": ("Ciphers aes256-gcm@openssh.com", "MACs umac-64@openssh.com"),
    "ECDSA host key": ("HostKeyAlgorithms ecdsa-sha2-nistp256",),
    "RSA host key": ("HostKeyAlgorithms rsa-sha2-256",),
}
REFUSED = {
    "Ciphers chacha20-poly1305@openssh.com": (
        "no cipher in common: it offers chacha20-poly1305@openssh.com, alertprof has aes128-gcm@openssh.com",
        "Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com",
    ),
    "KexAlgorithms sntrup761x25519-sha512@openssh.com": (
        "no key exchange in common: it offers sntrup761x25519-sha512@openssh.com, alertprof has mlkem768x25519-sha256",
        "KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256@libssh.org",
    ),
    "KexAlgorithms curve25519-sha256": (
        "no key exchange in common: it offers curve25519-sha256, alertprof has",
        "KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org",
    ),
    "Ciphers aes256-ctr\nMACs umac-128-etm@openssh.com": (
        "no MAC in common: it offers umac-128-etm@openssh.com, alertprof has hmac-sha2-256-etm@openssh.com",
        "MACs umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com",
    ),
}


@pytest.mark.parametrize("lines", REACHED.values(), ids=REACHED)
def test_a_hardened_server_is_reached(tmp_path: Path, lines: tuple[str, ...]) -> None:
    with Sshd(tmp_path, config=lines, host_keys=("ed25519", "ecdsa", "rsa")) as sshd:
        connection = Connector(sshd.settings()).connect(sshd.host)
        connection.close()


@pytest.mark.parametrize("line", REFUSED)
def test_nothing_in_common_is_final_and_says_what_each_has_and_the_line_to_set(tmp_path: Path, line: str) -> None:
    offers, remedy = REFUSED[line]
    with Sshd(tmp_path, config=[line]) as sshd, pytest.raises(Refused) as refused:
        Connector(sshd.settings()).connect(sshd.host)
    assert refused.value.reason.code == Code.HOST_UNREACHABLE
    assert offers in refused.value.reason.message
    assert refused.value.reason.message.endswith(remedy)
    repaired = [*remedy.splitlines(), *line.splitlines()]  # the first value of a keyword wins
    with Sshd(tmp_path, config=repaired) as sshd:
        Connector(sshd.settings()).connect(sshd.host).close()


def test_all_that_is_not_in_common_is_said_at_once(tmp_path: Path) -> None:
    with Sshd(tmp_path, config=["Ciphers aes256-cbc", "MACs hmac-sha1"]) as sshd, pytest.raises(Refused) as refused:
        Connector(sshd.settings()).connect(sshd.host)
    assert "no cipher in common: it offers aes256-cbc," in refused.value.reason.message
    assert "no MAC in common: it offers hmac-sha1," in refused.value.reason.message
    assert "no key exchange" not in refused.value.reason.message


def test_doctor_names_the_step_algorithms(tmp_path: Path) -> None:
    with Sshd(tmp_path / "sshd", config=["Ciphers chacha20-poly1305@openssh.com"]) as sshd:
        done = doctor(config(sshd, tmp_path))
    assert done.code == 1
    assert done.line("connection").startswith("ok")
    assert done.line("algorithms").startswith("no  algorithms: host 127.0.0.1")
    assert "host key" not in done.out


@pytest.mark.skipif(os.geteuid() != 0 or not DROPBEAR, reason="dropbear needs root, and Debian's dropbear-bin")
def test_dropbear_is_reached_up_to_its_processes(tmp_path: Path) -> None:
    (tmp_path / "dropbear").mkdir()
    with Dropbear(tmp_path / "dropbear") as dropbear:
        done = doctor(config(dropbear, tmp_path))
    assert "; agreed on curve25519-sha256@libssh.org, ssh-ed25519, aes128-ctr, hmac-sha2-256" in done.line("host key")
    for step in ("authentication", "shell", "port forwarding", "gate"):
        assert done.line(step).startswith("ok"), done.out


def test_a_key_whose_type_the_server_does_not_take_does_not_end_the_login(tmp_path: Path) -> None:
    rsa = make_key(tmp_path / "rsa", "rsa")
    with Sshd(tmp_path / "sshd", config=["PubkeyAcceptedAlgorithms ssh-ed25519"]) as sshd:
        Connector(sshd.settings(identity_files=(rsa, sshd.client_key))).connect(sshd.host).close()


def test_a_host_that_shows_another_type_of_key_than_the_pinned_one_is_a_mismatch(tmp_path: Path) -> None:
    with Sshd(tmp_path / "sshd", host_keys=("ecdsa",)) as sshd:
        other = make_key(tmp_path / "other").with_suffix(".pub").read_text()
        sshd.known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {other}")
        with pytest.raises(Refused) as refused:
            Connector(sshd.settings()).connect(sshd.host)
    assert refused.value.reason.code == Code.HOST_KEY_MISMATCH
