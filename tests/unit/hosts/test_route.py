from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.errors import Code, Refusal
from app.hosts.route import Route, Router
from app.hosts.settings import HostOverride, HostsSettings, SshOptions

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJpAQzGbz1FAFmVeGCOZQLUFdqOIj0JmrvF4lqW0n8hH"
HOSTS = ("10.0.0.5", "web1", "[web1]:2222", "bastion", "[bastion]:2200", "2001:db8::1", "the-alias")


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


def refused(config: Path, host: str, text: str = "", said: SshOptions | None = None, **settings: Any) -> Refusal:
    with pytest.raises(Refusal) as refusal:
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
    with pytest.raises(Refusal, match="alertprof's own") as refused:
        Router(settings).route(name)
    assert refused.value.reason.code is Code.HOST_NOT_ALLOWED
    assert Router(replace(settings, allowed=(name,))).route(name).host == name
    assert Router(replace(settings, ssh=SshOptions(known_hosts_files=(own,)))).route(name).host == name
    with pytest.raises(Refusal, match="a label host or node"):
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
    "text", ["ProxyJump one,bastion\n", "Host web1\n ProxyJump bastion\nHost bastion\n ProxyJump one\n"]
)
def test_a_chain_of_jump_hosts_is_refused(config: Path, text: str) -> None:
    refusal = refused(config, "web1", text)
    assert refusal.reason.code == Code.HOST_UNREACHABLE
    assert "more than one jump host" in refusal.reason.message


@pytest.mark.parametrize("jump", ["a b", "@bastion", "bastion:x", "bastion:22:22"])
def test_a_jump_host_that_is_none_is_refused(config: Path, jump: str) -> None:
    assert "[user@]host[:port]" in refused(config, "web1", said=SshOptions(jump_host=jump)).reason.message
