import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.errors import Code, Refused
from app.hosts.route import Route, Router
from app.hosts.settings import HostOverride, HostsSettings, SshOptions

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJpAQzGbz1FAFmVeGCOZQLUFdqOIj0JmrvF4lqW0n8hH"
HOSTS = ("10.0.0.5", "web1", "[web1]:2222", "one", "bastion", "[bastion]:2200", "2001:db8::1", "the-alias")


@pytest.fixture(params=["ssh -G", "paramiko"])
def config(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An ssh_config file, read in both ways."""
    if request.param == "paramiko":
        monkeypatch.setattr("app.hosts.ssh_config.SshConfig.__init__.__defaults__", (None,))
    (tmp_path / "known_hosts").write_text("".join(f"{name} {KEY}\n" for name in HOSTS))
    return tmp_path / "config"


def route(config: Path, host: str, text: str = "", said: SshOptions | None = None, **settings: Any) -> Route:
    config.write_text(text)
    ssh = (said or SshOptions()).over(SshOptions(known_hosts_files=(config.with_name("known_hosts"),)))
    return Router(HostsSettings(ssh=ssh, ssh_config_file=config, **settings)).route(host)


def refused(config: Path, host: str, text: str = "", said: SshOptions | None = None, **settings: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        route(config, host, text, said, **settings)
    return refusal.value


def test_a_known_host_is_allowed_where_no_list_is(config: Path) -> None:
    found = route(config, "web1")
    assert (found.address, found.port, found.jump, found.shown) == ("web1", 22, None, "web1")


def test_without_a_list_an_unknown_host_is_not_allowed(config: Path) -> None:
    refusal = refused(config, "web2")
    assert refusal.reason.code == Code.HOST_NOT_ALLOWED
    assert "ssh-keyscan" in refusal.reason.message


def test_without_a_list_a_host_is_known_with_its_port(config: Path) -> None:
    assert refused(config, "web1", said=SshOptions(port=2223)).reason.code == Code.HOST_NOT_ALLOWED
    assert route(config, "web1", said=SshOptions(port=2222)).known.name == "[web1]:2222"


def test_with_a_list_a_host_outside_is_not_allowed_though_it_is_known(config: Path) -> None:
    refusal = refused(config, "web1", allowed=("10.0.0.0/8", "*.example.com"))
    assert refusal.reason.code == Code.HOST_NOT_ALLOWED
    assert "allowed_hosts" in refusal.reason.message


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "0.0.0.0", "127.1"])
def test_alertprofs_own_machine_is_a_host_only_if_the_configuration_says_so(
    config: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the account which runs alertprof once logged in there says nothing."""
    monkeypatch.setenv("HOME", str(config.parent))
    (config.parent / ".ssh").mkdir()
    own = config.parent / ".ssh" / "known_hosts"
    own.write_text(f"{name} {KEY}\nweb1 {KEY}\n")
    settings = HostsSettings(ssh_config_file=config)
    config.write_text("")
    assert Router(settings).route("web1").host == "web1"
    with pytest.raises(Refused, match="alertprof's own") as refused:
        Router(settings).route(name)
    assert refused.value.reason.code is Code.HOST_NOT_ALLOWED
    assert Router(replace(settings, allowed=(name,))).route(name).host == name
    assert Router(replace(settings, ssh=SshOptions(known_hosts_files=(own,)))).route(name).host == name
    with pytest.raises(Refused, match="a label host or node"):
        Router(replace(settings, allowed=("10.0.0.0/8",))).route(name)


def test_with_a_list_a_host_inside_must_still_be_known(config: Path) -> None:
    assert refused(config, "web2", allowed=("web*",)).reason.code == Code.HOST_UNKNOWN
    assert route(config, "web1", allowed=("web*",)).host == "web1"


def test_an_ssh_config_that_would_be_asked_is_not_for_a_host_outside(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("app.hosts.ssh_config.SshConfig.entry", lambda _, host: asked.append(host))
    refused(config, "web1", allowed=("db*",))
    refused(config, "-oProxyCommand=id")
    assert not asked


def test_the_layers_in_their_order(config: Path) -> None:
    text = "Host web1\n  User config\n  Port 2222\n  HostName 10.0.0.5\n  HostKeyAlias the-alias\n"
    assert route(config, "web1", text).user == "config"
    assert route(config, "web1", text, SshOptions(user="ssh")).user == "ssh"
    overrides = (HostOverride("web*", SshOptions(user="override", become="sudo")),)
    found = route(config, "web1", text, SshOptions(user="ssh", gate="installed"), overrides=overrides)
    assert (found.user, found.port, found.address, found.known.name) == ("override", 2222, "10.0.0.5", "the-alias")
    assert (found.options.become, found.options.gate) == ("sudo", "installed")


def test_only_identities_of_our_own_configuration_are_our_own(config: Path, tmp_path: Path) -> None:
    text = f"IdentityFile {tmp_path}/theirs\n"
    assert route(config, "web1", text).own_identities == ()
    assert route(config, "web1", text).options.identity_files == (tmp_path / "theirs",)
    mine = SshOptions(identity_files=(tmp_path / "mine",))
    assert route(config, "web1", text, mine).own_identities == (tmp_path / "mine",)
    assert route(config, "web1", text, mine).options.identity_files == (tmp_path / "mine",)


def test_a_host_may_be_known_by_its_name_or_by_where_it_really_is(config: Path) -> None:
    by_address = (HostOverride("order-mq", SshOptions(address="10.0.0.5")),)
    assert route(config, "order-mq", overrides=by_address).known.name == "10.0.0.5"
    by_name = (HostOverride("web1", SshOptions(address="10.9.9.9")),)
    found = route(config, "web1", overrides=by_name)
    assert (found.known.name, found.address) == ("web1", "10.9.9.9")
    assert "10.9.9.9" in found.shown


def test_an_ipv6_host_in_brackets(config: Path) -> None:
    assert route(config, "[2001:DB8::1]").address == "2001:db8::1"


def test_a_jump_host_is_resolved_as_any_host_is(config: Path) -> None:
    text = "Host bastion\n  User jumper\n  Port 2200\nHost web1\n  ProxyJump bastion\n"
    for found in (route(config, "web1", text), route(config, "web1", text.replace("ProxyJump", "#"), BY_BASTION)):
        assert found.jump is not None
        assert (found.jump.host, found.jump.user, found.jump.port) == ("bastion", "jumper", 2200)
        assert found.jump.known.name == "[bastion]:2200"


BY_BASTION = SshOptions(jump_host="bastion")


def test_what_the_jump_host_is_written_with_wins(config: Path) -> None:
    found = route(config, "web1", "Host bastion\n  User jumper\n", SshOptions(jump_host="ops@bastion:2200"))
    assert found.jump is not None
    assert (found.jump.user, found.jump.port) == ("ops", 2200)


def test_a_jump_host_has_its_own_override(config: Path) -> None:
    overrides = (HostOverride("bastion", SshOptions(user="ops", jump_host="none")),)
    found = route(config, "web1", "", SshOptions(jump_host="bastion", user="svc"), overrides=overrides)
    assert found.jump is not None
    assert (found.user, found.jump.user, found.jump.jump) == ("svc", "ops", None)


def test_an_unknown_jump_host_is_refused(config: Path) -> None:
    refusal = refused(config, "web1", said=SshOptions(jump_host="elsewhere"))
    assert refusal.reason.code == Code.HOST_UNKNOWN
    assert "elsewhere" in refusal.reason.message


def test_none_is_said_too(config: Path) -> None:
    assert route(config, "web1", "ProxyJump bastion\n", SshOptions(jump_host="none")).jump is None


def test_a_jump_host_for_all_hosts_is_no_jump_for_itself(config: Path) -> None:
    found = route(config, "web1", overrides=(HostOverride("*", SshOptions(jump_host="bastion")),))
    assert found.jump is not None
    assert found.jump.jump is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Host web1\n ProxyJump one:22,bastion\n", None),
        ("Host web1\n ProxyJump bastion\nHost bastion\n ProxyJump one\n", None),
        ("Host web1\n ProxyJump one,%h\nHostName bastion\n", SshOptions(jump_host="one,bastion")),
        ("Host one\n ProxyJump none\nHost bastion\n ProxyJump 10.0.0.5\n", SshOptions(jump_host="one,bastion")),
        ("Host *\n ProxyJump one,bastion\n", None),
    ],
    ids=["written as one", "each its own", "ours before theirs", "ours before the hop's own", "said of all hosts"],
)
def test_several_jump_hosts_are_passed_in_their_order(config: Path, text: str, said: SshOptions | None) -> None:
    found = route(config, "web1", text, said)
    assert [hop.host for hop in found.hops] == ["one", "bastion", "web1"]


def test_the_first_jump_host_may_have_one_of_its_own(config: Path) -> None:
    found = route(config, "web1", "Host one\n ProxyJump 10.0.0.5\nHost web1\n ProxyJump one,bastion\n")
    assert [hop.host for hop in found.hops] == ["10.0.0.5", "one", "bastion", "web1"]


def test_jump_hosts_in_a_circle_are_refused(config: Path) -> None:
    text = "Host web1\n ProxyJump bastion\nHost bastion\n ProxyJump one\nHost one\n ProxyJump bastion\n"
    refusal = refused(config, "web1", text)
    assert refusal.reason.code == Code.HOST_UNREACHABLE
    assert "circle" in refusal.reason.message


def test_a_jump_host_of_ours_makes_their_proxy_command_no_matter(config: Path) -> None:
    text = "Host web1\n ProxyCommand nc %h %p\n"
    assert "jump_host" in refused(config, "web1", text).reason.message
    for ours in ("bastion", "none"):
        route(config, "web1", text, SshOptions(jump_host=ours))


def test_who_we_are_there_decides_what_matches_and_what_is_filled_in(config: Path, tmp_path: Path) -> None:
    text = f"Match user deploy\n IdentityFile {tmp_path}/deploy\nHost *\n User other\n IdentityFile {tmp_path}/%r-%p\n"
    theirs = route(config, "web1", text).options
    assert (theirs.user, theirs.identity_files) == ("other", (tmp_path / "other-22",))
    ours = route(config, "web1", text, SshOptions(user="deploy", port=2222)).options
    assert ours.identity_files == (tmp_path / "deploy", tmp_path / "deploy-2222")


def test_known_hosts_of_the_machine_are_believed_where_ours_are_not_said(config: Path, tmp_path: Path) -> None:
    (tmp_path / "global").write_text(f"db1 {KEY}\n")
    text = f"GlobalKnownHostsFile {tmp_path}/global\nUserKnownHostsFile {tmp_path}/known_hosts\n"
    config.write_text(text)
    assert Router(HostsSettings(ssh_config_file=config)).route("db1").known.pinned[0].file == tmp_path / "global"
    assert refused(config, "db1", text).reason.code == Code.HOST_NOT_ALLOWED, "ours are said, and win"


def test_a_key_that_ssh_is_told_to_revoke_is_not_trusted(config: Path, tmp_path: Path) -> None:
    listed = tmp_path / "revoked"
    for content, why in ((f"# stolen\n{KEY} web1\n", "is revoked by"), ("SSHKRL\n\0", "KRL"), ("x\n", "line 1")):
        listed.write_text(content)
        refusal = refused(config, "web1", f"RevokedHostKeys {listed}\n")
        assert refusal.reason.code == Code.HOST_KEY_MISMATCH
        assert why in refusal.reason.message
    listed.unlink()
    assert "No such file" in refused(config, "web1", f"RevokedHostKeys {listed}\n").reason.message


@pytest.mark.parametrize("jump", ["a b", "@bastion", "bastion:x", "bastion:22:22", "one,,bastion"])
def test_a_jump_host_that_is_none_is_refused(config: Path, jump: str) -> None:
    assert "[user@]host[:port]" in refused(config, "web1", said=SshOptions(jump_host=jump)).reason.message


@pytest.mark.skipif(not shutil.which("ssh"), reason="needs ssh")
def test_a_command_of_the_configuration_runs_only_for_a_host_that_may_be_asked_about(tmp_path: Path) -> None:
    config, ran = tmp_path / "config", tmp_path / "ran"
    (tmp_path / "known_hosts").write_text(f"web1 {KEY}\n")
    text = f'Match exec "echo %n >> {ran}"\n Port 22\nMatch host web9\n HostName web1\n'
    assert "Match exec" in refused(config, "web9", text).reason.message
    refused(config, "web9", text, allowed=("db*",))
    refused(config, "-oProxyCommand=id", text, allowed=("*",))
    refused(config, "x;touch${IFS}y", text, allowed=("*",))
    assert not ran.exists()
    route(config, "web1", text)
    route(config, "web9", text, allowed=("web*",))
    assert ran.read_text().split() == ["web1", "web9"]
    assert route(config, "web9", text.partition("\n Port 22\n")[2]).address == "web1", "without a command, as before"
