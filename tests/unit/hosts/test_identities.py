import shutil
import subprocess
from pathlib import Path

import pytest

from app.errors import Code, Refusal
from app.hosts.identities import Identities, Offer
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
    with pytest.raises(Refusal, match="chmod 600") as refused:
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
    with pytest.raises(Refusal, match="does not exist"):
        labels(Offer((file,), ()))
    file.write_text("nonsense")
    file.chmod(0o600)
    with pytest.raises(Refusal, match="no private key"):
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
