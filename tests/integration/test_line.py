"""The whole line on real parts: HTTP in, SSH out, files home. The targets' event logs are the truth about signals."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.scene import Scene, alert, codes, kinds
from tests.lab import golang
from tests.lab.process import eventually
from tests.lab.target import Service

SEVEN = {"cpu", "heap", "mutex", "block", "threadcreate", "trace", "goroutine"}
RunTarget = Callable[..., Service]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path / "scene") as made:
        yield made


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, 9)
        process.communicate()


def top(url: str, folder: Path) -> str:
    return golang.tool("pprof", "-top", url, env={"PPROF_TMPDIR": str(folder)})


def whats(service: Service) -> list[str]:
    return [event.what for event in service.events()]


# ---------------------------------------------------------------------- the main job


def test_an_alert_about_a_toggling_process_becomes_seven_files_and_pprof_names_the_hot_function(
    scene: Scene, run_target: RunTarget, tmp_path: Path
) -> None:
    target = run_target("toggle", HOT="1")
    (capture,) = scene.captured(alert(instance=target.instance, job="orders"))
    assert (capture["state"], capture["profiler"]) == ("completed", "go-zero-toggle")
    assert not any("whatever duration" in entry["message"] for entry in capture["timeline"])
    assert kinds(capture) == SEVEN
    cpu = next(artifact for artifact in capture["artifacts"] if artifact["kind"] == "cpu")
    assert "main.checksum" in top(scene.service.url + cpu["href"], tmp_path)
    assert whats(target) == ["usr2", "start", "usr1", "usr2", "stop"]
    assert list(target.tmp.iterdir()) == [], "our files are still on the host"


def test_a_self_stopping_process_is_signalled_once_and_never_again(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("timed", STANDIN_PROFILE_SECONDS="2", HOT="1")
    (capture,) = scene.captured(alert(host="127.0.0.1", pid=target.pid))
    assert (capture["state"], capture["profiler"]) == ("completed", "go-zero-timed")
    told = [entry["step"] for entry in capture["timeline"] if "it records for 60 s, whatever" in entry["message"]]
    assert told == ["resolved"], "said before it begins"
    assert kinds(capture) == SEVEN
    assert whats(target) == ["usr2", "start", "usr1", "stop"]
    target.signal()  # a signal of ours that came late would be refused by this recording, or begin one before it
    target.wait_event("stop", times=2)
    assert (target.count("usr2"), target.count("start"), target.count("refused")) == (2, 2, 0)


@pytest.mark.parametrize("name", ["real-v1.6.0", "real-v1.10.3"])
def test_real_go_zero_is_profiled(scene: Scene, run_target: RunTarget, tmp_path: Path, name: str) -> None:
    """The newer one stops by itself, after a minute of its own: nobody asks it to, which it would refuse in its log."""
    own_minute = name == "real-v1.10.3"
    target = run_target(name, HOT="" if own_minute else "1")
    (new,) = scene.deliver(alert(instance=target.instance))["captures"]
    if own_minute:
        eventually(target.recording, "it records")
        target.hot(3)
    capture = scene.service.wait_capture(new, timeout=150)
    assert capture["state"] == "completed", capture["reason"]
    begun, ended = (datetime.fromisoformat(capture[at]) for at in ("started_at", "stopped_at"))
    assert (ended - begun > timedelta(seconds=50)) is own_minute
    assert "profile: Start() already called" not in target.process.log.read_text()
    assert capture["target"]["gozero_version"] == name.removeprefix("real-")
    assert kinds(capture) == SEVEN
    cpu = next(artifact for artifact in capture["artifacts"] if artifact["kind"] == "cpu")
    assert "main.checksum" in top(scene.service.url + cpu["href"], tmp_path)
    assert not target.recording()


# ---------------------------------------------------------------------- refused, each with its reason, and all alive


def test_a_python_process_is_refused_and_lives(scene: Scene) -> None:
    with running(sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)") as python:
        assert python.stdout and python.stdout.readline()
        (capture,) = scene.captured(alert(host="127.0.0.1", pid=python.pid))
        assert (capture["state"], codes([capture])) == ("failed", ["unsafe_signal"])
        assert "kill it" in capture["reason"]["message"]
        assert python.poll() is None


def test_a_plain_go_program_is_refused_and_lives(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("plain")
    (capture,) = scene.captured(alert(host="127.0.0.1", pid=target.pid))
    assert (capture["state"], codes([capture])) == ("failed", ["no_profiler"])
    assert target.alive


def test_the_shell_around_a_service_is_refused_and_both_live(scene: Scene, tmp_path: Path) -> None:
    orders = shutil.copy(golang.build("toggle"), tmp_path / "orders-of-this-test")
    with running("/bin/sh", "-c", f"PORT=0 {orders}; true") as wrapper:
        assert wrapper.stdout and wrapper.stdout.readline().startswith(b"READY")
        (capture,) = scene.captured(alert(host="127.0.0.1", pid=wrapper.pid))
        assert (capture["state"], codes([capture])) == ("failed", ["process_is_wrapper"])
        assert wrapper.poll() is None
        # The service's own name finds the service, never the shell whose command line contains it.
        (named,) = scene.captured(alert("00000000000000ab", host="127.0.0.1", process=str(orders)))
        assert named["target"]["pid"] != wrapper.pid
        assert named["state"] == "completed"


def test_a_pid_that_is_gone_is_refused(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle")
    target.stop()
    (capture,) = scene.captured(alert(host="127.0.0.1", pid=target.pid))
    assert (capture["state"], codes([capture])) == ("failed", ["process_not_found"])


def test_several_processes_of_one_name_are_refused_with_the_list(scene: Scene, tmp_path: Path) -> None:
    orders = shutil.copy(golang.build("toggle"), tmp_path / "orders-of-these-two")
    env = f"PORT=0 TMPDIR={tmp_path}"
    with running("/bin/sh", "-c", f"{env} {orders}; :") as one, running("/bin/sh", "-c", f"{env} {orders}; :") as two:
        pids = [said.stdout.readline().split()[1].decode() for said in (one, two) if said.stdout]
        (capture,) = scene.captured(alert(host="127.0.0.1", process="orders-of-these-two"))
        assert codes([capture]) == ["process_ambiguous"]
        assert all(pid in capture["reason"]["message"] for pid in pids)
        assert list(tmp_path.glob("*.pprof")) == []


def test_labels_that_name_no_process_have_a_row_that_says_so(scene: Scene) -> None:
    (capture,) = scene.captured(alert(severity="critical"))
    assert codes([capture]) == ["process_not_found"]
    assert "instance" in capture["reason"]["message"]


def test_a_host_that_is_not_ours_is_refused_without_a_look(scene: Scene) -> None:
    (capture,) = scene.captured(alert(host="127.0.0.99", pid=4242))
    assert codes([capture]) == ["host_not_allowed"]


def test_a_recording_by_hand_is_waited_for_and_never_toggled_off(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle")
    target.signal()
    eventually(lambda: "threadcreate" in target.held(), "the recording by hand is on")
    (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
    waiting = scene.service.process.until(
        lambda: [e for e in scene.service.capture(new)["timeline"] if "by hand" in e["message"]], "it waits"
    )
    assert waiting and target.count("usr2") == 1
    target.signal()
    assert scene.service.wait_capture(new)["state"] == "completed"
    assert whats(target).count("start") == 2


# ---------------------------------------------------------------------- repeats


def test_fifty_concurrent_deliveries_of_two_alerts_about_one_process_make_one_recording(
    scene: Scene, run_target: RunTarget
) -> None:
    target = run_target("toggle")
    two = [alert(f"00000000000000b{n}", host="127.0.0.1", pid=target.pid, about=what) for n, what in enumerate("cm")]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: scene.deliver(*two), range(50)))
    created = [new for answer in answers for new in answer["captures"]]
    assert len(created) == 2
    ended = [scene.service.wait_capture(each) for each in created]
    assert sorted(capture["state"] for capture in ended) == ["completed", "skipped"]
    assert set(codes(ended)) == {None, "duplicate"}
    assert whats(target).count("start") == 1


def test_a_resolved_alert_starts_nothing_and_is_noted_on_its_capture(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle")
    labels: dict[str, Any] = {"host": "127.0.0.1", "pid": target.pid}
    assert scene.deliver(alert(firing=False, **labels)) == {"captures": [], "known": [], "skipped": []}
    (capture,) = scene.captured(alert(**labels))
    scene.deliver(alert(firing=False, **labels))
    assert scene.service.capture(capture["id"])["trigger"]["resolved_at"]
    assert target.count("start") == 1


def test_two_services_on_one_host_record_one_after_the_other(scene: Scene, run_target: RunTarget) -> None:
    first, second = run_target("toggle"), run_target("toggle")
    two = [alert(f"00000000000000c{n}", instance=t.instance, job=f"j{n}") for n, t in enumerate((first, second))]
    ended = scene.captured(*two)
    assert [capture["state"] for capture in ended] == ["completed", "completed"]
    (a, b), (c, d) = sorted((t.wait_event("start").at_ms, t.wait_event("stop").at_ms) for t in (first, second))
    assert a < b < c < d, "they recorded at the same time"
    waited = [entry for capture in ended for entry in capture["timeline"] if "limits.per_host" in entry["message"]]
    assert waited


def test_the_same_service_is_left_to_cool_down_and_an_alert_about_it_waits_for_that(
    scene: Scene, run_target: RunTarget
) -> None:
    target = run_target("toggle")
    labels: dict[str, Any] = {"host": "127.0.0.1", "pid": target.pid}
    assert [capture["state"] for capture in scene.captured(alert(**labels))] == ["completed"]
    (again,) = scene.deliver(alert("00000000000000ad", **labels))["captures"]
    eventually(lambda: codes([scene.service.capture(again)]) == ["cooldown"], "it is held back", 60)
    assert scene.service.capture(again)["state"] == "pending"
    scene.deliver(alert("00000000000000ad", firing=False, **labels))
    capture = scene.service.wait_capture(again)
    assert (capture["state"], codes([capture])) == ("skipped", ["cooldown"])
    assert target.count("start") == 1


def test_an_alert_after_a_capture_by_hand_is_captured(scene: Scene, run_target: RunTarget) -> None:
    """As in the README: try it by hand, then point Alertmanager at it."""
    target = run_target("toggle")
    asked = {"host": "127.0.0.1", "pid": target.pid, "duration": "1s"}
    by_hand = scene.ask("POST", "/capture?wait=90s", json=asked).json()
    assert by_hand["state"] == "completed", by_hand["reason"]
    (capture,) = scene.captured(alert(instance=target.instance))
    assert (capture["state"], target.count("start")) == ("completed", 2), capture["reason"]


# ---------------------------------------------------------------------- kill -9 while it records


@pytest.mark.parametrize(("name", "ends"), [("toggle", 2), ("timed", 1)])
def test_kill_9_while_it_records_and_a_restart_complete_the_capture(
    tmp_path: Path, run_target: RunTarget, name: str, ends: int
) -> None:
    target = run_target(name, STANDIN_PROFILE_SECONDS="10")
    with Scene(tmp_path / "scene", duration="10s") as scene:
        (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
        scene.service.wait_capture(new, {"recording"})
        scene.service.kill9()
        assert target.recording()
        scene.service.restart()
        capture = scene.service.wait_capture(new)
        assert capture["state"] == "completed", capture["reason"]
        assert kinds(capture) == SEVEN
    assert not target.recording()
    assert (target.count("start"), target.count("usr2")) == (1, ends)


def test_kill_9_for_good_leaves_no_process_recording(tmp_path: Path, run_target: RunTarget) -> None:
    target = run_target("toggle")
    with Scene(tmp_path / "scene", duration="5s") as scene:
        (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
        scene.service.wait_capture(new, {"recording"})
        scene.service.kill9()
        target.wait_event("stop")
        assert (target.count("usr2"), target.recording()) == (2, False)
        scene.service.restart()
        assert scene.service.wait_capture(new)["state"] == "completed"
        assert target.count("start") == 1


# ---------------------------------------------------------------------- by hand


def test_a_capture_by_hand_answers_when_it_has_ended(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle")
    asked = {"host": "127.0.0.1", "port": target.port, "duration": "1s", "note": "a look"}
    answer = scene.ask("POST", "/capture?wait=60s", json=asked)
    assert answer.status_code == 202
    capture = answer.json()
    assert answer.headers["location"] == f"/captures/{capture['id']}"
    assert (capture["state"], capture["trigger"]["kind"]) == ("completed", "manual")


def test_a_recording_can_be_stopped_early_and_not_deleted_before(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle")
    capture = scene.ask("POST", "/capture", json={"host": "127.0.0.1", "pid": target.pid, "duration": "10m"}).json()
    scene.service.wait_capture(capture["id"], {"recording"})
    assert scene.ask("DELETE", f"/captures/{capture['id']}").status_code == 409
    assert scene.ask("POST", f"/captures/{capture['id']}/stop").status_code < 300
    ended = scene.service.wait_capture(capture["id"])
    assert (ended["state"], kinds(ended)) == ("completed", SEVEN)
    href = ended["artifacts"][0]["href"]
    assert scene.ask("DELETE", f"/captures/{capture['id']}").status_code < 300
    assert scene.ask("GET", href).status_code == 404


def test_a_process_that_dies_while_it_records_is_an_honest_failure_with_what_there_is(
    scene: Scene, run_target: RunTarget
) -> None:
    target = run_target("toggle")
    capture = scene.ask("POST", "/capture", json={"host": "127.0.0.1", "pid": target.pid, "duration": "30s"}).json()
    scene.service.wait_capture(capture["id"], {"recording"})
    target.stop()
    ended = scene.service.wait_capture(capture["id"])
    assert (ended["state"], codes([ended])) == ("failed", ["process_exited"])
    assert "cpu" in ended["reason"]["message"]
    assert "goroutine" in kinds(ended)


def test_a_process_that_is_slow_to_begin_is_waited_for_and_signalled_once(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle", STANDIN_START_DELAY_MS="5000")  # longer than the gate looks for its files
    (capture,) = scene.captured(alert(host="127.0.0.1", pid=target.pid))
    assert capture["state"] == "completed", capture["reason"]
    assert any("opened no profile files" in entry["message"] for entry in capture["timeline"])
    assert (target.count("start"), target.count("usr2")) == (1, 2)


def test_a_process_that_cannot_write_its_profiles_is_no_success(
    scene: Scene, run_target: RunTarget, tmp_path: Path
) -> None:
    target = run_target("toggle", TMPDIR=str(tmp_path / "missing"))
    (capture,) = scene.captured(alert(host="127.0.0.1", pid=target.pid))
    assert (capture["state"], codes([capture])) == ("failed", ["profile_empty"])
    assert "TMPDIR" in capture["reason"]["message"]
