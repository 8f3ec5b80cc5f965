"""The gate on hosts in want: nothing can be started, a disk cut its journal, the target is frozen, others plant files.

What these have in common: a gate that sees nothing must not take it for "nothing is there". Each was found by attacking
the gate, and each left a process recording for ever.
"""

import os
import re
import resource
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from app.errors import Retryable
from app.gate.answers import Mode
from app.gate.assemble import SCRIPT
from app.gate.client import Gate
from tests.integration.test_eight_bugs import journals
from tests.integration.test_gate import SEVEN, fetched, look, stopped, token
from tests.integration.test_gate_commands import pipe_of
from tests.lab import golang
from tests.lab.process import Process, eventually
from tests.lab.shell import CHOSEN, local_gate
from tests.lab.target import Service

RunTarget = Callable[..., Service]
NO_PROCESSES = [Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")]  # v1, v2
TOGGLED = ["usr2", "start", "usr2", "stop"]
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away and make a jail")


@pytest.fixture(params=CHOSEN)
def gate(request: pytest.FixtureRequest) -> Iterator[Gate]:
    opened = local_gate(request.param)
    yield opened
    opened.close()


def what(service: Service) -> list[str]:
    return [event.what for event in service.events()]


# ---------------------------------------------------------------------- nothing can be started


class Starved:
    """A control group in which no more than so many processes can be."""

    def __init__(self, gate: Gate) -> None:
        self._folder = self._made()
        (self._folder / "cgroup.procs").write_text(str(pipe_of(gate).process.pid))

    def _made(self) -> Path:
        for root in NO_PROCESSES:
            folder = root / f"alertprof-lab-{secrets.token_hex(4)}"
            with suppress(OSError):
                folder.mkdir()
                if (folder / "pids.max").exists():
                    return folder
                folder.rmdir()
        pytest.skip("a host without room for processes is NOT tested: no control group of pids can be made here")

    def bear(self, processes: int | None) -> None:
        (self._folder / "pids.max").write_text("max" if processes is None else str(processes))

    def close(self) -> None:
        eventually(self._gone, "its processes have ended")

    def _gone(self) -> bool:
        with suppress(OSError):
            self._folder.rmdir()
        return not self._folder.exists()


@pytest.fixture(params=["dash", "busybox"])  # bash asks for a process for half a minute before it gives up
def starved(request: pytest.FixtureRequest) -> Iterator[tuple[Gate, Starved]]:
    gate = local_gate(request.param)
    group = Starved(gate)
    yield gate, group
    gate.close()
    group.close()


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_a_gate_that_can_start_nothing_never_takes_a_recording_for_ended(
    starved: tuple[Gate, Starved], run_target: RunTarget, processes: int
) -> None:
    (gate, group), service, word = starved, run_target("toggle"), token()
    assert gate.start(look(gate, service.pid).id, Mode.TOGGLE, 600, word).code == "started"
    group.bear(processes)
    with suppress(Retryable):
        assert gate.status(word).code == "blind"
    with suppress(Retryable):
        assert gate.stop(word).code == "blind"
    # the switch's own sleep may have ended just then, and left room enough to send the signal
    assert service.recording() or what(service) == TOGGLED
    group.bear(None)
    other = local_gate()
    assert stopped(other, word).code == "finished"
    assert not service.recording() and what(service) == TOGGLED
    other.close()


def test_the_dead_mans_stop_needs_no_other_process(starved: tuple[Gate, Starved], run_target: RunTarget) -> None:
    (gate, group), service, word = starved, run_target("toggle"), token()
    assert gate.start(look(gate, service.pid).id, Mode.TOGGLE, 3, word).code == "started"
    group.bear(1)
    pipe_of(gate).kill()
    service.wait_event("stop")
    assert what(service) == TOGGLED


def test_the_switch_of_one_that_had_to_end_by_itself_needs_none_either(
    starved: tuple[Gate, Starved], run_target: RunTarget
) -> None:
    (gate, group), service, word = starved, run_target("valued-unversioned"), token()
    assert gate.start(look(gate, service.pid).id, Mode.TIMED, 0, word).code == "started"
    group.bear(1)
    pipe_of(gate).kill()
    service.wait_event("stop")
    assert what(service) == TOGGLED


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_a_gate_that_can_start_nothing_never_toggles_somebody_elses_recording_off(
    starved: tuple[Gate, Starved], run_target: RunTarget, processes: int
) -> None:
    (gate, group), service = starved, run_target("toggle")
    process = look(gate, service.pid).id
    service.signal()
    service.wait_event("start")
    eventually(service.recording, "it records")
    group.bear(processes)
    with suppress(Retryable):
        # Where there is room for the one program that lists the open files, it sees the recording.
        assert gate.start(process, Mode.TOGGLE, 600, token()).code in ("blind", "already")
    group.bear(None)
    assert service.recording() and what(service) == ["usr2", "start"]


def test_a_gate_that_can_open_nothing_never_takes_a_process_for_gone(gate: Gate, run_target: RunTarget) -> None:
    service, word, shell = run_target("toggle"), token(), pipe_of(gate).process.pid
    assert gate.start(look(gate, service.pid).id, Mode.TOGGLE, 600, word).code == "started"
    before = resource.prlimit(shell, resource.RLIMIT_NOFILE)
    resource.prlimit(shell, resource.RLIMIT_NOFILE, (4, before[1]))
    with suppress(Retryable):
        assert gate.stop(word).code in ("blind", "busy")
    assert service.recording()
    other = local_gate()
    assert stopped(other, word).code == "finished"
    assert not service.recording() and what(service) == TOGGLED
    other.close()


def test_no_list_comes_out_of_a_here_document() -> None:
    """bash before 5.1 and ksh put one into a file in /tmp: where that is full, the loop sees nothing."""
    assert b"<<" not in SCRIPT


# ---------------------------------------------------------------------- the target is frozen


def test_a_process_that_was_frozen_after_the_signal_is_not_signed_off(gate: Gate, run_target: RunTarget) -> None:
    service, word = frozen(gate, run_target, 600)
    assert gate.stop(word).code == "open"
    os.kill(service.pid, signal.SIGCONT)
    assert stopped(gate, word).code == "finished"
    assert not service.recording() and what(service) == TOGGLED


def test_the_dead_mans_stop_waits_for_a_process_that_is_frozen(gate: Gate, run_target: RunTarget) -> None:
    service, word = frozen(gate, run_target, 0)
    eventually(lambda: "fired" in (journals() / word).read_text(), "its time is over")
    time.sleep(4)  # it has looked for some seconds, and there is nothing that it would tell of that
    os.kill(service.pid, signal.SIGCONT)
    service.wait_event("stop")
    assert what(service) == TOGGLED


def test_a_process_that_was_stopped_while_it_ended_a_recording_is_not_made_to_begin_another(
    run_target: RunTarget,
) -> None:
    gate, service, word = local_gate(), run_target("toggle", STANDIN_END_DELAY_MS="3000"), token()
    assert gate.start(look(gate, service.pid).id, Mode.TOGGLE, 600, word).code == "started"
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(gate.stop, word)
        service.wait_event("usr2", 2)
        os.kill(service.pid, signal.SIGSTOP)
        assert ending.result(60).code == "open" and "cpu" in service.held()
    time.sleep(9)  # longer than after a signal that was lost
    assert gate.stop(word).code == "open"
    os.kill(service.pid, signal.SIGCONT)
    assert stopped(gate, word).code == "finished"
    assert not service.recording() and what(service) == TOGGLED
    gate.close()


def test_a_process_that_never_got_the_end_of_its_recording_is_told_once_more(run_target: RunTarget) -> None:
    gate, service, word = local_gate(), run_target("toggle"), token()
    assert gate.start(look(gate, service.pid).id, Mode.TOGGLE, 600, word).code == "started"
    with (journals() / word).open("a") as journal:
        journal.write("stop 1\n")  # long ago
    assert stopped(gate, word).code == "finished"
    assert not service.recording() and what(service) == TOGGLED
    gate.close()


def frozen(gate: Gate, run_target: RunTarget, seconds: int) -> tuple[Service, str]:
    """A process that was stopped between the signal and its first file."""
    service, word = run_target("toggle", STANDIN_START_DELAY_MS="3000"), token()
    process = look(gate, service.pid).id
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(gate.start, process, Mode.TOGGLE, seconds, word)
        service.wait_event("start")
        os.kill(service.pid, signal.SIGSTOP)
        assert begun.result(60).code == "unconfirmed"
    return service, word


# ---------------------------------------------------------------------- the lock and the journal


def test_the_lock_of_a_dead_gate_is_freed_though_the_one_who_was_to_free_it_died_too(
    gate: Gate, run_target: RunTarget
) -> None:
    service, word = run_target("toggle"), token()
    process = look(gate, service.pid).id
    lock = journals() / f"{process.pid}-{process.start}.lock"
    dead, heir = f"{os.getpid()}:1", f"{os.getpid()}:2"  # our number, but not our start
    lock.write_text(f"{dead}\n")
    Path(f"{lock.with_suffix('')}.turn.{dead}").symlink_to(heir)
    assert gate.start(process, Mode.TOGGLE, 600, word).code == "started"
    assert stopped(gate, word).code == "finished"


def test_a_recording_is_ended_though_a_full_disk_cut_off_what_was_noted_of_it(
    gate: Gate, run_target: RunTarget
) -> None:
    service, word = run_target("toggle"), token()
    assert gate.start(look(gate, service.pid).id, Mode.TOGGLE, 600, word).code == "started"
    journal = journals() / word
    kept = [line for line in journal.read_text().splitlines() if not line.startswith(("file cpu", "file mem"))]
    journal.write_text("\n".join(kept) + "\nfile cp")
    answer = stopped(gate, word)
    assert answer.code == "finished"
    assert {file.kind for file in answer.files} >= {"cpu", "mem", "trace"}
    assert not service.recording() and what(service) == TOGGLED


# ---------------------------------------------------------------------- files of others, and names that nobody can tell


@only_root
def test_a_file_that_another_user_put_there_is_not_taken_for_the_profile(gate: Gate, run_target: RunTarget) -> None:
    service, word = frozen(gate, run_target, 600)
    forged = service.tmp / f"orders-{service.pid}-cpu-1999999999.pprof"
    forged.write_text("forged")
    os.chown(forged, 65534, 65534)
    answer = gate.stop(word)
    assert (answer.code, answer.files) == ("open", ())
    assert fetched(gate, word, "cpu")[1] == b""
    os.kill(service.pid, signal.SIGCONT)
    assert stopped(gate, word).code == "finished"
    assert b"forged" not in fetched(gate, word, "cpu")[1]
    gate.drop(word)
    assert forged.exists()


def test_a_process_whose_files_have_a_line_break_in_their_names_is_refused(gate: Gate, tmp_path: Path) -> None:
    odd = tmp_path / "two\nlines"
    odd.mkdir()
    with Service("toggle", tmp_path / "service", env={"TMPDIR": str(odd)}) as service:
        process = look(gate, service.pid)
        assert process.mode is Mode.NONE
        assert gate.start(process.id, Mode.TOGGLE, 600, token()).code == "not"
        assert what(service) == []


def jailed(folder: Path) -> Process:
    """A toggling service whose root is `folder`/jail."""
    jail, binary = folder / "jail", golang.build("toggle")
    linked = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
    for path in [*re.findall(r"/\S+", linked), str(binary)]:
        place = jail / ("orders" if path == str(binary) else path.lstrip("/"))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    (jail / "tmp").mkdir()
    env = {"TMPDIR": "/tmp", "PORT": "0", "STANDIN_EVENTS": "/events.log"}  # noqa: S108 - the jail's own
    return Process(["chroot", jail, "/orders"], folder / "jail.log", env=env)


@only_root
def test_the_files_of_a_process_in_a_jail_come_home(gate: Gate, tmp_path: Path) -> None:
    word = token()
    with jailed(tmp_path) as process:
        eventually(lambda: look(gate, process.pid).listens, "it listens")
        found = look(gate, process.pid)
        assert gate.start(found.id, Mode.TOGGLE, 600, word).code == "started"
        assert gate.dump(word).code == "ok"
        answer = stopped(gate, word)
        assert {file.kind for file in answer.files} == SEVEN and all(file.size is not None for file in answer.files)
        assert gate.drop(word).code == "ok"
        assert list((tmp_path / "jail" / "tmp").iterdir()) == []


@only_root
def test_the_files_of_a_process_that_died_in_its_jail_come_home(gate: Gate, tmp_path: Path) -> None:
    word = token()
    with jailed(tmp_path) as process:
        eventually(lambda: look(gate, process.pid).listens, "it listens")
        assert gate.start(look(gate, process.pid).id, Mode.TOGGLE, 600, word).code == "started"
        assert gate.dump(word).code == "ok"
    answer = stopped(gate, word)
    assert {file.kind for file in answer.files} == SEVEN and all(file.size is not None for file in answer.files)
    assert fetched(gate, word, "goroutines")[1].startswith(b"goroutine ")
    assert gate.drop(word).code == "ok"
    assert list((tmp_path / "jail" / "tmp").iterdir()) == []
