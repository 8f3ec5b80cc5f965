import base64
import hashlib
import hmac
import logging
import os
import struct
from pathlib import Path

import pytest

from app.errors import Code, Refused
from app.hosts.known_hosts import Known, KnownHosts, entry, fingerprint


def key(seed: str, kind: str = "ssh-ed25519") -> bytes:
    body = hashlib.sha256(seed.encode()).digest()
    return struct.pack(">I", len(kind)) + kind.encode() + struct.pack(">I", len(body)) + body


def line(names: str, seed: str, kind: str = "ssh-ed25519", marker: str = "") -> str:
    return f"{marker} {names} {kind} {base64.b64encode(key(seed, kind)).decode()} a comment".strip()


def hashed(name: str) -> str:
    salt = b"0123456789abcdefghij"
    mac = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(mac).decode()}"


def find(tmp_path: Path, lines: list[str], *names: str) -> Known:
    file = tmp_path / "known_hosts"
    file.write_text("\n".join(lines) + "\n")
    return KnownHosts().find((file,), names)


def refusal(known: Known, shown: bytes | None = None) -> tuple[Code, str]:
    with pytest.raises(Refused) as refused:
        known.require("web1")
        assert shown is not None
        known.check("web1", shown)
    return refused.value.reason.code, refused.value.reason.message


@pytest.mark.parametrize(
    ("names", "host", "port"),
    [
        ("web1", "web1", 22),
        ("WEB1,other", "web1", 22),
        ("[web1]:2222", "web1", 2222),
        ("[2001:db8::1]:2222", "2001:db8::1", 2222),
        ("fe80::1", "fe80::1", 22),
        ("*.example.com", "web1.example.com", 22),
        ("10.0.0.?", "10.0.0.7", 22),
        ("*", "web1", 2222),
        ("*.example.com,!db.example.com", "web1.example.com", 22),
        (hashed("web1"), "web1", 22),
        (hashed("[web1]:2222"), "web1", 2222),
    ],
)
def test_a_line_about_the_host_makes_it_known(tmp_path: Path, names: str, host: str, port: int) -> None:
    known = find(tmp_path, ["# comment", "", line(names, "k")], entry(host, port))
    known.require(host)
    known.check(host, key("k"))


@pytest.mark.parametrize(
    ("names", "host", "port"),
    [
        ("web1", "web10", 22),
        ("web1", "web1", 2222),
        ("[web1]:2222", "web1", 22),
        ("[web1]:2222", "w", 2222),
        ("*.example.com", "[web1.example.com", 2222),
        ("10.0.0.?", "10.0.0.77", 22),
        ("10.0.0.7", "1010.017", 22),
        ("*.example.com,!db.example.com", "db.example.com", 22),
        ("!db.example.com", "web1.example.com", 22),
        (hashed("web1"), "web2", 22),
        (hashed("web1"), "web1", 2222),
    ],
)
def test_a_line_about_another_host_does_not(tmp_path: Path, names: str, host: str, port: int) -> None:
    code, said = refusal(find(tmp_path, [line(names, "k")], entry(host, port)))
    assert code == Code.HOST_UNKNOWN
    assert "ssh-keyscan" in said
    assert "fingerprint" in said


def test_the_remedy_for_an_unknown_host_names_its_port(tmp_path: Path) -> None:
    _, said = refusal(find(tmp_path, [], "[web1]:2222"))
    assert f"ssh-keyscan -p 2222 web1 >> {tmp_path / 'known_hosts'}" in said


def test_another_key_is_a_mismatch_with_the_place_and_the_remedy(tmp_path: Path) -> None:
    code, said = refusal(find(tmp_path, ["", line("web1", "old")], "web1"), key("new"))
    assert code == Code.HOST_KEY_MISMATCH
    assert f"{tmp_path / 'known_hosts'}:2" in said
    assert fingerprint(key("new")) in said
    assert "ssh-keygen" in said


def test_any_of_several_pinned_keys_is_accepted(tmp_path: Path) -> None:
    known = find(tmp_path, [line("web1", "old"), line("web1", "new"), line("web1", "r", "ssh-rsa")], "web1")
    known.check("web1", key("old"))
    known.check("web1", key("new"))
    assert known.kinds == ("ssh-ed25519", "ssh-rsa")


def test_a_revoked_key_is_refused_though_it_is_pinned(tmp_path: Path) -> None:
    lines = [line("web1", "k"), line("web1", "other"), line("*", "k", marker="@revoked")]
    code, said = refusal(find(tmp_path, lines, "web1"), key("k"))
    assert code == Code.HOST_KEY_MISMATCH
    assert "revoked" in said
    assert "known_hosts:3" in said


def test_a_key_beside_the_revoked_one_is_still_good(tmp_path: Path) -> None:
    known = find(tmp_path, [line("web1", "k"), line("*", "stolen", marker="@revoked")], "web1")
    known.require("web1")
    known.check("web1", key("k"))


def test_a_host_whose_only_key_is_revoked_is_refused_before_a_connection(tmp_path: Path) -> None:
    for lines in (
        [line("web1", "k"), line("*", "k", marker="@revoked")],
        [line("web1", "k", marker="@revoked")],
    ):
        code, said = refusal(find(tmp_path, lines, "web1"))
        assert code == Code.HOST_KEY_MISMATCH
        assert "revoked" in said


def test_a_key_revoked_everywhere_makes_no_host_known(tmp_path: Path) -> None:
    code, _ = refusal(find(tmp_path, [line("*", "k", marker="@revoked")], "web1"))
    assert code == Code.HOST_UNKNOWN


def test_a_revocation_under_the_other_name_counts(tmp_path: Path) -> None:
    lines = [line("10.0.0.5", "k"), line("web1", "k", marker="@revoked")]
    assert refusal(find(tmp_path, lines, "10.0.0.5", "web1"))[0] == Code.HOST_KEY_MISMATCH


def test_the_first_name_that_has_a_key_speaks(tmp_path: Path) -> None:
    lines = [line("web1", "by name"), line("10.0.0.5", "by address")]
    assert refusal(find(tmp_path, lines, "10.0.0.5", "web1"), key("by name"))[0] == Code.HOST_KEY_MISMATCH
    find(tmp_path, lines, "10.0.0.6", "web1").check("web1", key("by name"))


def test_a_certificate_authority_makes_no_host_known(tmp_path: Path) -> None:
    code, said = refusal(find(tmp_path, [line("*", "ca", marker="@cert-authority")], "web1"))
    assert code == Code.HOST_UNKNOWN
    assert "certificates cannot be verified" in said
    assert "ssh-keyscan" in said


def test_the_key_of_an_authority_is_no_host_key(tmp_path: Path) -> None:
    lines = [line("web1", "k"), line("*", "ca", marker="@cert-authority")]
    assert refusal(find(tmp_path, lines, "web1"), key("ca"))[0] == Code.HOST_KEY_MISMATCH


def test_authorities_and_broken_lines_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "known_hosts"
    broken = [
        "web1",
        "web1 ssh-ed25519 !!!",
        "web1 ssh-ed25519 AAAA",
        "@other " + line("web1", "k"),
        "|1|x " + "k " * 3,
    ]
    file.write_text("\n".join([line("*", "ca", marker="@cert-authority"), *broken, line("web1", "k")]))
    hosts = KnownHosts()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            hosts.find((file,), ["web1"]).check("web1", key("k"))
    assert [record.getMessage().count("@cert-authority") for record in caplog.records].count(1) == 1
    assert len(caplog.records) == 1 + len(broken)


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(line("web1", "old"))
    hosts = KnownHosts()
    hosts.find((file,), ["web1"]).check("web1", key("old"))
    reads = []

    def read(self: Path, **_: str) -> str:
        reads.append(self)
        return line("web1", "new")

    monkeypatch.setattr(Path, "read_text", read)
    hosts.find((file,), ["web1"]).check("web1", key("old"))
    assert not reads
    os.utime(file, ns=(1, 1))
    hosts.find((file,), ["web1"]).check("web1", key("new"))
    assert len(reads) == 1


def test_a_file_that_is_not_there_knows_nobody(tmp_path: Path) -> None:
    assert refusal(KnownHosts().find((tmp_path / "none",), ["web1"]))[0] == Code.HOST_UNKNOWN


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="file/known_hosts"):
        KnownHosts().find((tmp_path / "file" / "known_hosts",), ["web1"])
