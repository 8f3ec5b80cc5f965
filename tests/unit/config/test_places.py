"""Whether the files are there that a configuration names."""

import subprocess
from pathlib import Path

import pytest

from app.config.places import faults, without_file

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEx"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys, host keys and tokens, good ones and others. No agent runs."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    for name, phrase in (("good", ""), ("locked", "a phrase"), ("open", "")):
        command = ["ssh-keygen", "-qt", "ed25519", "-N", phrase, "-f", str(tmp_path / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "known_hosts").write_text(f"10.0.0.5 {HOST_KEY}\n")
    (tmp_path / "token").write_text("word\n")
    (tmp_path / "empty").touch(0o600)
    (tmp_path / "folder").mkdir()
    return tmp_path


def told(folder: Path, text: str) -> list[str]:
    file = folder / "alertprof.yml"
    file.write_text(text)
    return [str(fault) for fault in faults(file)]


def test_files_that_are_there_and_good_are_no_fault(folder: Path) -> None:
    auth = "auth: {operator_token_file: token, webhook_token_file: token}\n"
    hosts = "hosts: [{match: 10.*, identity_file: [good], known_hosts_file: known_hosts}]\n"
    assert told(folder, f"ssh: {{identity_file: {folder}/good, known_hosts_file: known_hosts}}\n" + auth + hosts) == []
    assert told(folder, "") == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nosuch", "there is no {}; make a key with: ssh-keygen"),
        ("good.pub", "{} is a public key"),
        ("folder", "{} is a directory; name the private key in it"),
        ("open", "{} is open to others (mode 0644): chmod 600"),
        ("locked", "{} is protected by a passphrase: load it into the agent"),
        ("empty", "{} is no private key that can be used here"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_with_its_place_and_the_remedy(
    folder: Path, name: str, sentence: str
) -> None:
    (fault,) = told(folder, f"ssh:\n  identity_file: {name}\n")
    assert fault.startswith("2:18: ssh.identity_file: ")
    assert sentence.format(folder / name) in fault


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nosuch", "there is no {}, so no host is known: ssh-keyscan HOST >>"),
        ("folder", "{} cannot be read: Is a directory"),
        ("empty", "{} has no host's key: ssh-keyscan HOST >>"),
        ("token", "{} has no host's key"),
    ],
)
def test_known_hosts_that_know_none_are_told_with_the_remedy(folder: Path, name: str, sentence: str) -> None:
    (fault,) = told(folder, f"ssh: {{known_hosts_file: {name}}}\n")
    assert fault.startswith("1:25: ssh.known_hosts_file: " + sentence.format(folder / name))


@pytest.mark.parametrize(
    ("name", "sentence"), [("nosuch", "{} cannot be read: No such file"), ("empty", "{} is empty; write one token")]
)
def test_a_token_file_without_tokens_is_told(folder: Path, name: str, sentence: str) -> None:
    (fault,) = told(folder, f"auth: {{operator_token_file: {name}}}\n")
    assert fault.startswith("1:29: auth.operator_token_file: the token file " + sentence.format(folder / name))


def test_each_of_several_is_told_at_its_own_place(folder: Path) -> None:
    hosts = "hosts:\n  - {match: a, identity_file: nosuch}\n  - {match: b, identity_file: [good, nosuch]}\n"
    assert [fault.partition(": there")[0] for fault in told(folder, hosts)] == [
        "2:31: hosts[0].identity_file",
        "3:38: hosts[1].identity_file[1]",
    ]


def test_what_systemd_will_put_there_is_not_missed(folder: Path) -> None:
    assert told(folder, "ssh: {identity_file: /run/credentials/alertprof.service/id_ed25519}\n") == []


def test_the_defaults_are_missed_where_there_are_none_and_only_then(folder: Path) -> None:
    ssh = folder / ".ssh"
    key = f"there is no key to log in with: no agent, and no {ssh / 'id_ed25519'}"
    assert any(said.startswith(key) for said in without_file(folder))
    ssh.mkdir()
    (ssh / "known_hosts").touch()
    (ssh / "id_ed25519").touch()
    assert without_file(folder) == []


def test_a_key_of_links_that_could_be_guessed_is_told(folder: Path) -> None:
    (folder / "link.key").write_text("secret\n")
    (folder / "good.key").write_text(f"{'0' * 64}\n")
    (fault,) = told(folder, "auth: {link_key_file: link.key}\n")

    assert fault.startswith(f"1:23: auth.link_key_file: the key file {folder / 'link.key'} has a key of less than 32")
    assert fault.endswith("make one with: openssl rand -hex 32")
    assert told(folder, "auth: {link_key_file: good.key}\n") == []


def test_files_with_the_secrets_of_notifiers_are_looked_for_too(folder: Path) -> None:
    there = 'notifiers: [{name: a, kind: webhook, url: "http://x", token_file: token}]\n'
    assert told(folder, there) == []
    (gone,) = told(folder, there.replace("token_file: token", "token_file: nosuch"))
    assert gone.startswith("1:") and "nosuch cannot be read" in gone
    (empty,) = told(folder, there.replace("token_file: token", "token_file: empty"))
    assert "empty is empty" in empty
