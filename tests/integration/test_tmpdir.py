"""Where a go-zero's files lie: as its environment says, as it says itself later, or nowhere that can be told."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from app.gate.answers import Mode
from app.gate.client import Gate
from tests.integration.scene import Scene, alert
from tests.integration.test_gate import SEVEN, fetched, gate, look, shell, stopped, token  # noqa: F401 - fixtures
from tests.lab.process import eventually
from tests.lab.target import FILE, Service

RunTarget = Callable[..., Service]


def at(service: Service, folder: Path) -> None:
    """From now on it writes there, which its environment does not show."""
    folder.mkdir()
    service.get(f"/tmpdir?to={folder}")  # noqa: S108 - a path of its HTTP


def profiles(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if FILE.search(file.name)]


def recorded(gate: Gate, service: Service) -> str:  # noqa: F811
    """Seven files are home; the token."""
    word = token()
    assert gate.start(look(gate, service.pid).id, Mode.TOGGLE, 30, word).code == "started"
    assert gate.dump(word).code == "ok"
    assert {file.kind for file in stopped(gate, word).files} == SEVEN
    answer, dump = fetched(gate, word, "goroutines")
    assert answer.code == "ok"
    assert b"goroutine " in dump
    return word


def test_a_tmpdir_that_the_program_sets_itself_is_seen_by_its_open_files(
    gate: Gate,  # noqa: F811
    run_target: RunTarget,
    tmp_path: Path,
) -> None:
    service = run_target("toggle")
    at(service, tmp_path / "set later")
    for _ in range(2):  # the second time its trace is still open
        answer = gate.drop(recorded(gate, service))
        assert (answer.code, answer.files) == ("ok", ())
        assert profiles(tmp_path) == []


def test_a_relative_tmpdir_is_below_its_working_directory(
    gate: Gate,  # noqa: F811
    run_target: RunTarget,
    tmp_path: Path,
) -> None:
    (tmp_path / "relative").mkdir()
    service = run_target("toggle", TMPDIR=os.path.relpath(tmp_path / "relative"))
    word = recorded(gate, service)
    assert len(profiles(tmp_path / "relative")) == 7
    assert gate.drop(word).code == "ok"
    assert profiles(tmp_path) == []


def test_what_lies_elsewhere_is_not_called_removed(gate: Gate, run_target: RunTarget, tmp_path: Path) -> None:  # noqa: F811
    service = run_target("toggle")
    word = token()
    gate.start(look(gate, service.pid).id, Mode.TOGGLE, 30, word)
    at(service, tmp_path / "elsewhere")
    assert gate.dump(word).code == "unconfirmed"
    stopped(gate, word)
    service.files()["mem"].rename(tmp_path / "moved")
    answer = gate.drop(word)
    assert answer.code == "ok"
    assert {(file.kind, file.size) for file in answer.files} == {("goroutines", None), ("mem", None)}
    assert len(profiles(tmp_path / "elsewhere")) == 1
    assert {(file.kind, file.size) for file in gate.drop(word).files} == {("goroutines", None), ("mem", None)}


def test_a_strangers_dump_in_the_same_directory_is_not_taken(gate: Gate, run_target: RunTarget, tmp_path: Path) -> None:  # noqa: F811
    service = run_target("toggle")
    word = token()
    gate.start(look(gate, service.pid).id, Mode.TOGGLE, 30, word)
    at(service, tmp_path / "elsewhere")
    service.signal(signal.SIGUSR1)
    eventually(lambda: profiles(tmp_path / "elsewhere"), "it has written one by hand")
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    (service.tmp / f"orders-{service.pid}-goroutines-0102030405.dump").hardlink_to(secret)
    assert gate.dump(word).code == "unconfirmed"
    stopped(gate, word)
    gate.drop(word)
    assert secret.read_text() == "not yours"


def test_a_capture_of_such_a_program_is_whole_and_leaves_nothing(run_target: RunTarget, tmp_path: Path) -> None:
    service = run_target("toggle")
    at(service, tmp_path / "late")
    with Scene(tmp_path / "scene") as scene:
        (one,) = scene.captured(alert(host="127.0.0.1", pid=service.pid))
        assert one["state"] == "completed", one["reason"]
        assert "the files on the host were removed" in [event["message"] for event in one["timeline"]]
    assert profiles(tmp_path / "late") == []
