"""The parts of `doctor` that need no host: what is said of clocks, names, steps and answers."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from app.cli.render import check as checked
from app.errors import Code, Retryable
from app.explain import doctor_processes
from app.explain.doctor import examined, resolved
from app.explain.doctor_login import LoginSteps
from app.explain.doctor_processes import load, one_process
from app.explain.doctor_shell import GATE_SAYS, SHELL_SAYS, clocks, understood
from app.explain.explanation import Check, Mark
from app.gate.client import Gate
from app.gate.facts import Seen
from app.gate.pool import HostPool
from app.hosts.known_hosts import Known
from app.hosts.login import NoAlgorithm, Step
from app.hosts.route import Route
from app.hosts.settings import HostsSettings, SshOptions
from app.model import Blocked, ProcessId
from tests.unit.captures.story_host import Host, OpenPool
from tests.unit.ledger.builders import NOON

DOWN = Retryable(Code.HOST_UNREACHABLE, "host h: no connection")


def route(host: str, address: str = "127.0.0.1", jump: Route | None = None) -> Route:
    known = Known(host, (), (), (), ())
    return Route(host, address, 22, "ops", SshOptions(), (), known, jump)


@pytest.mark.parametrize(
    ("there", "mark", "said"),
    [
        (1000, Mark.OK, "it agrees with ours"),
        (1004, Mark.OK, "it agrees with ours"),
        (994, Mark.NOTE, "6 s behind ours"),
        (1060, Mark.NOTE, "59 s ahead of ours"),
    ],
)
def test_clocks_that_are_apart_are_told_and_refuse_nothing(there: int, mark: Mark, said: str) -> None:
    check = clocks(there, 1000.2, 1001.4)
    assert (check.mark, said in check.message) == (mark, True)


def test_a_name_is_looked_up_where_it_has_to_be() -> None:
    assert resolved(route("h")) == Check(Mark.OK, "name", "127.0.0.1 is 127.0.0.1")
    behind = resolved(route("h", "inner.example", jump=route("bastion")))
    assert behind.message == "127.0.0.1 is 127.0.0.1; inner.example is looked up by the jump host"


def test_a_name_that_leads_nowhere_is_told_with_the_remedy() -> None:
    nowhere = resolved(route("h", "nowhere.invalid"))
    assert nowhere.mark is Mark.NO and "/etc/hosts" in nowhere.message


@pytest.mark.parametrize("steps", range(3))
def test_the_step_that_did_not_succeed_is_the_one_after_those_that_did(steps: int) -> None:
    login, there = LoginSteps(route("h")), route("h")
    for step in list(Step)[:steps]:
        login(there, step, "good")
        login(there, step, "again, since the host did not introduce itself at first")
    ended = login.failed(there, DOWN)
    assert (ended.mark, ended.what) == (Mark.NO, list(Step)[steps].value)
    assert ended.message.startswith("host h: no connection")
    assert len(login.succeeded) == steps


def test_behind_a_jump_host_the_hop_that_failed_is_named() -> None:
    bastion = route("bastion")
    behind = route("h", jump=bastion)
    login = LoginSteps(behind)
    login(bastion, Step.TCP, "good")
    assert login.failed(behind, DOWN).what == "host key (jump host bastion)"
    apart = NoAlgorithm(Code.HOST_UNREACHABLE, "host bastion: no cipher in common")
    assert login.failed(behind, apart).what == "algorithms (jump host bastion)"
    for step in Step:
        login(bastion, step, "good")
    assert login.failed(behind, DOWN).what == "connection"


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        (b"alertprof 0 root 1700000000 /usr/bin/dash\n", True),
        (b"alertprof 1000 ops 1700000000 \n", True),
        (b"Welcome!\nalertprof 1000 ops 1700000000 /bin/busybox\n", True),
        (b"ready 1 0b1c 0\n", True),
        (b"alertprof 0 root 1700000000 /usr/bin/da", False),
        (b"alertprof $(id -u) $(id -un) $(date +%s) $(readlink /proc/$$/exe)\n", False),
        (b"uid=0\n", False),
        (b"", False),
    ],
)
def test_an_answer_is_awaited_until_it_is_whole(said: bytes, whole: bool) -> None:
    assert understood(said) is whole


def test_what_a_shell_says_is_bounded() -> None:
    assert SHELL_SAYS.search(f"alertprof 0 {'x' * 65} 1700000000 /bin/sh") is None
    assert GATE_SAYS.search("already 1 x") is None


def test_who_keeps_a_processor_busy_comes_before_who_is_old() -> None:
    def seen(start: int, ticks: int) -> Seen:
        return Seen(ProcessId("b", 7, start, "1:1"), "x", "/x", ticks=ticks)

    old, busy, new = seen(100, 5000), seen(999_000, 900), seen(1_000_000, 1)
    assert sorted((old, busy, new), key=lambda each: load(each, 1_000_000), reverse=True) == [busy, new, old]


def test_nothing_is_contacted_for_a_host_that_may_not_be(tmp_path: Path) -> None:
    (config := tmp_path / "ssh_config").touch()
    ssh = SshOptions(user="ops", known_hosts_files=(tmp_path / "known_hosts",))
    (only,) = examined(HostsSettings(ssh=ssh, ssh_config_file=config), "10.0.0.5")
    assert (only.mark, only.what) == (Mark.NO, "allowed and known")
    assert "ssh-keyscan 10.0.0.5" in only.message
    (odd,) = examined(HostsSettings(ssh=ssh, ssh_config_file=config), "-oProxyCommand=id")
    assert odd.mark is Mark.NO and "is no host name" in odd.message


@pytest.mark.skipif(not shutil.which("ssh"), reason="needs ssh")
def test_a_configuration_that_takes_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.hosts.ssh_config.TIME_LIMIT", 0.2)
    config = tmp_path / "ssh_config"
    config.write_text('Match exec "exec sleep 600"\n  Port 1\n')
    (only,) = examined(HostsSettings(allowed=("10.0.0.5",), ssh_config_file=config), "10.0.0.5")
    assert (only.mark, only.what) == (Mark.NO, "allowed and known")
    assert f"{config} cannot be used: ssh -G gave no answer within 0.2 s" in only.message


def test_what_a_host_says_moves_no_cursor() -> None:
    line = checked(Check(Mark.NO, "shell", "no gate answers, but \x1b[2J\nok  all is well"))
    assert line == "no  shell: no gate answers, but \\x1b[2J\\nok  all is well"


def test_a_process_of_a_blocked_executable_is_shown_as_not_signalled() -> None:
    pool = OpenPool(Host())
    known = {"go:orders": Blocked("1f", "go:orders", "/x", "h2", 9, "c1", NOON, "SIGUSR2", "h2: pid 9 (x) ended")}
    gate = cast(Gate, pool.gate("h"))
    *facts, good = one_process(cast(HostPool, pool), gate, 7, lambda build: None)
    assert (good.mark, "go-zero-toggle" in good.message) == (Mark.OK, True)
    *facts, bad = one_process(cast(HostPool, pool), gate, 7, known.get)
    assert "it is not signalled, since h2: pid 9 (x) ended (`alertprof unblock 1f`)" in [fact.message for fact in facts]
    assert (bad.mark, bad.message.startswith("h: pid 7 (orders) is not signalled")) == (Mark.NO, True)


@pytest.mark.parametrize(("go_version", "listed"), [("go1.26", True), ("", False)])
def test_a_process_that_cannot_be_told_just_now_is_a_note_of_its_own(
    monkeypatch: pytest.MonkeyPatch, go_version: str, listed: bool
) -> None:
    def ends_meanwhile(*_: object) -> Check:
        raise Retryable(Code.NOT_PERMITTED, "h: something listens on port 1, but whose socket it is may not be seen")

    monkeypatch.setattr(doctor_processes, "how_profiled", ends_meanwhile)
    pool = OpenPool(Host())
    gate = cast(Gate, pool.gate("h"))
    process = gate.look(7)
    assert process
    check = doctor_processes.if_profilable(cast(HostPool, pool), gate, replace(process, go_version=go_version))
    assert bool(check) is listed
    assert check is None or check.mark is Mark.NOTE
