"""Full disks, ours and the target's, files that vanish or grow too large, and a database that takes nothing.

Real full disks are small tmpfs mounts, which only root may make; elsewhere these tests are skipped and say so.
"""

import errno
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest

from app.gate.answers import Mode
from app.gate.client import Gate
from app.stores import Directory
from tests.integration.scene import Scene, alert, codes, kinds, message
from tests.integration.test_gate import stopped
from tests.lab.process import eventually
from tests.lab.shell import CHOSEN, SHELLS, ShellPipe
from tests.lab.target import Service

RunTarget = Callable[..., Service]
Mount = Callable[[str], Path]
PROFILES = {"cpu", "heap", "mutex", "block", "threadcreate"}


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Mount]:
    """tmpfs("64k"): an empty disk of that size."""
    made: list[Path] = []

    def mount(size: str) -> Path:
        place = tmp_path / f"disk-{len(made)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.decode().strip()}")
        made.append(place)
        return place

    yield mount
    for place in made:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """A file that takes all the room but `leave` bytes."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        while (room := (left := os.statvfs(disk)).f_bavail * left.f_frsize - leave) > 0:
            try:
                os.posix_fallocate(file.fileno(), 0, room)
            except OSError as error:  # somebody took a page meanwhile
                assert error.errno == errno.ENOSPC, error
            else:
                break
    return filler


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path / "scene") as made:
        yield made


def recording(scene: Scene, target: Service, duration: str = "10m") -> str:
    """A capture by hand that records; its id."""
    asked = {"host": "127.0.0.1", "pid": target.pid, "duration": duration}
    new: str = scene.ask("POST", "/capture", json=asked).json()["id"]
    scene.service.wait_capture(new, {"recording"})
    return new


def said(capture: dict[str, Any], words: str) -> bool:
    return any(words in entry["message"] for entry in capture["timeline"])


# ---------------------------------------------------------------------- the target's disk


def test_a_target_without_room_for_its_files_is_refused_and_not_signalled(
    scene: Scene, run_target: RunTarget, tmpfs: Mount
) -> None:
    target = run_target("toggle", TMPDIR=str(tmpfs("64k")))
    (capture,) = scene.captured(alert(host="127.0.0.1", pid=target.pid))
    assert (capture["state"], codes([capture])) == ("failed", ["no_space"])
    assert target.events() == []


def test_a_recording_is_stopped_early_when_the_targets_disk_fills_up(
    scene: Scene, run_target: RunTarget, tmpfs: Mount
) -> None:
    disk = tmpfs("66m")
    target = run_target("toggle", TMPDIR=str(disk))
    new = recording(scene, target)
    fill(disk, leave=8 << 20)
    capture = scene.service.wait_capture(new)
    assert capture["state"] == "completed", capture["reason"]
    assert said(capture, "stopped early: only")
    assert target.count("usr2") == 2


def test_profiles_that_a_full_disk_left_empty_are_no_success(scene: Scene, run_target: RunTarget, tmpfs: Mount) -> None:
    disk = tmpfs("66m")
    target = run_target("toggle", TMPDIR=str(disk))
    new = recording(scene, target)
    fill(disk)
    capture = scene.service.wait_capture(new)
    assert (capture["state"], codes([capture])) == ("failed", ["profile_empty"])
    assert "cpu: empty" in capture["reason"]["message"]
    assert not target.recording()


def gate_with_small_run(shell: str) -> Gate:
    """A gate whose journal is on a disk of two pages."""
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("only root may have a mount namespace of its own")
    begin = f"mount -t tmpfs -o size=8k tmpfs /run && exec {' '.join(SHELLS[shell])} -s"
    return Gate(ShellPipe(["unshare", "-m", "sh", "-c", begin]), "local", send_script=True)


def fill_run_of(gate: Gate) -> None:
    pid = cast(ShellPipe, gate._pipe).process.pid
    enter = ["nsenter", "-m", "-t", str(pid), "sh", "-c"]
    subprocess.run([*enter, "cat /dev/zero >/run/full"], stderr=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize("shell", CHOSEN)
def test_without_room_for_the_journal_nothing_is_signalled(run_target: RunTarget, shell: str) -> None:
    gate, target = gate_with_small_run(shell), run_target("toggle")
    process = gate.look(target.pid)
    assert process
    fill_run_of(gate)
    assert gate.start(process.id, Mode.TOGGLE, 30, os.urandom(16).hex()).code == "journal"
    assert target.events() == []
    gate.close()


@pytest.mark.parametrize("shell", CHOSEN)
def test_a_fence_for_which_there_is_no_room_is_no_fence(run_target: RunTarget, shell: str) -> None:
    gate, target, word = gate_with_small_run(shell), run_target("toggle"), os.urandom(16).hex()
    process = gate.look(target.pid)
    assert process
    assert gate.start(process.id, Mode.TOGGLE, 30, word, 1).code == "started"
    fill_run_of(gate)
    assert gate.fence(process.id, os.urandom(16).hex(), 2).code == "journal"
    assert gate.fence(process.id, word, 2).code == "ok", "what has begun is not begun again"
    assert gate.start(process.id, Mode.TOGGLE, 30, word, 2).code == "replayed"
    assert stopped(gate, word).code == "finished"
    assert target.count("usr2") == 2
    gate.close()


@pytest.mark.parametrize("shell", CHOSEN)
def test_a_recording_ends_although_there_is_no_room_left_for_the_journal(run_target: RunTarget, shell: str) -> None:
    gate, target, word = gate_with_small_run(shell), run_target("toggle"), os.urandom(16).hex()
    process = gate.look(target.pid)
    assert process
    assert gate.start(process.id, Mode.TOGGLE, 30, word).code == "started"
    fill_run_of(gate)
    assert stopped(gate, word).code == "finished"
    assert [event.what for event in target.events()] == ["usr2", "start", "usr2", "stop"]
    gate.close()


def test_the_dead_mans_stop_needs_no_room_for_the_journal(run_target: RunTarget) -> None:
    gate, target = gate_with_small_run("dash"), run_target("toggle")
    process = gate.look(target.pid)
    assert process
    assert gate.start(process.id, Mode.TOGGLE, 0, os.urandom(16).hex()).code == "started"
    fill_run_of(gate)
    target.wait_event("stop")
    assert target.count("usr2") == 2
    gate.close()


# ---------------------------------------------------------------------- files that vanish or grow


def test_a_file_that_was_removed_meanwhile_is_named_and_the_others_come_home(
    scene: Scene, run_target: RunTarget
) -> None:
    target = run_target("toggle")
    new = recording(scene, target)
    target.files()["mem"].unlink()
    scene.ask("POST", f"/captures/{new}/stop")
    capture = scene.service.wait_capture(new)
    assert (capture["state"], codes([capture])) == ("failed", ["profile_empty"])
    assert "heap: was removed or replaced on the host" in capture["reason"]["message"]
    assert PROFILES - {"heap"} <= kinds(capture)


def test_a_trace_that_grows_too_large_ends_the_recording_and_stays_where_it_is(
    scene: Scene, run_target: RunTarget
) -> None:
    target = run_target("toggle")
    new = recording(scene, target)
    os.truncate(target.files()["trace"], 5 << 30)  # a hole: it takes no room
    capture = scene.service.wait_capture(new)
    assert said(capture, "stopped early: the trace has grown to 5120 MiB")
    assert "trace: has 5368709120 bytes, more than is fetched" in capture["reason"]["message"]
    assert kinds(capture) >= PROFILES


def test_files_that_are_still_being_written_are_waited_for(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle", STANDIN_STOP_DELAY_MS="3000")
    (capture,) = scene.captured(alert(host="127.0.0.1", pid=target.pid))
    assert (capture["state"], len(kinds(capture))) == ("completed", 7), capture["reason"]
    assert target.count("usr2") == 2


# ---------------------------------------------------------------------- our disk


def test_while_our_disk_is_full_alerts_are_taken_and_the_files_stay_on_the_target_until_there_is_room(
    tmp_path: Path, run_target: RunTarget, tmpfs: Mount
) -> None:
    disk, target = tmpfs("8m"), run_target("toggle")
    storage = {"database": f"sqlite:///{tmp_path}/ledger.db", "artifacts": str(disk / "artifacts")}
    with Scene(tmp_path / "scene", config={"storage": storage}) as scene:
        assert free_bytes(scene) > 4 << 20
        filler = fill(disk)
        (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
        scene.service.process.until(lambda: said(scene.service.capture(new), "they stay on the host"), "it waits", 60)
        answer = scene.ask("GET", "/-/ready")
        assert (answer.status_code, "had no room for a file" in answer.text) == (503, True)
        assert free_bytes(scene) < 1 << 20
        assert len(list(target.tmp.iterdir())) == 7
        assert scene.deliver(alert("00000000000000ab", host="127.0.0.99"))["captures"]
        filler.unlink()
        eventually(scene.service.ready, "it is ready again")
        capture = scene.service.wait_capture(new)
        assert capture["state"] == "completed"
        assert sum(each["kind"] == "evidence" for each in capture["artifacts"]) == 3, "with the first look"
        assert list(target.tmp.iterdir()) == []
        assert (target.count("start"), target.count("usr2")) == (1, 2)


def test_a_store_that_turns_read_only_is_told_by_ready_until_it_takes_files_again(
    tmp_path: Path, tmpfs: Mount, run_target: RunTarget
) -> None:
    disk, target = tmpfs("64m"), run_target("toggle")
    storage = {"database": f"sqlite:///{tmp_path}/ledger.db", "artifacts": str(disk / "artifacts")}
    with Scene(tmp_path / "scene", config={"storage": storage}) as scene:
        remount(disk, "ro")
        answer = scene.ask("GET", "/-/ready")
        assert answer.status_code == 503
        assert f"the store {disk / 'artifacts'} cannot be written (Read-only file system)" in answer.json()["detail"]
        assert scene.ask("GET", "/-/healthy").status_code == 200
        (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
        scene.service.process.until(lambda: said(scene.service.capture(new), "they stay on the host"), "it waits", 60)
        remount(disk, "rw")
        eventually(scene.service.ready, "it is ready again")
        assert scene.service.wait_capture(new)["state"] == "completed"


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def test_a_store_that_has_no_room_says_so_until_it_takes_a_file_again(tmp_path: Path, tmpfs: Mount) -> None:
    disk, file = tmpfs("8m"), tmp_path / "file"
    store, filler = Directory(disk / "artifacts"), fill(disk, leave=1 << 20)
    file.write_bytes(b"x" * (3 << 20))
    assert store.shortage() is None
    with pytest.raises(OSError, match="No space left") as refused, store.incoming("c"):
        store.put("c/file", file)
    assert refused.value.errno == errno.ENOSPC
    assert "had no room for a file" in (store.shortage() or "")
    assert list((disk / "artifacts").rglob("file*")) == [], "a file is there whole or not at all"
    filler.unlink()
    assert store.shortage() is None, "it may be tried"
    store.put("c/file", file)
    fill(disk)
    assert store.shortage() is None, "it was taken"
    assert "free some space" in (store.refusal() or "")


def free_bytes(scene: Scene) -> float:
    lines = scene.ask("GET", "/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("alertprof_store_free_bytes ")))


def test_what_was_acknowledged_outlives_a_full_disk_and_a_kill_and_nothing_else_is_acknowledged(
    tmp_path: Path, tmpfs: Mount
) -> None:
    disk = tmpfs("8m")
    storage = {"database": f"sqlite:///{disk}/ledger.db", "artifacts": str(tmp_path / "artifacts")}
    with Scene(tmp_path / "scene", config={"storage": storage}) as scene:
        filler = fill(disk, leave=1 << 20)
        taken: list[str] = []
        for number in range(100):
            fat = {**alert(f"{number:016x}", host="127.0.0.99"), "annotations": {"text": "x" * 60_000}}
            answer = httpx2.post(scene.service.webhook, json=message([fat]), timeout=60)
            if answer.status_code != 202:
                break
            taken += answer.json()["captures"]
        assert (answer.status_code, "free some space" in answer.text) == (503, True)
        assert taken
        scene.service.kill9()
        filler.unlink()
        scene.service.restart()
        assert all(scene.service.wait_capture(each)["state"] == "failed" for each in taken)
        assert scene.deliver(fat)["captures"], "the one that was not taken is new"


# ---------------------------------------------------------------------- the database takes nothing


def test_while_the_database_is_locked_the_target_ends_the_recording_and_nothing_is_acknowledged(
    tmp_path: Path, run_target: RunTarget
) -> None:
    target = run_target("toggle")
    with Scene(tmp_path / "scene", duration="6s") as scene:
        (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
        scene.service.wait_capture(new, {"recording"})
        other = sqlite3.connect(scene.service.folder / "alertprof.db", isolation_level=None, timeout=60)
        other.execute("BEGIN EXCLUSIVE")
        late = message([alert("00000000000000ab", host="127.0.0.99")])
        answer = httpx2.post(scene.service.webhook, json=late, timeout=60)
        assert (answer.status_code, "another program holds it" in answer.text) == (503, True)
        target.wait_event("stop")
        other.execute("ROLLBACK")
        other.close()
        capture = scene.service.wait_capture(new)
        assert capture["state"] == "completed", capture["reason"]
        assert (target.count("start"), target.count("usr2")) == (1, 2)
        assert httpx2.post(scene.service.webhook, json=late, timeout=60).status_code == 202
