"""What becomes of a capture when the way to its host is cut, shut or refused in the middle, on a real sshd.

Cells of the table in docs/reliability.md; the cells that other tests show are named there.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from app.gate.answers import Mode
from app.gate.client import Gate
from app.model import ProcessId
from tests.integration.scene import Scene, alert, codes, kinds
from tests.lab.forked import Forked
from tests.lab.process import eventually
from tests.lab.proxy import Cut, Line
from tests.lab.relay import Relay
from tests.lab.service import Alertprof
from tests.lab.shell import local_gate
from tests.lab.sshd import Sshd, make_key
from tests.lab.target import Service

LAST_PID = Path("/proc/sys/kernel/ns_last_pid")
BIG, RATE = 24 << 20, 6e6  # bytes of a trace, and a second: it is under way for some seconds
RunTarget = Callable[..., Service]


class Wired(Scene):
    """A scene with a line between alertprof and sshd that can be cut."""

    def __init__(self, folder: Path, *, duration: str = "6s") -> None:
        folder.mkdir()
        self._ends = ExitStack()
        self.sshd = self._ends.enter_context(Sshd(folder / "sshd"))
        narrow = self._ends.enter_context(Relay(self.sshd.port, rate=RATE))
        self.line = self._ends.enter_context(Line(narrow.port))
        key = self.sshd.known_hosts.read_text().partition(" ")[2]
        known = folder / "known_hosts"
        known.write_text(f"[127.0.0.1]:{self.line.port} {key}")
        way = {"user": self.sshd.user, "port": self.line.port, "identity_file": str(self.sshd.client_key)}
        config = {
            "ssh": {**way, "known_hosts_file": str(known)},
            "rules": [{"name": "every alert", "duration": duration}],
        }
        self.service = self._ends.enter_context(Alertprof(folder, config, run=Forked))

    def __exit__(self, *exc: object) -> None:
        self._ends.close()


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[Wired]:
    with Wired(tmp_path / "wired") as made:
        yield made


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path / "scene", duration="6s") as made:
        yield made


def begun(scene: Scene, target: Service) -> str:
    """An alert about the target, just taken; its capture."""
    (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
    return str(new)


def told(scene: Scene, capture_id: str, words: str) -> None:
    """Until its timeline says so."""
    said = lambda: [e for e in scene.service.capture(capture_id)["timeline"] if words in e["message"]]  # noqa: E731
    scene.service.process.until(said, f"its timeline says {words!r}")


def completed(scene: Scene, capture_id: str) -> dict[str, Any]:
    capture = scene.service.wait_capture(capture_id, timeout=120)
    assert (capture["state"], len(kinds(capture))) == ("completed", 7), capture["reason"]
    return capture


# ---------------------------------------------------------------------- the host is down, or lets nobody in


def test_a_host_that_is_down_is_waited_for(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle")
    scene.sshd.stop()
    new = begun(scene, target)
    told(scene, new, "127.0.0.1")
    assert scene.service.capture(new)["state"] == "pending"
    scene.sshd.start()
    completed(scene, new)
    assert (target.count("start"), target.count("usr2")) == (1, 2)


def test_a_host_that_goes_down_while_it_records_is_waited_for(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle")
    new = begun(scene, target)
    scene.service.wait_capture(new, {"recording"})
    scene.sshd.stop()  # with everything that ran in its sessions, the dead-man's switch too
    told(scene, new, "refused")
    scene.sshd.start()
    completed(scene, new)
    assert (target.count("start"), target.count("usr2"), target.recording()) == (1, 2, False)


def test_an_sshd_that_is_full_is_waited_for(scene: Scene, run_target: RunTarget) -> None:
    target = run_target("toggle")
    scene.sshd.stop()
    scene.sshd._config.append("MaxStartups 4:100:4")  # of this key the last line wins
    scene.sshd.start()
    with full(scene.sshd):
        new = begun(scene, target)
        told(scene, new, "MaxStartups")
        assert scene.service.capture(new)["state"] == "pending"
    completed(scene, new)


@contextmanager
def full(sshd: Sshd) -> Iterator[None]:
    """Somebody connects and says nothing, again and again, until the server takes nobody any more. Whoever was there
    before has to be gone: the server counts them for a moment longer."""
    eventually(lambda: not sshd.sessions(), "nobody is at the door")
    with ExitStack() as ends:
        somebody = ends.enter_context(socket.create_connection(("127.0.0.1", sshd.port)))
        while somebody.recv(4) == b"SSH-":
            somebody = ends.enter_context(socket.create_connection(("127.0.0.1", sshd.port)))
        yield


# ---------------------------------------------------------------------- the host shuts us out


def no_key(sshd: Sshd) -> Callable[[], object]:
    authorized = sshd.directory / "authorized_keys"
    before = authorized.read_text()
    authorized.write_text("")
    return lambda: authorized.write_text(before)


def another_host_key(sshd: Sshd) -> Callable[[], object]:
    """Under a running server: its sessions live on."""
    key, before = sshd.directory / "host_ed25519", sshd.directory / "before"
    shutil.copy(key, before)
    shutil.copy(make_key(sshd.directory / "another"), key)
    reread(sshd)

    def restore() -> None:
        shutil.copy(before, key)
        reread(sshd)

    return restore


def reread(sshd: Sshd) -> None:
    before = sshd.log().count("Server listening on")
    os.kill(int((sshd.directory / "sshd.pid").read_text()), signal.SIGHUP)
    eventually(lambda: sshd.log().count("Server listening on") > before, "it serves as it was told anew")


SHUT = [(no_key, "auth_failed"), (another_host_key, "host_key_mismatch")]


@pytest.mark.parametrize(("shut", "code"), SHUT)
def test_a_host_that_does_not_let_us_in_is_a_failure_and_nothing_is_signalled(
    wired: Wired, run_target: RunTarget, shut: Callable[[Sshd], object], code: str
) -> None:
    target = run_target("toggle")
    shut(wired.sshd)
    capture = wired.service.wait_capture(begun(wired, target))
    assert (capture["state"], codes([capture])) == ("failed", [code])
    assert target.events() == []


@pytest.mark.parametrize(("shut", "code"), SHUT)
def test_a_host_that_shuts_us_out_while_it_records_ends_the_recording_itself_and_is_asked_again(
    wired: Wired, run_target: RunTarget, shut: Callable[[Sshd], Callable[[], object]], code: str
) -> None:
    target = run_target("toggle")
    new = begun(wired, target)
    wired.service.wait_capture(new, {"recording"})
    reopen = shut(wired.sshd)
    wired.line.cut(Cut.RST)
    wired.line.restore()
    target.wait_event("stop")
    assert wired.service.capture(new)["state"] == "recording", "it has not given up"
    reopen()
    completed(wired, new)
    assert (target.count("start"), target.count("usr2")) == (1, 2)


# ---------------------------------------------------------------------- the network is cut


@pytest.mark.parametrize("how", [Cut.RST, Cut.FIN])  # a black hole takes 20 s more; `make cut` has it
def test_a_connection_cut_in_the_middle_of_a_file_is_begun_again_and_the_file_is_whole(
    wired: Wired, run_target: RunTarget, how: Cut
) -> None:
    target = run_target("toggle")
    asked = {"host": "127.0.0.1", "pid": target.pid, "duration": "10m"}
    new = wired.ask("POST", "/capture", json=asked).json()["id"]
    wired.service.wait_capture(new, {"recording"})
    trace = target.files()["trace"]
    os.truncate(trace, BIG)  # it goes on writing where it was
    with trace.open("rb") as original:
        wired.ask("POST", f"/captures/{new}/stop")
        coming = wired.service.folder / "artifacts" / ".incoming"
        wired.service.process.until(lambda: begins(coming), "the trace is on its way")
        wired.line.cut(how)
        time.sleep(0.2)
        wired.line.restore()
        capture = completed(wired, new)
        wanted = hashlib.file_digest(original, "sha256").hexdigest()
    (stored,) = [each for each in capture["artifacts"] if each["kind"] == "trace"]
    assert (stored["sha256"], stored["size"]) == (wanted, BIG)
    assert [e for e in capture["timeline"] if e["step"] == "waiting"], "it was never cut: this test shows nothing"


def begins(coming: Path) -> bool:
    with suppress(FileNotFoundError):
        return any(0 < file.stat().st_size < BIG for file in coming.rglob("trace"))
    return False


def test_a_cut_network_while_it_records_never_restored_leaves_no_process_recording(
    wired: Wired, run_target: RunTarget
) -> None:
    target = run_target("toggle")
    new = begun(wired, target)
    wired.service.wait_capture(new, {"recording"})
    wired.line.cut(Cut.HOLE)
    target.wait_event("stop")
    assert (target.count("start"), target.count("usr2"), target.recording()) == (1, 2, False)
    assert not wired.service.capture(new)["ended_at"], "it may come back: the files are there"
    wired.service.kill9()  # or it would wait for its answers


# ---------------------------------------------------------------------- the number is given to another process


@pytest.mark.skipif(not os.access(LAST_PID, os.W_OK), reason="only root may say which pid comes next")
def test_a_process_that_was_given_the_number_of_the_one_meant_is_not_signalled(run_target: RunTarget) -> None:
    gate = local_gate()
    meant, reborn = eventually(lambda: killed_and_reborn(gate, run_target("toggle")), "another has its number", 90)
    with reborn as other:
        assert gate.start(meant, Mode.TOGGLE, 30, "0123456789abcdef0123456789abcdef").code == "replaced"
        assert other.poll() is None, "SIGUSR2 would have killed it"
        other.kill()
    gate.close()


def killed_and_reborn(gate: Gate, target: Service) -> tuple[ProcessId, subprocess.Popen[bytes]] | None:
    """The process that ended, and a `sleep` with its number; None where somebody else's process was given that."""
    meant = gate.look(target.pid)
    assert meant
    target.stop()
    for _ in range(50):
        LAST_PID.write_text(str(target.pid - 1))
        process = subprocess.Popen(["sleep", "600"])
        if process.pid == meant.id.pid:
            return meant.id, process
        process.kill()
        process.wait()
    return None
