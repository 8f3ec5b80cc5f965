"""Dumps that come home at once, log lines, variables: on real hosts, and no secret is kept anywhere."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.evidence.asked import Log
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from tests.integration.scene import Scene, alert
from tests.lab.process import eventually
from tests.lab.sshd import Sshd
from tests.lab.target import Service

RunTarget = Callable[..., Service]
SECRET = "hunter2hunter2"


def texts(scene: Scene, capture: dict[str, Any], kind: str) -> dict[str, str]:
    """The artifacts of a kind by the ends of their names."""
    found = [artifact for artifact in capture["artifacts"] if artifact["kind"] == kind]
    return {artifact["name"].partition("Z")[2]: scene.ask("GET", artifact["href"]).text for artifact in found}


def kept(folder: Path) -> list[str]:
    """The files of the service that hold the secret."""
    everything = (path for path in folder.rglob("*") if path.is_file())
    return [str(path) for path in everything if SECRET.encode() in path.read_bytes()]


def begun(scene: Scene, fired: dict[str, Any]) -> dict[str, Any]:
    """The capture of an alert as soon as its dump is home, which is before its recording ends."""
    (id_,) = scene.deliver(fired)["captures"]

    def dumped() -> bool:
        return "dumped" in [event["step"] for event in scene.ask("GET", f"/captures/{id_}").json()["timeline"]]

    eventually(dumped, "the dump is home", 60)
    capture: dict[str, Any] = scene.ask("GET", f"/captures/{id_}").json()
    assert capture["state"] == "recording", capture["reason"]
    return capture


@pytest.mark.parametrize("name", ["real-v1.10.3"])
def test_what_came_home_at_once_stays_when_a_go_zero_service_is_killed(
    tmp_path: Path, run_target: RunTarget, name: str
) -> None:
    log = tmp_path / "logs" / "access.log"
    log.parent.mkdir()
    now = datetime.now(UTC)
    old, new = ((now - ago).isoformat() for ago in (timedelta(hours=1), timedelta(0)))
    log.write_text(
        f'{{"@timestamp":"{old}","content":"of long ago"}}\n'
        f'{{"@timestamp":"{new}","content":"login","password":"{SECRET}"}}\n\tat main.go:3\n'
    )
    evidence = {"logs": [{"file": str(log)}, {"file": str(log.with_name("none.log"))}],
                "environment": ["GOGC", "API_TOKEN", "GOMEMLIMIT"]}  # fmt: skip
    rules = [{"name": "every alert", "duration": "60s", "evidence": evidence}]
    with Scene(tmp_path / "scene", config={"rules": rules}) as scene:
        target = run_target(name, GOGC="150", API_TOKEN=SECRET, OTHER=SECRET)
        capture = begun(scene, alert(instance=target.instance))
        assert list(texts(scene, capture, "goroutine")) == [".txt"]
        os.kill(target.pid, signal.SIGKILL)
        ended = scene.service.wait_capture(capture["id"], timeout=90)
        assert (ended["state"], ended["reason"]["code"]) == ("failed", "process_exited")
        assert texts(scene, ended, "goroutine")[".txt"].startswith("goroutine ")
        (lines,) = texts(scene, ended, "log").values()
        assert '"password":"[redacted]"' in lines and "\tat main.go:3" in lines and "of long ago" not in lines
        variables = texts(scene, ended, "evidence")["-environment.json"]
        assert '"GOGC": "150"' in variables and '"API_TOKEN": "[redacted]"' in variables and "OTHER" not in variables
        said = [event["message"] for event in ended["timeline"]]
        assert [one for one in said if "2 lines of around the recording" in one and "there is no such file" in one]
    assert kept(tmp_path / "scene" / "alertprof") == []


def test_labels_and_command_lines_of_a_go_program_lose_their_secrets_and_many_goroutines_are_not_dumped(
    tmp_path: Path, run_target: RunTarget
) -> None:
    rules = [
        {
            "name": "every alert",
            "duration": "1s",
            "cooldown": "0s",
            "profiler": {"kind": "http-pprof", "dump_below": 500},
        }
    ]
    with Scene(tmp_path / "scene", config={"rules": rules}) as scene:
        few = run_target("labelled", COUNT="20", SECRET=SECRET)
        (one,) = scene.captured(alert("00000000000000a1", host="127.0.0.1", pid=few.pid))
        dumps = texts(scene, one, "goroutine")
        assert "{api_token: [redacted], user: bob}" in dumps[".txt"]
        assert '# labels: {"api_token":"[redacted]", "user":"bob"}' in dumps["-counted.txt"]
        many = run_target("labelled", COUNT="600", SECRET=SECRET)
        (two,) = scene.captured(alert("00000000000000a2", host="127.0.0.1", pid=many.pid))
        assert (one["state"], two["state"]) == ("completed", "completed")
        dumps = texts(scene, two, "goroutine")
        assert "600 @ " in dumps["-counted.txt"] and ".txt" not in dumps
        said = " ".join(event["message"] for event in two["timeline"])
        assert "goroutines were counted" in said and "not every stack was written out" in said


# ---------------------------------------------------------------------- the file of a log, and what is put in its place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a service writes its log, which it may replace by anything."""
    made = tmp_path / "logs"
    made.mkdir()
    (made / "access.log").write_text("enabled\n")
    (tmp_path / "shadow").write_text(SECRET)
    return made


@pytest.fixture
def read(tmp_path: Path, folder: Path) -> Iterator[Callable[[], tuple[str, tuple[str, ...]]]]:
    """Reads that log through a gate; its code and lines."""
    log = Log(file=str(folder / "access.log"))
    with Sshd(tmp_path / "sshd") as sshd:
        pool = HostPool(Connector(sshd.settings()), recipes=[log.recipe])

        def read() -> tuple[str, tuple[str, ...]]:
            end = pool.gate("127.0.0.1").log(log.recipe, 60)
            return end.code, end.lines

        yield read
        pool.close()


def test_a_log_is_read_and_whatever_a_service_puts_in_its_place_is_not(
    read: Callable[[], tuple[str, tuple[str, ...]]], folder: Path, tmp_path: Path
) -> None:
    log = folder / "access.log"
    assert read() == ("ok", ("enabled",))
    log.unlink()
    assert read() == ("absent", ())
    log.symlink_to(tmp_path / "shadow")
    assert read() == ("special", ())
    log.unlink()
    os.mkfifo(log)
    assert read() == ("special", ())
    log.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(log))
    assert read() == ("special", ())
    log.unlink()
    os.link(tmp_path / "shadow", log)
    assert read() == ("linked", ())
    log.unlink()
    folder.rmdir()
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "access.log").write_text(SECRET)
    folder.symlink_to(tmp_path / "private")
    assert read() == ("astray", ())


def test_a_long_log_is_bounded_in_bytes_lines_and_their_length(
    read: Callable[[], tuple[str, tuple[str, ...]]], folder: Path
) -> None:
    with (folder / "access.log").open("wb") as file:
        file.writelines(b"%06d \xff\x1b[31m\n" % number for number in range(60_000))
        file.write(b"x" * 50_000 + b"\nlast, and no line break")
    code, lines = read()
    assert code == "ok" and lines[-1] == "last, and no line break"
    assert len(lines) == 2000 and len(lines[-2]) == 4000
    assert lines[0] == "058002 \\xff"
