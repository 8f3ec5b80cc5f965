import os
import shutil
from pathlib import Path

import pytest

from app.errors import Code, Refusal
from app.hosts.settings import SshOptions
from app.hosts.ssh_config import SshConfig

SSH = shutil.which("ssh")
ASKED = pytest.mark.parametrize("ssh", [SSH, None], ids=["ssh -G", "paramiko"])

CONFIG = """
Host web*
  HostName 10.0.0.5
  Port 2200
  User svc
  IdentityFile ~/.ssh/%r_at_%h
  IdentityFile /etc/keys/second
  UserKnownHostsFile /etc/keys/known_a /etc/keys/known_b
  HostKeyAlias the-web
  ProxyJump ops@bastion:2222
Host direct
  ProxyJump none
Host piped
  ProxyCommand nc %h %p
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "config"
    made.write_text(CONFIG)
    return made


@ASKED
def test_everything_that_is_said_is_found(file: Path, ssh: str | None) -> None:
    found = SshConfig(file, ssh).entry("web1")
    assert found.alias == "the-web"
    assert found.options == SshOptions(
        user="svc",
        port=2200,
        address="10.0.0.5",
        identity_files=(Path.home() / ".ssh" / "svc_at_10.0.0.5", Path("/etc/keys/second")),
        known_hosts_files=(Path("/etc/keys/known_a"), Path("/etc/keys/known_b")),
        jump_host="ops@bastion:2222",
    )


@ASKED
def test_a_host_of_which_nothing_is_said_has_the_defaults(file: Path, ssh: str | None) -> None:
    found = SshConfig(file, ssh).entry("2001:db8::1")
    assert found.alias is None
    assert (found.options.port, found.options.address, found.options.jump_host) == (22, "2001:db8::1", None)
    assert found.options.user
    assert found.options.known_hosts_files == ()
    assert Path.home() / ".ssh" / "id_ed25519" in found.options.identity_files


@ASKED
def test_no_proxy_jump_is_none(file: Path, ssh: str | None) -> None:
    assert SshConfig(file, ssh).entry("direct").options.jump_host is None


@ASKED
def test_a_proxy_command_is_refused_with_the_remedy(file: Path, ssh: str | None) -> None:
    with pytest.raises(Refusal, match="jump_host") as refused:
        SshConfig(file, ssh).entry("piped")
    assert refused.value.reason.code == Code.HOST_UNREACHABLE


@ASKED
def test_a_file_that_cannot_be_understood_is_named(file: Path, ssh: str | None) -> None:
    file.write_text("Frobnicate\n")
    with pytest.raises(Refusal, match=str(file)):
        SshConfig(file, ssh).entry("web1")


@pytest.mark.skipif(not SSH, reason="needs ssh")
def test_ssh_follows_include(file: Path, tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host web1\n  Port 99\n")
    file.write_text(f"Include {tmp_path / 'more'}\n{CONFIG}")
    assert SshConfig(file, SSH).entry("web1").options.port == 99


def test_without_ssh_an_include_is_refused(file: Path, tmp_path: Path) -> None:
    file.write_text(f"Host other\n  include {tmp_path / 'more'}\n")
    with pytest.raises(Refusal, match="Include") as refused:
        SshConfig(file, None).entry("web1")
    assert "openssh-client" in refused.value.reason.message


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(file: Path) -> None:
    config = SshConfig(file, None)
    first = config.entry("web1")
    assert config.entry("web1") is first
    file.write_text("Host web1\n  Port 7\n")
    os.utime(file, ns=(1, 1))
    assert config.entry("web1").options.port == 7


@ASKED
def test_the_home_that_counts_is_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ssh: str | None) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert SshConfig(None, ssh).entry("web1").options.port == 22
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host web1\n  Port 77\n")
    found = SshConfig(None, ssh).entry("web1").options
    assert found.port == 77
    assert found.known_hosts_files == ()
    assert found.identity_files[0].is_relative_to(tmp_path)
