"""The eight bugs that random kills found in the first drafts of the gate, each by its name.

The first is elsewhere, in other words: a watch of an older recording woke up and stopped the new one
(test_gate.py, test_the_stop_that_came_first_leaves_the_dead_man_nothing_to_do). The others are here, under all shells.
"""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from app.gate.answers import Answer, Mode
from app.gate.client import Gate
from tests.integration.test_gate import fetched, look, stopped, token
from tests.lab.process import eventually
from tests.lab.shell import CHOSEN, SHELLS, ShellPipe, local_gate
from tests.lab.target import Service

RunTarget = Callable[..., Service]


@pytest.fixture(params=CHOSEN)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def gate(shell: str) -> Iterator[Gate]:
    opened = local_gate(shell)
    yield opened
    opened.close()


def start(gate: Gate, service: Service, word: str) -> Answer:
    return gate.start(look(gate, service.pid).id, Mode.TOGGLE, 600, word)


def journals() -> Path:
    home = Path("/run") if os.geteuid() == 0 else Path.home()
    return home / f".alertprof-{os.geteuid()}"


# 2. a look that was meant to be harmless marked a recording as over, in the moment between the signal and the files


def test_a_status_between_the_signal_and_the_files_changes_nothing(
    shell: str, gate: Gate, run_target: RunTarget
) -> None:
    other = local_gate(shell)

    def came_between() -> bool:
        service, word = run_target("toggle", STANDIN_START_DELAY_MS="2000"), token()
        look(other, service.pid)
        with ThreadPoolExecutor(1) as pool:
            begun = pool.submit(start, gate, service, word)
            service.wait_event("start")
            code = other.status(word).code
            assert begun.result().code == "started"
        assert other.status(word).code == "open"
        assert stopped(other, word).code == "finished"
        assert [event.what for event in service.events()] == ["usr2", "start", "usr2", "stop"]
        return code == "unseen"

    eventually(came_between, "a status that was quick enough")
    other.close()


# 3. the token was known before the rest was written: whoever died between left a recording that nobody could stop


@pytest.mark.parametrize("written", ["intent {id} tog", "intent {id} toggle", "intent {id} toggle\n"])
def test_a_journal_that_was_cut_off_is_begun_anew_and_starts_once(
    gate: Gate, run_target: RunTarget, written: str
) -> None:
    service, word = run_target("toggle"), token()
    process = look(gate, service.pid).id
    facts = written.format(id=f"{process.pid} {process.start} {process.image}")
    (journals() / word).write_text(f"base\n{facts}")
    assert gate.start(process, Mode.TOGGLE, 30, word).code == "started"
    assert stopped(gate, word).code == "finished"
    assert [event.what for event in service.events()] == ["usr2", "start", "usr2", "stop"]


# 4. go-zero never closes a trace: the one of the recording before was taken for ours


@pytest.mark.parametrize("fetched_before", [True, False])
def test_the_trace_of_an_earlier_recording_is_not_taken_for_ours(
    gate: Gate, run_target: RunTarget, *, fetched_before: bool
) -> None:
    service, first, second = run_target("toggle", GOGC="off"), token(), token()
    start(gate, service, first)
    stopped(gate, first)
    old = service.files()["trace"]
    if fetched_before:  # its file is gone, its descriptor is not
        gate.drop(first)
    assert start(gate, service, second).code == "started"
    names = [path.name.removesuffix(" (deleted)") for path in open_traces(service)]
    assert old.name in names, "the earlier trace is not open any more: this test shows nothing"
    stopped(gate, second)
    new = service.files()["trace"]
    assert new != old
    assert fetched(gate, second, "trace")[1] == new.read_bytes()
    gate.drop(second)
    assert (old.exists(), new.exists()) == (not fetched_before, False)


def open_traces(service: Service) -> Iterator[Path]:
    for link in Path(f"/proc/{service.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if "-trace-" in (path := link.readlink()).name:
                yield path


# 5. busybox's ls fails when a descriptor vanishes while it lists them: the process seemed to be unreadable


def test_descriptors_that_come_and_go_do_not_make_a_process_unreadable(gate: Gate, run_target: RunTarget) -> None:
    service, word = run_target("toggle"), token()
    with busy(service):
        assert all(look(gate, service.pid).readable for _ in range(40))
        assert start(gate, service, word).code == "started"
        assert {gate.status(word).code for _ in range(40)} == {"open"}
        assert stopped(gate, word).code == "finished"


@contextmanager
def busy(service: Service) -> Iterator[None]:
    """It accepts and closes connections all the time."""
    enough = threading.Event()

    def connect() -> None:
        while not enough.is_set():
            httpx2.get(f"{service.url}/metrics", timeout=60)

    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(connect)
        try:
            yield
        finally:
            enough.set()


# 6. a zombie keeps its start time, and so seemed to live: its lock was never freed


def test_the_lock_of_a_zombie_is_free(gate: Gate, run_target: RunTarget) -> None:
    service, word = run_target("toggle"), token()
    process = look(gate, service.pid).id
    with subprocess.Popen(["true"]) as zombie:
        owner = eventually(lambda: zombie_at(zombie.pid), "it is a zombie")
        (journals() / f"{process.pid}-{process.start}.lock").write_text(f"{zombie.pid}:{owner}\n")
        assert gate.start(process, Mode.TOGGLE, 30, word).code == "started"
    assert stopped(gate, word).code == "finished"


def test_the_lock_of_somebody_who_lives_is_not(gate: Gate, run_target: RunTarget) -> None:
    service = run_target("toggle")
    process = look(gate, service.pid).id
    lock = journals() / f"{process.pid}-{process.start}.lock"
    start_of_ours = Path("/proc/self/stat").read_text().rpartition(") ")[2].split()[19]
    lock.write_text(f"{os.getpid()}:{start_of_ours}\n")
    assert gate.start(process, Mode.TOGGLE, 30, token()).code == "busy"
    assert service.count("usr2") == 0
    lock.unlink()


def zombie_at(pid: int) -> str | None:
    """Its start time, once it is one."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return words[19] if words[0] == "Z" else None


# 7. `exec 3<file` on what cannot be opened ends dash, and with it the gate


def test_a_file_that_cannot_be_opened_does_not_end_the_gate(shell: str, run_target: RunTarget) -> None:
    # Root may open everything; without these two capabilities it is as anybody else.
    humble = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    gate = Gate(ShellPipe([*humble, *SHELLS[shell], "-s"]), "local", send_script=True)
    service, word = run_target("toggle"), token()
    start(gate, service, word)
    stopped(gate, word)
    service.files()["cpu"].chmod(0)
    assert fetched(gate, word, "cpu") == (Answer("vanished"), b"")
    assert fetched(gate, word, "mem")[0].code == "ok"
    gate.close()


# 8. two recordings within one second have the same file names: the second wrote over the first


def test_a_recording_right_after_another_does_not_write_over_its_files(gate: Gate, run_target: RunTarget) -> None:
    service, first, second = run_target("toggle"), token(), token()
    start(gate, service, first)
    stopped(gate, first)
    before = {path: path.read_bytes() for path in service.files().values()}
    assert start(gate, service, second).code == "started"
    stopped(gate, second)
    assert {path: path.read_bytes() for path in before} == before
    assert len(list(service.tmp.iterdir())) == 2 * len(before)
