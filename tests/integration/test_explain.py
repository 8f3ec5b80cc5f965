"""`explain --connect` and `doctor` on a real sshd with real processes: they name what is there, and change nothing."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from app.explain.doctor import examined
from app.explain.explanation import Check, Mark
from tests.integration.scene import Scene, alert, message
from tests.lab import forked, ports
from tests.lab.account import POSSIBLE, account
from tests.lab.dropbear import Dropbear
from tests.lab.sshd import Sshd, make_key
from tests.lab.target import Service

RunTarget = Callable[..., Service]


class Done(NamedTuple):
    code: int
    out: str
    err: str

    def line(self, what: str) -> str:
        """The first line about this step of `doctor`."""
        return next(line for line in self.out.splitlines() if line[4:].startswith(what))

    @property
    def refused(self) -> list[str]:
        return [line for line in self.out.splitlines() if line.startswith("no ")]


def alertprof(*words: str | Path, said: str = "") -> Done:
    done = forked.alertprof(*words, said=said)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path / "sshd") as made:
        yield made


def config(sshd: Sshd | Dropbear, folder: Path, ssh: Mapping[str, Any] | None = None, **more: Any) -> Path:
    way = {"user": sshd.user, "port": sshd.port, "identity_file": str(sshd.client_key)}
    way |= {"known_hosts_file": str(sshd.known_hosts), **(ssh or {})}
    file = folder / "alertprof.yml"
    storage = {"database": f"sqlite:///{folder / 'none.db'}"}
    file.write_text(yaml.safe_dump({"ssh": way, "storage": storage, "rules": [{"name": "every alert"}], **more}))
    return file


def body(folder: Path, *alerts: Mapping[str, Any]) -> Path:
    file = folder / "alert.json"
    file.write_text(json.dumps(message(alerts)))
    return file


# ---------------------------------------------------------------------- explain


def test_the_process_is_named_and_nothing_is_sent_to_it(sshd: Sshd, run_target: RunTarget, tmp_path: Path) -> None:
    target = run_target("toggle")
    said = body(tmp_path, alert(instance=target.instance, job="orders"))
    done = alertprof("explain", f"--config.file={config(sshd, tmp_path)}", "--connect", said)
    assert done.code == 0, done.out + done.err
    assert f"=> A capture of pid {target.pid} on 127.0.0.1 by go-zero-toggle" in done.out
    assert f"SIGUSR2 to pid {target.pid}" in done.out, "what would be sent is told"
    assert "there is no database" in done.out, "what cannot be known is told"
    assert target.events() == [], "and nothing of it is sent"
    assert not target.recording() and list(target.tmp.iterdir()) == []
    assert not (tmp_path / "none.db").exists()


def test_without_connect_no_host_is_contacted(sshd: Sshd, run_target: RunTarget, tmp_path: Path) -> None:
    target, before = run_target("toggle"), sshd.log().count("Connection from")
    said = body(tmp_path, alert(instance=target.instance))
    done = alertprof("explain", f"--config.file={config(sshd, tmp_path)}", said)
    assert done.code == 0, done.out + done.err
    assert "port: would look on 127.0.0.1: listening on port" in done.out
    assert f"127.0.0.1 may be contacted: as {sshd.user}@[127.0.0.1]:{sshd.port}" in done.out
    assert "it was not looked at" in done.out
    assert sshd.log().count("Connection from") == before


def test_every_candidate_and_every_refusal_is_told(sshd: Sshd, run_target: RunTarget, tmp_path: Path) -> None:
    plain = run_target("plain")
    alerts = alert(host="127.0.0.1", pid=plain.pid), alert("00000000000000ab", host="127.0.0.1", process="nobody")
    done = alertprof("explain", f"--config.file={config(sshd, tmp_path)}", "--connect", body(tmp_path, *alerts))
    assert done.code == 1
    assert "is no go-zero service" in done.out
    assert f"labels: 1 on 127.0.0.1 pid {plain.pid}" in done.out
    assert "=> No capture: 127.0.0.1: no process called 'nobody'" in done.out
    assert "0 of 2 alerts would lead to a capture." in done.out
    assert plain.alive


def test_what_the_service_has_done_already_is_read_from_its_ledger(run_target: RunTarget, tmp_path: Path) -> None:
    target = run_target("toggle")
    with Scene(tmp_path / "scene") as scene:
        told = alert(instance=target.instance, job="orders")
        (capture,) = scene.captured(told)
        events, there = target.events(), f"--config.file={scene.service.config}"
        repeat = alertprof("explain", there, "--connect", body(tmp_path, told))
        other = alertprof("explain", there, "--connect", body(tmp_path, told | {"fingerprint": "00000000000000ff"}))
        assert f"=> No capture: a repeat: capture {capture['id']} (completed)" in repeat.out
        assert f"=> No capture: orders on 127.0.0.1 was profiled by {capture['id']}; not again before" in other.out
        assert (repeat.code, other.code) == (1, 1)
        assert target.events() == events
        answer = scene.ask("POST", "/explain?connect=true", content=json.dumps(message([told])))
        assert answer.json()["alerts"][0]["verdict"] in repeat.out
        assert [each["about"] for each in scene.ask("GET", "/messages").json()["messages"]] == ["HighCPU"]


def test_two_alerts_about_one_process_are_one_capture(sshd: Sshd, run_target: RunTarget, tmp_path: Path) -> None:
    target = run_target("timed")
    two = alert(instance=target.instance), alert("00000000000000ab", host="127.0.0.1", pid=target.pid)
    done = alertprof("explain", f"--config.file={config(sshd, tmp_path)}", "--connect", body(tmp_path, *two))
    assert done.code == 1
    assert "1 of 2 alerts would lead to a capture." in done.out
    assert "about the same process" in done.out
    assert target.events() == []


def test_a_host_that_is_down_is_told_and_waited_for_no_longer(sshd: Sshd, tmp_path: Path) -> None:
    file = config(sshd, tmp_path)
    sshd.stop()
    done = alertprof("explain", f"--config.file={file}", "--connect", body(tmp_path, alert(host="127.0.0.1", pid=77)))
    assert done.code == 1
    assert "no connection" in done.out and "the service holds it back" in done.out


# ---------------------------------------------------------------------- doctor


def doctor(file: Path, host: str = "127.0.0.1", *more: str) -> Done:
    return alertprof("doctor", f"--config.file={file}", host, *more)


def test_a_sound_way_is_ok_step_by_step(sshd: Sshd, run_target: RunTarget, tmp_path: Path) -> None:
    target = run_target("toggle", HOT="1")
    file = config(sshd, tmp_path)
    done = doctor(file, "127.0.0.1", f"--pid={target.pid}")
    assert (done.code, done.refused) == (0, []), done.out + done.err
    steps = ["configuration", "allowed and known", "name", "connection", "host key", "authentication", "shell"]
    for step in [*steps, "clock", "port forwarding", "gate"]:
        assert done.line(step).startswith("ok"), done.out
    assert str(sshd.client_key) in done.line("authentication")
    assert "can be profiled by go-zero-toggle" in done.out
    assert "MiB are free where its files would go" in done.out
    assert target.events() == [] and list(target.tmp.iterdir()) == []


def test_the_go_programs_are_listed_with_how_or_why_not(sshd: Sshd, run_target: RunTarget, tmp_path: Path) -> None:
    target, other = run_target("toggle", HOT="1"), run_target("sponge")  # hot too: doctor begins with the busiest
    done = doctor(config(sshd, tmp_path))
    assert "can be profiled by go-zero-toggle" in done.line(f"pid {target.pid} ")
    assert "is no go-zero service" in done.line(f"pid {other.pid} ")
    assert target.events() == []


def test_a_bad_configuration_is_told_fault_by_fault(tmp_path: Path) -> None:
    (file := tmp_path / "bad.yml").write_text("ssh: {prot: 22}\nlimits: {cooldown: 30}\n")
    done = doctor(file)
    assert (done.code, len(done.refused)) == (1, 2)
    assert f"{file}:1:7" in done.refused[0]


def test_a_host_that_is_not_known_is_told_how_to_know_it(sshd: Sshd, tmp_path: Path) -> None:
    done = doctor(config(sshd, tmp_path), "127.0.0.2")
    assert done.code == 1
    assert done.refused == [done.line("allowed and known")]
    assert "ssh-keyscan" in done.refused[0]


def test_a_host_that_is_not_allowed_is_told_where_to_allow_it(sshd: Sshd, tmp_path: Path) -> None:
    done = doctor(config(sshd, tmp_path, allowed_hosts=["10.0.0.0/8"]))
    assert "allowed_hosts" in done.line("allowed and known") and done.code == 1


def test_a_name_that_leads_nowhere_is_told(sshd: Sshd, tmp_path: Path) -> None:
    sshd.known_hosts.write_text(sshd.known_hosts.read_text().replace("127.0.0.1", "nowhere.invalid"))
    done = doctor(config(sshd, tmp_path), "nowhere.invalid")
    assert done.refused == [done.line("name")]
    assert "/etc/hosts" in done.refused[0]


def test_a_host_that_is_down_is_told(sshd: Sshd, tmp_path: Path) -> None:
    file = config(sshd, tmp_path)
    sshd.stop()
    done = doctor(file)
    assert done.refused == [done.line("connection")]
    assert "firewall" in done.refused[0]
    assert done.line("name").startswith("ok")


def test_a_changed_host_key_is_told_with_both_ways_to_read_it(sshd: Sshd, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text().split()[1]
    name, kind, _ = sshd.known_hosts.read_text().split()
    sshd.known_hosts.write_text(f"{name} {kind} {other}\n")
    done = doctor(config(sshd, tmp_path))
    assert done.refused == [done.line("host key")]
    assert "ssh-keygen" in done.refused[0]
    assert done.line("connection").startswith("ok")


def test_a_refused_key_is_told_with_the_keys_that_were_tried(sshd: Sshd, tmp_path: Path) -> None:
    (sshd.directory / "authorized_keys").write_text("")
    done = doctor(config(sshd, tmp_path))
    assert done.refused == [done.line("authentication")]
    assert "authorized_keys" in done.refused[0] and str(sshd.client_key) in done.refused[0]


def test_a_process_that_cannot_be_profiled_or_is_not_there_is_told(
    sshd: Sshd, run_target: RunTarget, tmp_path: Path
) -> None:
    plain, file = run_target("plain"), config(sshd, tmp_path)
    done = doctor(file, "127.0.0.1", f"--pid={plain.pid}")
    assert done.code == 1 and "is no go-zero service" in done.refused[0]
    plain.stop()
    assert "there is no such process" in doctor(file, "127.0.0.1", f"--pid={plain.pid}").refused[0]


def test_behind_a_jump_host_every_hop_has_its_steps(sshd: Sshd, tmp_path: Path) -> None:
    with Sshd(tmp_path / "jump", listen="127.0.0.2") as jump:
        (tmp_path / "known").write_text(sshd.known_hosts.read_text() + jump.known_hosts.read_text())
        (tmp_path / "jump" / "authorized_keys").write_text((sshd.directory / "authorized_keys").read_text())
        ssh = {"known_hosts_file": str(tmp_path / "known"), "jump_host": f"127.0.0.2:{jump.port}"}
        done = doctor(config(sshd, tmp_path, ssh))
        assert done.code == 0, done.out + done.err
        assert done.line("host key (jump host 127.0.0.2)").startswith("ok")
        assert done.line("host key:").startswith("ok")
        sshd.stop()
        ended = doctor(config(sshd, tmp_path, ssh))
        assert ended.refused == [ended.line("connection:")]


def bound(sshd: Sshd, command: str, *, options: str = "restrict") -> None:
    keys = sshd.directory / "authorized_keys"
    keys.write_text(f'{options},command="{command}" {keys.read_text()}')


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The gate as a file, as `alertprof gate` prints it."""
    gate = tmp_path / "alertprof-gate"
    gate.write_text(alertprof("gate").out)
    gate.chmod(0o755)
    return gate


def test_a_key_that_may_run_nothing_but_the_gate_is_sound_and_what_it_may_not_is_told(
    sshd: Sshd, run_target: RunTarget, tmp_path: Path, installed: Path
) -> None:
    target = run_target("toggle", HOT="1")
    bound(sshd, str(installed))
    done = doctor(config(sshd, tmp_path, {"gate": "installed"}), "127.0.0.1", f"--pid={target.pid}")
    assert (done.code, done.refused) == (0, []), done.out
    assert "opens none" in done.line("shell")
    assert "no http-pprof" in done.line("port forwarding") and not done.line("port forwarding").startswith("ok")
    assert "the installed one answers" in done.line("gate")


def test_a_bound_key_that_the_configuration_does_not_know_of_is_told_the_remedy(
    sshd: Sshd, tmp_path: Path, installed: Path
) -> None:
    bound(sshd, str(installed))
    done = doctor(config(sshd, tmp_path))
    assert done.code == 1
    assert "set gate: installed" in done.line("shell")


def test_a_gate_that_is_not_installed_is_told(sshd: Sshd, tmp_path: Path) -> None:
    done = doctor(config(sshd, tmp_path, {"gate": "installed"}))
    assert done.code == 1
    assert done.refused == [done.line("gate")]
    assert "Is the gate installed there" in done.refused[0]


def test_a_key_that_runs_something_else_is_told(sshd: Sshd, tmp_path: Path) -> None:
    bound(sshd, 'echo \\"no shell for you\\"')
    done = doctor(config(sshd, tmp_path))
    assert done.code == 1
    assert "no shell for you" in done.line("shell")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look at everybody's processes")
def test_processes_of_other_accounts_are_counted(sshd: Sshd, tmp_path: Path) -> None:
    assert "set become: sudo" in doctor(config(sshd, tmp_path)).out


def test_a_port_that_speaks_no_ssh_is_told(sshd: Sshd, tmp_path: Path, run_target: RunTarget) -> None:
    target = run_target("toggle")
    known = sshd.known_hosts.read_text().replace(f"]:{sshd.port}", f"]:{target.port}")
    sshd.known_hosts.write_text(known)
    done = doctor(config(sshd, tmp_path, {"port": target.port}))
    assert done.refused == [done.line("host key")]
    assert "does not speak SSH" in done.refused[0]
    assert ports.is_open(target.port)


# ---------------------------------------------------------------------- what a key, a shell and /proc do not show


def restricted(sshd: Sshd, options: str) -> None:
    keys = sshd.directory / "authorized_keys"
    keys.write_text(f"{options} {keys.read_text()}")


def steps(sshd: Sshd, pid: int | None = None) -> dict[str, Check]:
    """What doctor says of each, the last time."""
    return {check.what: check for check in examined(sshd.settings(), sshd.host, pid)}


def test_a_key_that_may_reach_the_processs_port_alone_is_fit_for_http_pprof(sshd: Sshd, run_target: RunTarget) -> None:
    target = run_target("profiled", HOT="1")
    restricted(sshd, f'restrict,port-forwarding,permitopen="127.0.0.1:{target.port}"')
    seen = steps(sshd, target.pid)
    assert seen["port forwarding"].mark is Mark.OK
    assert f"127.0.0.1:{target.port}" in seen["port forwarding"].message
    assert any("can be profiled by http-pprof" in check.message for check in seen.values())


def test_a_key_that_may_reach_no_port_of_the_process_is_told(sshd: Sshd, run_target: RunTarget) -> None:
    target = run_target("profiled", HOT="1")
    restricted(sshd, 'restrict,port-forwarding,permitopen="127.0.0.1:1"')
    told = steps(sshd, target.pid)["port forwarding"]
    assert told.mark is Mark.NOTE and "so no http-pprof" in told.message


def test_a_shell_that_prints_is_no_obstacle_and_one_that_ends_is_named(tmp_path: Path) -> None:
    with Sshd(tmp_path / "a", config=['ForceCommand printf title; exec sh -c "$SSH_ORIGINAL_COMMAND"']) as prints:
        assert steps(prints, 1)["shell"].mark is Mark.OK
    with Sshd(tmp_path / "b", config=["ForceCommand echo no shell for you >&2; exit 7"]) as ends:
        seen = steps(ends)
        assert all("no shell for you" in seen[step].message for step in ("shell", "gate"))


@pytest.mark.skipif(not POSSIBLE, reason="accounts can be made by root alone, where useradd is installed")
def test_processes_that_proc_hides_are_not_called_gone(tmp_path: Path) -> None:
    mount = 'mount -t proc -o hidepid=2 proc /proc || exit 1; exec "$@"'
    if subprocess.run(["unshare", "-m", "sh", "-c", mount, "sh", "true"], check=False).returncode:
        pytest.skip("no /proc can be mounted here")
    for each in (tmp_path, *tmp_path.parents):
        if str(each) not in ("/", "/tmp"):  # noqa: S108
            each.chmod(each.stat().st_mode | 0o011)
    within = ["unshare", "-m", "sh", "-c", mount, "sh"]
    with account("/bin/sh") as user, Sshd(tmp_path / "sshd", user=user, within=within) as hiding:
        told = steps(hiding, os.getpid())[f"pid {os.getpid()}"]
        assert "hidepid" in told.message and "no such process" not in told.message
        assert "hidepid" in steps(hiding)["processes"].message
        asked = body(tmp_path, alert(host="127.0.0.1", pid=os.getpid()))
        looked = alertprof("explain", f"--config.file={config(hiding, tmp_path)}", "--connect", asked)
        assert "hidepid" in looked.out, looked.out


def test_explain_and_doctor_say_beforehand_that_a_self_stopping_go_zero_takes_its_own_minute(
    sshd: Sshd, run_target: RunTarget, tmp_path: Path
) -> None:
    timed, file = run_target("timed"), config(sshd, tmp_path)
    told = alertprof(
        "explain", f"--config.file={file}", "--connect", body(tmp_path, alert(host="127.0.0.1", pid=timed.pid))
    )
    seen = alertprof("doctor", f"--config.file={file}", "127.0.0.1", "--pid", str(timed.pid))

    assert "go-zero-timed, for 60 s (this go-zero stops by itself: it records for 60 s" in told.out
    assert "can be profiled by go-zero-timed (this go-zero stops by itself: it records for 60 s" in seen.out
    assert timed.events() == []
