import os
import shutil
import socket
import time
from pathlib import Path

import pytest

from app.errors import Code, Refused, Retryable
from app.hosts.settings import SshOptions
from app.hosts.ssh_config import SshConfig
from tests.lab.process import eventually

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
    with pytest.raises(Refused, match="jump_host") as refused:
        SshConfig(file, ssh).entry("piped")
    assert refused.value.reason.code == Code.HOST_UNREACHABLE


@ASKED
def test_a_file_that_cannot_be_understood_is_named(file: Path, ssh: str | None) -> None:
    file.write_text("Frobnicate\n")
    with pytest.raises(Refused, match=str(file)):
        SshConfig(file, ssh).entry("web1")


@pytest.mark.skipif(not SSH, reason="needs ssh")
def test_ssh_follows_include(file: Path, tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host web1\n  Port 99\n")
    file.write_text(f"Include {tmp_path / 'more'}\n{CONFIG}")
    assert SshConfig(file, SSH).entry("web1").options.port == 99


def test_without_ssh_an_include_is_refused(file: Path, tmp_path: Path) -> None:
    file.write_text(f"Host other\n  include {tmp_path / 'more'}\n")
    with pytest.raises(Refused, match="Include") as refused:
        SshConfig(file, None).entry("web1")
    assert "openssh-client" in refused.value.reason.message


@pytest.mark.parametrize("criterion", ["exec true", "tagged x", "version *", "localnetwork 10.0.0.0/8", "command x"])
def test_without_ssh_a_match_that_nobody_can_judge_is_refused(file: Path, criterion: str) -> None:
    for line in (f"Match {criterion}", f"match host web1 {criterion}", f"Match !{criterion}"):
        file.write_text(f"{line}\n  Port 99\n")
        with pytest.raises(Refused, match=f"Match {criterion.split(maxsplit=1)[0]}") as refused:
            SshConfig(file, None).entry("web1")
        assert "openssh-client" in refused.value.reason.message


@ASKED
def test_a_match_that_both_understand_is_followed(file: Path, ssh: str | None) -> None:
    file.write_text("Match host web1 user svc\n  Port 99\nMatch host web1\n  User late\nMatch all\n  HostKeyAlias x\n")
    assert SshConfig(file, ssh).entry("web1", SshOptions(user="svc")).options.port == 99
    found = SshConfig(file, ssh).entry("web1")
    assert (found.options.user, found.options.port, found.alias) == ("late", 22, "x")


@ASKED
def test_every_token_is_filled_in(file: Path, ssh: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", "/etc/keys")
    here = socket.gethostname()
    file.write_text(
        "Host web1\n HostName %h.example.com\n User svc\n Port 2200\n HostKeyAlias the-web\n"
        " IdentityFile ${KEYS}/%%h-%h-%n-%p-%r-%k-%i-%L-%l-%j.%d\n CertificateFile ~/%r-cert.pub\n"
        " IdentityAgent ${KEYS}/%r.sock\n"
    )
    found = SshConfig(file, ssh).entry("web1")
    mine = f"{os.getuid()}-{here.partition('.')[0]}-{here}"
    name = f"/etc/keys/%h-web1.example.com-web1-2200-svc-the-web-{mine}-.{Path.home()}"
    assert found.options.identity_files == (Path(name),)
    assert found.certificate_files == (Path.home() / "svc-cert.pub",)
    assert found.agent == "/etc/keys/svc.sock"


@ASKED
@pytest.mark.parametrize(
    ("said", "agent"), [("", None), ("SSH_AUTH_SOCK", None), ("none", ""), ("$LAB", "/lab.sock"), ("/x", "/x")]
)
def test_the_agent_is_the_one_that_is_said(
    file: Path, ssh: str | None, said: str, agent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB", "/lab.sock")
    file.write_text(f"IdentityAgent {said}\n" if said else "")
    assert SshConfig(file, ssh).entry("web1").agent == agent


@ASKED
def test_known_hosts_that_check_nothing_are_never_followed(file: Path, ssh: str | None) -> None:
    for nothing in ("none", "/dev/null", "/dev/null /dev/null"):
        file.write_text(f"UserKnownHostsFile {nothing}\nStrictHostKeyChecking no\n")
        assert SshConfig(file, ssh).entry("web1").options.known_hosts_files == ()


@ASKED
def test_a_known_hosts_file_with_a_space_in_its_name(file: Path, ssh: str | None) -> None:
    file.write_text('UserKnownHostsFile "/etc/my keys/known" /etc/other\n')
    found = SshConfig(file, ssh).entry("web1").options.known_hosts_files
    assert found == (Path("/etc/my keys/known"), Path("/etc/other"))


@ASKED
def test_no_name_is_looked_up_to_find_another(file: Path, ssh: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostbyname", lambda _: pytest.fail("it was looked up"))
    file.write_text("CanonicalizeHostname yes\nCanonicalDomains invalid\nCanonicalizeFallbackLocal no\nPort 7\n")
    found = SshConfig(file, ssh).entry("web1").options
    assert (found.address, found.port) == ("web1", 7)


@pytest.mark.skipif(not SSH, reason="needs ssh")
def test_a_command_of_the_configuration_has_a_time_limit(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.hosts.ssh_config.TIME_LIMIT", 0.5)
    file.write_text(f'Match exec "echo $$ > {tmp_path}/pid; exec sleep 600"\n  Port 99\n')
    begin = time.monotonic()
    with pytest.raises(Retryable, match=r"within 0\.5 s") as late:
        SshConfig(file, SSH).entry("web1")
    assert time.monotonic() - begin < 60
    assert late.value.reason.code == Code.HOST_UNREACHABLE
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not running(pid), "the command was ended too")


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("included", [False, True])
def test_whether_commands_would_run_is_seen(file: Path, tmp_path: Path, included: bool) -> None:
    commands = 'Host *\n  Port 1\nMatch host x !Exec "true"\n'
    assert not SshConfig(file, "/usr/bin/ssh").runs_commands
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.conf").write_text(commands)
    file.write_text(f"Include {tmp_path}/conf.d/*.conf\n" if included else commands)
    assert SshConfig(file, "/usr/bin/ssh").runs_commands
    assert not SshConfig(file, None).runs_commands, "nothing is asked of ssh then"


@pytest.mark.parametrize(
    "line", ['"Match" exec "true"', 'Match host x "exec" true', "Match ex'ec' true", 'Match="exec" true']
)
def test_quotes_hide_no_command(file: Path, line: str) -> None:
    file.write_text(f"{line}\n")
    assert SshConfig(file, "/usr/bin/ssh").runs_commands


@pytest.mark.parametrize(
    "include", ["Include {}/*/team/config", '"Include" {}/*/*/*', "Include={}/conf.d/te[a-z]m/config"]
)
def test_an_include_is_followed_wherever_its_wildcards_are(file: Path, tmp_path: Path, include: str) -> None:
    (tmp_path / "conf.d" / "team").mkdir(parents=True)
    (tmp_path / "conf.d" / "team" / "config").write_text("Match exec true\n")
    file.write_text(f"{include.format(tmp_path)}\n")
    assert SshConfig(file, "/usr/bin/ssh").runs_commands


def test_an_include_that_cannot_be_followed_counts_as_one_with_commands(file: Path) -> None:
    for word in ("%d/more", "${MORE}/x", '"open'):
        file.write_text(f"Include {word}\n")
        assert SshConfig(file, "/usr/bin/ssh").runs_commands
    file.write_text("Include /nowhere/*.conf ~nobody-of-that-name/x\n")
    assert not SshConfig(file, "/usr/bin/ssh").runs_commands


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


@pytest.fixture
def counted(tmp_path: Path) -> tuple[str, Path]:
    """An ssh that notes each time it is asked."""
    program, notes = tmp_path / "ssh", tmp_path / "asked"
    notes.touch()
    program.write_text(f'#!/bin/sh\necho asked >>{notes}\nexec {SSH} "$@"\n')
    program.chmod(0o700)
    return str(program), notes


@pytest.mark.parametrize("said", ["", "# ~/%h\nHost *\n  # Host web1\n  Port 2200\n", "Match all\n  User svc\n"])
def test_where_nothing_is_said_of_single_hosts_ssh_is_asked_once(
    file: Path, counted: tuple[str, Path], said: str
) -> None:
    file.write_text(said)
    program, notes = counted
    config = SshConfig(file, program)
    entries = [config.entry(host) for host in ("web1", "10.0.0.7", "2001:db8::1")]
    assert entries == [SshConfig(file, SSH).entry(host) for host in ("web1", "10.0.0.7", "2001:db8::1")]
    assert notes.read_text().count("asked") == 1


@pytest.mark.parametrize(
    "said",
    [CONFIG, "Host=web*\n  Port 1\n", "Host * !web1\n  Port 1\n", '"Match" host web1\n  Port 1\n', "Include {}/more\n",
     "HostName 10.9.9.9\n", "IdentityFile ~/keys/%h\n", "Host *\n  HostName %h.example.com\n"],
)  # fmt: skip
def test_where_something_is_said_of_some_hosts_ssh_is_asked_about_each(
    file: Path, counted: tuple[str, Path], said: str
) -> None:
    (file.parent / "more").write_text("Host web1\n  Port 1\n")
    file.write_text(said.replace("{}", str(file.parent)))
    program, notes = counted
    config = SshConfig(file, program)
    entries = [config.entry(host) for host in ("db1", "web1")]
    assert entries == [SshConfig(file, SSH).entry(host) for host in ("db1", "web1")]
    assert notes.read_text().count("asked") == 2
