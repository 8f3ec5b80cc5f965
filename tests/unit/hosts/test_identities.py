import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from app.errors import Code, Refused
from app.hosts.identities import Identities, Offer
from tests.lab.process import eventually
from tests.lab.sshd import make_key


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def labels(offer: Offer, identities: Identities | None = None) -> list[str]:
    return [identity.label for identity in (identities or Identities()).offered(offer)]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_file_of_each_type_is_offered(tmp_path: Path, kind: str) -> None:
    file = make_key(tmp_path / "key", kind)
    assert labels(Offer((file,), ())) == [str(file)]


def test_a_certificate_beside_the_key_is_offered_before_the_bare_key(tmp_path: Path) -> None:
    authority, file = make_key(tmp_path / "ca"), make_key(tmp_path / "key")
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "x", "-n", "root", f"{file}.pub"], check=True)
    offered = list(Identities().offered(Offer((), (file,))))
    assert [identity.label for identity in offered] == [f"{file} with its certificate", str(file)]
    assert offered[0].key.public_blob is not None
    assert offered[1].key.public_blob is None


def test_a_required_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = make_key(tmp_path / "key")
    file.chmod(0o640)
    with pytest.raises(Refused, match="chmod 600") as refused:
        labels(Offer((file,), ()))
    assert refused.value.reason.code == Code.AUTH_FAILED
    file.chmod(0o600)
    assert labels(Offer((file,), ())) == [str(file)]


def test_a_default_file_that_others_may_read_is_passed_over_with_a_note(tmp_path: Path) -> None:
    bad, good = make_key(tmp_path / "bad"), make_key(tmp_path / "good")
    bad.chmod(0o644)
    offer = Offer((), (bad, tmp_path / "none", good))
    assert labels(offer) == [str(good)]
    assert len(offer.notes) == 1
    assert str(bad) in offer.notes[0]


@pytest.mark.parametrize("pem", [False, True])
def test_a_passphrase_is_the_agents_business(tmp_path: Path, pem: bool) -> None:
    file = make_key(tmp_path / "key", "rsa", passphrase="secret")
    if pem:
        command = ["ssh-keygen", "-q", "-p", "-m", "PEM", "-P", "secret", "-N", "secret", "-f", str(file)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    offer = Offer((file,), ())
    assert labels(offer) == []
    assert "ssh-add" in offer.notes[0]


def test_a_required_file_that_is_no_key_or_not_there_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with pytest.raises(Refused, match="does not exist"):
        labels(Offer((file,), ()))
    file.write_text("nonsense")
    file.chmod(0o600)
    with pytest.raises(Refused, match="no private key"):
        labels(Offer((file,), ()))


def test_a_file_is_parsed_once_until_it_changes(tmp_path: Path) -> None:
    file, other = make_key(tmp_path / "key"), make_key(tmp_path / "other")
    identities = Identities()
    first = next(identities.offered(Offer((file,), ()))).key
    assert next(identities.offered(Offer((file,), ()))).key is first
    shutil.copy(other, file)
    assert next(identities.offered(Offer((file,), ()))).key != first


def test_an_agent_that_is_gone_is_no_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    assert labels(Offer((), ())) == []


def pkcs8(file: Path, kind: str, passphrase: str = "") -> Path:
    """As openssl and most cloud consoles write keys."""
    makers: dict[str, Callable[[], Any]] = {
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
    }
    made = makers[kind]()
    secret = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    file.touch(mode=0o600)
    file.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
    return file


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_in_pkcs8_is_offered(tmp_path: Path, kind: str) -> None:
    file = pkcs8(tmp_path / "key", kind)
    (found,) = Identities().offered(Offer((file,), ()))
    assert kind in found.key.get_name().replace("ssh-", "")
    assert found.key.can_sign()


def test_a_passphrase_of_a_pkcs8_key_is_the_agents_business_too(tmp_path: Path) -> None:
    offer = Offer((pkcs8(tmp_path / "key", "rsa", "secret"),), ())
    assert labels(offer) == []
    assert "ssh-add" in offer.notes[0]


def test_a_public_key_names_one_of_the_agents(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    offer = Offer((tmp_path / "key.pub",), ())
    assert labels(offer) == [], "and its mode matters to nobody"
    assert "public key" in offer.notes[0]


def signed(key: Path, authority: Path, where: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "x", "-n", "root", f"{key}.pub"], check=True)
    return key.with_name(key.name + "-cert.pub").rename(where)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_serves_the_key_that_it_was_made_for(tmp_path: Path, kind: str) -> None:
    key, other = make_key(tmp_path / "key", kind), make_key(tmp_path / "other", kind)
    certificate = signed(key, make_key(tmp_path / "ca"), tmp_path / "elsewhere.pub")
    offered = list(Identities().offered(Offer((), (other, key), (certificate,))))
    assert [each.label for each in offered] == [str(other), f"{key} with the certificate {certificate}", str(key)]
    assert [bool(each.key.public_blob) for each in offered] == [False, True, False]


def test_a_certificate_file_that_serves_for_nothing_is_passed_over_with_a_note(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    (tmp_path / "odd").write_text("nonsense")
    offer = Offer((key,), (), (tmp_path / "odd", tmp_path / "none"))
    assert labels(offer) == [str(key)]
    assert [str(tmp_path / name) in note for name, note in zip(("odd", "none"), offer.notes, strict=True)] == [True] * 2


def test_an_agent_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.hosts.agents.TIMEOUT", 0.2)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        deaf.listen()
        offer = Offer((), (), agent=str(tmp_path / "deaf"))
        assert labels(offer) == []
    assert "does not answer" in offer.notes[0]


def test_an_agent_that_is_named_and_not_there_is_told(tmp_path: Path) -> None:
    offer = Offer((), (), agent=str(tmp_path / "gone"))
    assert labels(offer) == []
    assert str(tmp_path / "gone") in offer.notes[0]


@pytest.mark.skipif(not shutil.which("ssh-agent"), reason="needs ssh-agent")
@pytest.mark.parametrize("shown_by", ["public key beside it", "its own file"])
def test_only_the_named_keys_of_an_agent_are_offered_where_only_those_are_asked_for(
    tmp_path: Path, shown_by: str
) -> None:
    named, other = make_key(tmp_path / "named"), make_key(tmp_path / "other")
    where = str(tmp_path / "agent")
    with subprocess.Popen(["ssh-agent", "-D", "-a", where], stdout=subprocess.DEVNULL) as agent:
        try:
            eventually(Path(where).exists, "the agent listens")
            subprocess.run(["ssh-add", "-q", other, named], check=True, env={**os.environ, "SSH_AUTH_SOCK": where})
            subprocess.run(
                ["ssh-keygen", "-q", "-p", "-N", "secret", "-f", named], check=True, stdout=subprocess.DEVNULL
            )
            if shown_by == "its own file":
                named.with_suffix(".pub").unlink()
            assert len(labels(Offer((), (named,), agent=where))) == 2
            (only,) = Identities().offered(Offer((), (named,), agent=where, only_named=True))
            assert only.label.startswith("the agent's key")
        finally:
            agent.terminate()
