"""What stands between sshd and our gate: shells, start-up files, forced commands, sudo. Real ones."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.errors import AlertprofError, Code, Refused, Retryable
from app.gate import entry
from app.gate.answers import Mode
from app.gate.installed import PLACE, script
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from tests.bench.far import Far, Stretch
from tests.integration.hostile import HostileHost
from tests.integration.scene import Scene, alert, kinds
from tests.lab.account import POSSIBLE, account
from tests.lab.process import eventually
from tests.lab.proxy import Cut, Line
from tests.lab.relay import Relay
from tests.lab.sshd import Sshd
from tests.lab.target import Service

needs_root = pytest.mark.skipif(not POSSIBLE, reason="accounts can be made by root alone, where useradd is installed")
TITLE = "printf '\\033]0;a title\\007'\n"  # without a line's end


def shell(name: str) -> str:
    return shutil.which(name) or pytest.skip(f"{name} is not installed: `make matrix` brings it")


@contextmanager
def pool_to(folder: Path, *, user: str | None = None, key: str = "", **ssh: Any) -> Iterator[HostPool]:
    """key: options of its line in authorized_keys."""
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.geteuid() == 0 and len(each.parts) > 2:  # sshd reads rc and gate as the user
            each.chmod(each.stat().st_mode | 0o011)
    config = ssh.pop("config", [])
    with Sshd(folder / "sshd", user=user, startup=True, config=config) as sshd:
        keys = sshd.directory / "authorized_keys"
        keys.write_text(f"{key} {keys.read_text()}".strip() + "\n")
        pool = HostPool(Connector(sshd.settings(**ssh)))
        try:
            yield pool
        finally:
            pool.close()


def refused(pool: HostPool) -> str:
    with pytest.raises(Refused) as caught:
        pool.gate("127.0.0.1")
    assert caught.value.reason.code is Code.NOT_PERMITTED
    assert caught.value.reason.message.isprintable()
    return caught.value.reason.message


# ---------------------------------------------------------------------- what prints is passed over


@needs_root
@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("bash", {".bashrc": f"echo Welcome; echo ready 1 x 0; {TITLE}"}),
        ("sh", {".ssh/rc": f"echo Welcome; {TITLE}"}),
        ("zsh", {".zshenv": f"echo Welcome; {TITLE}"}),
        ("fish", {".config/fish/config.fish": f"echo Welcome; {TITLE}"}),
        ("tcsh", {".cshrc": "echo Welcome; printf title"}),
    ],
)
def test_a_login_that_prints_is_passed_over(tmp_path: Path, name: str, files: Mapping[str, str]) -> None:
    with account(shell(name), files) as user, pool_to(tmp_path, user=user) as pool:
        assert pool.gate("127.0.0.1").processes()
        with pool.files("127.0.0.1") as gate:
            assert gate.process(os.getpid()) or gate.process(1)


@needs_root
def test_an_installed_gate_is_found_behind_what_a_start_up_file_prints(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.write_text(script())
    gate.chmod(0o755)
    greeting = "echo Welcome; echo ready 1 00000000-0000-0000-0000-000000000000 0; printf title\n"
    bound = {"key": f'restrict,command="{gate}"', "gate": "installed"}
    with account(shell("bash"), {".bashrc": greeting}) as user, pool_to(tmp_path, user=user, **bound) as pool:
        there = pool.gate("127.0.0.1")
        assert there.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        assert there.processes()


@needs_root
def test_a_greeting_without_end_is_refused_at_once(tmp_path: Path) -> None:
    with account(shell("bash"), {".bashrc": "yes Welcome\n"}) as user, pool_to(tmp_path, user=user) as pool:
        assert "prints more than 64 KiB" in refused(pool)


# ---------------------------------------------------------------------- what ends a login is named


@needs_root
@pytest.mark.parametrize(
    ("name", "files", "said"),
    [
        ("bash", {".bashrc": "exec zsh"}, ["start-up file", "another shell", "zsh reads"]),
        ("bash", {".bashrc": "exec tcsh"}, ["start-up file", "another shell", "csh reads"]),
        ("bash", {".bashrc": "echo gone fishing >&2; exit 3"}, ["status 3", "its last line: gone fishing"]),
        ("zsh", {".zshenv": "exit"}, ["status 0", "without a word", "start-up file"]),
        ("rbash", {}, ["restricted shell", "restricted"]),
        ("nologin", {}, ["nologin", "not available"]),
        ("false", {}, ["status 1", "without a word"]),
    ],
)
def test_what_ends_a_login_is_named_at_once(
    tmp_path: Path, name: str, files: Mapping[str, str], said: list[str]
) -> None:
    path = "/usr/sbin/nologin" if name == "nologin" else shell(name)
    for word in "".join(files.values()).split()[1:2]:
        if "exec" in "".join(files.values()):
            shell(word)
    with account(path, files) as user, pool_to(tmp_path, user=user, shell_timeout=300.0) as pool:
        began = time.monotonic()
        message = refused(pool)
        assert all(each in message for each in said), message
        assert time.monotonic() - began < 150, "nothing was waited for"


@needs_root
def test_a_shell_that_reads_all_before_it_says_anything_is_named_after_the_time_limit(tmp_path: Path) -> None:
    shell("fish")
    files = {".bashrc": "exec fish"}
    with account(shell("bash"), files) as user, pool_to(tmp_path, user=user, shell_timeout=2.0) as pool:
        assert "another shell" in refused(pool)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/bin/echo hello", ["ForceCommand", "its last line: hello"]),
        ("/bin/cat", ["only repeats what it is sent"]),
        ("internal-sftp", ["ForceCommand"]),
        ("printf '\\033[2J\\u202e' >&2; exit 9", ["ForceCommand", "status 9"]),
    ],
)
def test_a_forced_command_that_is_no_gate_is_refused_at_once(tmp_path: Path, command: str, said: list[str]) -> None:
    with pool_to(tmp_path, config=[f"ForceCommand {command}"]) as pool:
        message = refused(pool)
        assert all(each in message for each in said), message


def test_a_key_bound_to_a_gate_where_none_is_configured_is_named(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.write_text(script())
    gate.chmod(0o755)
    with pool_to(tmp_path, key=f'command="{gate}"') as pool:
        assert "set gate: installed" in refused(pool)


def test_a_shell_where_an_installed_gate_is_configured_is_named(tmp_path: Path) -> None:
    with pool_to(tmp_path, gate="installed") as pool:
        assert "is it installed there" in refused(pool)


@needs_root
def test_a_host_that_is_short_of_memory_this_time_is_asked_again(tmp_path: Path) -> None:
    said = "echo 'bash: fork: Cannot allocate memory' >&2; exit 254"
    with (
        account(shell("bash"), {".bashrc": said}) as user,
        pool_to(tmp_path, user=user) as pool,
        pytest.raises(Retryable, match="Cannot allocate memory"),
    ):
        pool.gate("127.0.0.1")


# ---------------------------------------------------------------------- slow ones


@needs_root
def test_a_slow_start_up_file_is_waited_for(tmp_path: Path) -> None:
    with account(shell("bash"), {".bashrc": "sleep 12"}) as user, pool_to(tmp_path, user=user) as pool:
        assert pool.gate("127.0.0.1").processes()


@needs_root
def test_the_step_that_was_slow_is_named_with_its_limit(tmp_path: Path) -> None:
    with (
        account(shell("bash"), {".bashrc": "echo dialling home; sleep 60"}) as user,
        pool_to(tmp_path, user=user, shell_timeout=10.0) as pool,
        pytest.raises(Retryable) as caught,
    ):
        pool.gate("127.0.0.1")
    message = caught.value.reason.message
    assert "shell was not ready within 10 s" in message
    assert "shell_timeout" in message and "dialling home" in message


# ---------------------------------------------------------------------- sudo, by its own words


ALL = "{user} ALL=(root) NOPASSWD: ALL\n"


@needs_root
@pytest.mark.skipif(not shutil.which("sudo"), reason="sudo is not installed")
@pytest.mark.parametrize(
    ("sudoers", "said"),
    [
        ("", ["sudoers line", "NOPASSWD: /bin/sh -s", "password is required"]),
        ("{user} ALL=(root) NOPASSWD: /bin/true\n", ["sudoers line"]),
        (f"Defaults:{{user}} requiretty\n{ALL}", ["requiretty"]),
        (f"Defaults:{{user}} noexec\n{ALL}", ["noexec"]),
    ],
)
def test_what_sudo_refuses_is_named_by_its_own_words(tmp_path: Path, sudoers: str, said: list[str]) -> None:
    with account("/bin/sh", sudoers=sudoers) as user, pool_to(tmp_path, user=user, become="sudo") as pool:
        message = refused(pool)
        assert all(each in message for each in said), message


@needs_root
@pytest.mark.skipif(not shutil.which("sudo"), reason="sudo is not installed")
def test_what_sudo_says_to_a_key_that_is_bound_to_the_gate_is_named(tmp_path: Path) -> None:
    bound = {"key": f'restrict,command="sudo -n {PLACE}"', "gate": "installed"}
    with account("/bin/sh") as user, pool_to(tmp_path, user=user, **bound) as pool:
        message = refused(pool)
        assert f"NOPASSWD: {PLACE}" in message and "password is required" in message
        assert "become" not in message


@needs_root
@pytest.mark.skipif(not shutil.which("sudo"), reason="sudo is not installed")
def test_what_sudo_did_not_refuse_is_not_said_of_it(tmp_path: Path) -> None:
    files = {".bashrc": "echo closed for lunch >&2; exit 4"}
    with account(shell("bash"), files, ALL) as user, pool_to(tmp_path, user=user, become="sudo") as pool:
        message = refused(pool)
        assert "sudo" not in message and "closed for lunch" in message


@needs_root
@pytest.mark.skipif(not shutil.which("sudo"), reason="sudo is not installed")
def test_sudo_with_a_terminal_of_its_own_lets_the_gate_in(tmp_path: Path) -> None:
    sudoers = f"Defaults:{{user}} use_pty\n{ALL}"
    with account("/bin/sh", sudoers=sudoers) as user, pool_to(tmp_path, user=user, become="sudo") as pool:
        assert pool.gate("127.0.0.1").user == "0"


# ---------------------------------------------------------------------- sessions


def test_files_come_home_over_a_new_connection_where_the_one_there_is_has_fallen_silent(tmp_path: Path) -> None:
    """As through a network that has forgotten the connection, but not how to acknowledge its packets."""
    with Sshd(tmp_path / "sshd") as sshd, Line(sshd.port) as line:
        key = sshd.known_hosts.read_text().partition(" ")[2]
        sshd.known_hosts.write_text(f"[127.0.0.1]:{line.port} {key}")
        with closing(HostPool(Connector(sshd.settings(port=line.port, channel_timeout=2.0)))) as pool:
            silent = pool.gate(sshd.host)
            line.cut(Cut.HOLE)
            line.restore()
            with pool.files(sshd.host) as files:
                assert files.process(os.getpid())
            assert silent.lost


def test_a_host_has_two_sessions_at_most_and_keeps_them(tmp_path: Path, run_target: Callable[..., Service]) -> None:
    with Sshd(tmp_path / "sshd") as sshd:
        pool = HostPool(Connector(sshd.settings()))
        gate, word = pool.gate(sshd.host), secrets.token_hex(16)
        process = gate.look(run_target("toggle").pid)
        assert process and gate.start(process.id, Mode.TOGGLE, 30, word).code == "started"
        eventually(lambda: gate.stop(word).code == "finished", "the recording is over")
        with pool.files(sshd.host) as one, pool.files(sshd.host) as two:
            assert one is two is not gate
            assert len(one.status(word).files) == 6
        eventually(lambda: not held(sshd), "what is removed now takes no room, though the session stays")
        with pool.files(sshd.host) as again:
            assert again is one and again.status(word).code == "finished"
        assert sshd.log().count("Starting session") == 2
        with pytest.raises(OSError, match="no room"), pool.files(sshd.host) as full:
            full.fetch(word, {"cpu": no_room, "mem": bytearray().extend}, 1 << 30, 10)
        with pool.files(sshd.host) as fresh:
            assert fresh.status(word).code == "finished", "the rest of a file is not taken for an answer"
        pool.close()


def held(sshd: Sshd) -> list[str]:
    """The profiles that the sessions hold open."""
    opened = (fd for pid in sshd.sessions() for fd in Path(f"/proc/{pid}/fd").glob("*") if fd.is_symlink())
    return [link for fd in opened if ".pprof" in (link := str(fd.readlink()))]


def no_room(data: bytes) -> None:
    raise OSError("no room")


def test_where_one_session_is_all_there_is_files_come_over_it_and_nobody_is_cut_off(tmp_path: Path) -> None:
    with pool_to(tmp_path, config=["MaxSessions 1"]) as pool:
        gate = pool.gate("127.0.0.1")
        with pool.files("127.0.0.1") as one, pool.files("127.0.0.1") as two:
            assert one is two is gate
        assert not gate.lost
        assert pool.gate("127.0.0.1") is gate
        assert gate.processes()


def test_an_sshd_that_opens_no_session_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pool_to(tmp_path, config=["MaxSessions 0"]) as pool:
        assert "MaxSessions 0" in refused(pool)


def test_a_slow_second_session_does_not_cut_off_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two captures on one connection: what one is refused, the other one does not feel."""
    slow = tmp_path / "slow"
    command = f"test ! -e {slow} || sleep 90; exec /bin/sh -s"
    with pool_to(tmp_path, config=[f"ForceCommand {command}"]) as pool:
        gate = pool.gate("127.0.0.1")
        slow.touch()
        monkeypatch.setattr(entry, "SHELL_TIMEOUT", 2.0)
        with pytest.raises(AlertprofError, match="not ready within 2 s"), pool.files("127.0.0.1"):
            pass
        assert gate.processes()
        assert pool.gate("127.0.0.1") is gate


def test_nothing_runs_on_after_a_refused_login(tmp_path: Path) -> None:
    mark = f"{tmp_path}/refused"
    forced = [f"ForceCommand exec -a {mark} sleep 1000"]
    with pool_to(tmp_path, config=forced, shell_timeout=1.0) as pool, pytest.raises(Retryable):
        pool.gate("127.0.0.1")
    assert mark not in subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout


# ---------------------------------------------------------------------- what a download costs the host


def test_a_download_over_a_slow_line_costs_sshd_about_what_ssh_itself_does(tmp_path: Path) -> None:
    scene = Stretch("a relay that passes on 24 MB/s", rate=24e6)
    with Sshd(tmp_path / "sshd") as sshd, Relay(sshd.port, rate=scene.rate) as relay:
        far = Far(sshd, relay.port, scene)
        ours = min(far.ours()[1] for _ in range(2))
        theirs = max(far.cat()[1] for _ in range(2))
    assert ours < 4 * theirs, f"{ours:.0f} ms of sshd's time against {theirs:.0f} ms"


# ---------------------------------------------------------------------- servers that turn us away


def test_a_server_that_turns_us_away_is_quoted_and_left_alone_for_a_while(tmp_path: Path) -> None:
    """As OpenSSH from 9.8 on says it, for a penalty as for MaxStartups. A stand-in: this machine has an older one."""

    def turn_away(peer: socket.socket) -> None:
        peer.sendall(b"Not allowed at this time\r\n")
        peer.shutdown(socket.SHUT_WR)

    with HostileHost(tmp_path, raw=turn_away) as host:
        pool = HostPool(Connector(host.settings))
        with pytest.raises(Retryable) as caught:
            pool.gate("127.0.0.1")
        message = caught.value.reason.message
        assert all(word in message for word in ("Not allowed at this time", "PerSourcePenalties", "MaxStartups"))
        assert len(host.peers) == 1, "it was not asked twice"
        for _ in range(3):
            with pytest.raises(Retryable, match="no login is tried for 20 s"):
                pool.gate("127.0.0.1")
        assert len(host.peers) == 1


def test_a_jump_host_that_turns_us_away_is_not_taken_for_the_host_behind_it(tmp_path: Path) -> None:
    def turn_away(peer: socket.socket) -> None:
        peer.sendall(b"Not allowed at this time\r\n")
        peer.shutdown(socket.SHUT_WR)

    with HostileHost(tmp_path, raw=turn_away) as jump:
        known = jump.known_hosts.read_text()
        jump.known_hosts.write_text(known + known.replace("127.0.0.1", "127.0.0.9"))
        ssh = replace(jump.settings.ssh, jump_host=f"127.0.0.1:{jump.port}")
        connector = Connector(replace(jump.settings, ssh=ssh))
        for said in ("Not allowed at this time", "no login is tried for 20 s", "no login is tried for 20 s"):
            with pytest.raises(Retryable, match=f"^host 127.0.0.1 .*{said}"):
                connector.connect("127.0.0.9")
        assert len(jump.peers) == 1


def test_a_server_that_is_full_is_quoted(tmp_path: Path) -> None:
    def refuse(peer: socket.socket) -> None:
        peer.sendall(b"Exceeded MaxStartups\r\n")
        peer.shutdown(socket.SHUT_WR)

    with HostileHost(tmp_path, raw=refuse) as host, pytest.raises(Retryable, match="«Exceeded MaxStartups»"):
        Connector(host.settings).connect("127.0.0.1")


def test_a_key_that_was_refused_is_not_offered_again_at_once(tmp_path: Path) -> None:
    with pool_to(tmp_path) as pool:
        (tmp_path / "sshd" / "authorized_keys").write_text("")
        for _ in range(3):
            with pytest.raises(Refused, match="none of these keys was accepted"):
                pool.gate("127.0.0.1")
        assert (tmp_path / "sshd" / "sshd.log").read_text().count("Connection from") <= 2  # one is the lab's own


def test_what_is_asked_for_besides_the_key_is_named_with_the_remedy(tmp_path: Path) -> None:
    two = ["AuthenticationMethods publickey,keyboard-interactive", "KbdInteractiveAuthentication yes", "UsePAM yes"]
    with pool_to(tmp_path, config=two) as pool, pytest.raises(Refused) as caught:
        pool.gate("127.0.0.1")
    assert "asks for keyboard-interactive besides" in caught.value.reason.message
    assert "AuthenticationMethods publickey" in caught.value.reason.message


@pytest.mark.parametrize("setting", ["DenyUsers *", "PermitRootLogin no"])
def test_what_may_keep_a_user_out_with_any_key_is_named(tmp_path: Path, setting: str) -> None:
    if os.geteuid():
        pytest.skip("sshd lets an ordinary user in as nobody else, so that root's settings show nothing")
    with pool_to(tmp_path, config=[setting]) as pool, pytest.raises(Refused) as caught:
        pool.gate("127.0.0.1")
    assert "DenyUsers" in caught.value.reason.message and "PermitRootLogin" in caught.value.reason.message


def test_two_captures_of_a_host_with_one_session_do_not_cut_each_other_off(
    tmp_path: Path, run_target: Callable[..., Service]
) -> None:
    one, two = run_target("toggle"), run_target("toggle")
    limits = {"limits": {"per_host": 2, "per_service": 2}}
    with Scene(tmp_path / "scene", config=limits, sshd={"config": ["MaxSessions 1"]}) as scene:
        alerts = [alert("00000000000000a1", host="127.0.0.1", pid=one.pid, job="one")]
        alerts += [alert("00000000000000a2", host="127.0.0.1", pid=two.pid, job="two")]
        captures = scene.captured(*alerts, timeout=120)
        assert [each["state"] for each in captures] == ["completed"] * 2, [each["reason"] for each in captures]
        logins = scene.sshd.log().count("Accepted publickey")
    assert all(len(kinds(each)) == 7 for each in captures)
    assert logins == 1, "one connection served both"
