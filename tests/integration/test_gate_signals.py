"""The gate's verb `signal`, under three shells, on a process that leaves files at a signal. Its log is the truth."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Literal

import pytest

from app.gate.answers import Answer
from app.gate.client import Gate
from app.gate.recipes import Recipe
from app.profilers.signal import NUMBERS, Signal
from tests.integration.test_gate import fetched, journal, look, stopped, token
from tests.integration.test_gate_commands import Open, gates, pipe_of
from tests.lab.process import eventually
from tests.lab.shell import CHOSEN
from tests.lab.target import Service


@pytest.fixture(params=CHOSEN)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_gate(shell: str) -> Iterator[Open]:
    with gates(shell) as open_:
        yield open_


# At SIGUSR1 it begins to write, at SIGUSR2 it ends; `whole` writes at once. Each signal is a line in `log`.
TARGET = """
import os, signal, sys, time
tmp, how = sys.argv[1:]
log = open(f"{tmp}/log", "a", buffering=1)
files = []
def begin(*_):
    print("usr1", file=log)
    files.append(open(f"{tmp}/dump-{os.getpid()}-{len(files)}.prof", "w"))
    files[-1].write("begun")
    files[-1].flush()
    if how == "whole":
        files[-1].close()
def end(*_):
    print("usr2", file=log)
    if not files:
        return
    files[-1].write(" and ended")
    files[-1].close()
signal.signal(signal.SIGUSR1, begin)
if how != "deaf":
    signal.signal(signal.SIGUSR2, end)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


class Target:
    def __init__(self, folder: Path, how: str) -> None:
        folder.mkdir()
        self.folder = folder
        command = [sys.executable, "-c", TARGET, str(folder), how]
        env = {**os.environ, "TMPDIR": str(folder)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=folder, env=env, start_new_session=True)
        assert self.process.stdout and self.process.stdout.readline()

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> list[str]:
        return (self.folder / "log").read_text().split()

    def wait(self, what: str, times: int = 1) -> None:
        eventually(lambda: self.log().count(what) >= times, f"{times} × {what}")

    def dumps(self) -> list[Path]:
        return sorted(self.folder.glob("dump-*"))

    def holds_dumps(self) -> bool:
        with suppress(FileNotFoundError):
            return any("/dump-" in str(link.readlink()) for link in Path(f"/proc/{self.pid}/fd").iterdir())
        return True


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Callable[[str], Target]]:
    made: list[Target] = []

    def make(how: str = "") -> Target:
        made.append(Target(tmp_path / f"target-{len(made)}", how or "long"))
        return made[-1]

    yield make
    for each in made:
        each.process.kill()
        each.process.communicate()


Make = Callable[..., Target]
BOTH = Signal("SIGUSR1", ("{tmp}/dump-{pid}-*.prof",), "SIGUSR2").recipe
ONE = Signal("SIGUSR1", ("dump-{pid}-*.prof",)).recipe


def send(gate: Gate, target: Target, recipe: Recipe, word: str, seconds: int = 30) -> Answer:
    return gate.signal(look(gate, target.pid).id, recipe, seconds, word)


# ---------------------------------------------------------------------- the line


def test_a_recording_is_begun_and_ended_by_a_signal_and_its_file_comes_home(open_gate: Open, target: Make) -> None:
    gate, process, word = open_gate(BOTH), target(), token()
    (process.folder / f"dump-{process.pid}-old.prof").write_text("from before")
    assert send(gate, process, BOTH, word).code == "started"
    process.wait("usr1")
    assert gate.status(word).code == "open"
    answer = stopped(gate, word)
    assert (answer.code, [(file.kind, file.size) for file in answer.files]) == ("finished", [("file1", 15)])
    assert fetched(gate, word, "file1")[1] == b"begun and ended"
    assert process.log() == ["usr1", "usr2"]
    assert gate.drop(word).code == "ok"
    assert [path.read_text() for path in process.dumps()] == ["from before"]


def test_without_a_second_signal_the_files_are_waited_for(open_gate: Open, target: Make) -> None:
    gate, process, word = open_gate(ONE), target("whole"), token()
    assert send(gate, process, ONE, word).code == "started"
    eventually(lambda: gate.status(word).code == "finished", "the file is whole")
    assert stopped(gate, word).code == "finished"
    assert fetched(gate, word, "file1")[1] == b"begun"
    assert process.log() == ["usr1"]


def test_a_file_that_is_still_open_is_not_taken(open_gate: Open, target: Make) -> None:
    gate, process, word = open_gate(ONE), target(), token()
    send(gate, process, ONE, word, seconds=0)
    process.wait("usr1")
    assert gate.status(word).code == "open"
    assert gate.stop(word).code == "open"
    os.kill(process.pid, signal.SIGUSR2)
    assert stopped(gate, word).code == "finished"
    assert fetched(gate, word, "file1")[1] == b"begun and ended"


@pytest.mark.parametrize("done", ["closed", "duration"])
@pytest.mark.parametrize(("how", "log"), [("long", ["usr1", "usr1"]), ("whole", ["usr1"])])
def test_a_toggle_is_ended_by_its_own_signal_unless_it_has_ended_by_itself(
    open_gate: Open, target: Make, how: str, log: list[str], done: Literal["closed", "duration"]
) -> None:
    toggle = Signal("SIGUSR1", ("{tmp}/dump-{pid}-*.prof",), "SIGUSR1", done=done).recipe
    gate, process, word = open_gate(toggle), target(how), token()
    assert send(gate, process, toggle, word).code == "started"
    eventually(process.dumps, "it has begun")
    if how == "whole":
        eventually(lambda: not process.holds_dumps(), "it has ended by itself")
    gate.stop(word)
    gate.stop(word)
    process.wait("usr1", len(log))
    assert process.log() == log


# ---------------------------------------------------------------------- once


def test_the_same_token_never_signals_again(open_gate: Open, target: Make) -> None:
    gate, process, word = open_gate(BOTH), target(), token()
    assert send(gate, process, BOTH, word).code == "started"
    assert send(gate, process, BOTH, word).code == "replayed"
    stopped(gate, word)
    assert gate.stop(word).code == "finished"
    assert send(gate, process, BOTH, word).code == "ended"
    gate.drop(word)
    assert send(gate, process, BOTH, word).code == "ended"
    assert process.log() == ["usr1", "usr2"]


def test_what_a_later_claim_has_taken_over_is_not_signalled_by_an_earlier_one(open_gate: Open, target: Make) -> None:
    gate, process, word = open_gate(BOTH), target(), token()
    id_ = look(gate, process.pid).id
    assert gate.fence(id_, word, 2).code == "ok"
    assert gate.signal(id_, BOTH, 30, word, 1).code == "fenced"
    assert gate.signal(id_, BOTH, 30, word, 2).code == "started"
    assert gate.signal(id_, BOTH, 30, word, 1).code == "fenced"
    assert gate.signal(id_, BOTH, 30, word, 3).code == "replayed"
    gate.stop(word)
    process.wait("usr2")
    assert process.log() == ["usr1", "usr2"]


@pytest.mark.parametrize("after_ms", [0, 2, 5, 10, 20, 50])
def test_a_gate_killed_while_it_signals_is_taken_over_without_a_second_signal(
    open_gate: Open, target: Make, after_ms: int
) -> None:
    first, second, process, word = open_gate(BOTH), open_gate(BOTH), target(), token()
    id_ = look(first, process.pid).id
    pipe_of(first).send(f"77 signal {id_.pid} {id_.start} {id_.image} {BOTH.id} 30 {word}\n".encode(), 5)
    with suppress(subprocess.TimeoutExpired):  # the moment of the kill is the point of this test
        pipe_of(first).process.wait(after_ms / 1000)
    pipe_of(first).kill()
    assert second.signal(id_, BOTH, 30, word).code in ("started", "replayed")
    second.stop(word)
    process.wait("usr2")
    if "usr1" in process.log():
        assert stopped(second, word).code == "finished"
        assert process.log() == ["usr1", "usr2"]
    else:  # killed between its note and the signal: nobody knows, so it is not sent again
        assert "took" not in journal(word)
        assert process.log() == ["usr2"]


def test_another_tokens_recording_is_left_alone(open_gate: Open, target: Make) -> None:
    gate, process, one, two = open_gate(BOTH), target(), token(), token()
    assert send(gate, process, BOTH, one).code == "started"
    assert send(gate, process, BOTH, two).code == "already"
    stopped(gate, one)
    assert send(gate, process, BOTH, two).code == "started"
    assert stopped(gate, two).code == "finished"
    assert fetched(gate, two, "file1")[1] == fetched(gate, one, "file1")[1]
    assert process.log() == ["usr1", "usr2"] * 2


# ---------------------------------------------------------------------- dead-man's switch


def test_a_recording_whose_gate_died_for_good_is_ended_by_the_target(open_gate: Open, target: Make) -> None:
    gate, process, word = open_gate(BOTH), target(), token()
    assert send(gate, process, BOTH, word, seconds=0).code == "started"
    pipe_of(gate).kill()
    process.wait("usr2")
    answer = stopped(open_gate(BOTH), word)
    assert (answer.code, answer.fired) == ("finished", True)
    assert process.log() == ["usr1", "usr2"]


def test_a_session_that_is_torn_down_ends_the_recording_at_once(open_gate: Open, target: Make) -> None:
    gate, process, word = open_gate(BOTH), target(), token()
    assert send(gate, process, BOTH, word, seconds=600).code == "started"
    os.killpg(pipe_of(gate).process.pid, signal.SIGTERM)
    process.wait("usr2")
    assert process.log() == ["usr1", "usr2"]


def test_a_gate_of_another_configuration_still_ends_the_recording(open_gate: Open, target: Make) -> None:
    gate, process, word = open_gate(BOTH), target(), token()
    assert send(gate, process, BOTH, word, seconds=600).code == "started"
    assert open_gate().stop(word).code == "recipe", "it does not know where the files are"
    process.wait("usr2")
    assert stopped(gate, word).code == "finished"
    assert process.log() == ["usr1", "usr2"]


# ---------------------------------------------------------------------- refused, and alive


def test_a_process_that_does_not_catch_both_signals_is_refused_and_lives(open_gate: Open, target: Make) -> None:
    gate, process = open_gate(BOTH), target("deaf")
    assert send(gate, process, BOTH, token()).code == "deadly"
    assert process.process.poll() is None
    assert process.log() == []


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_every_signal_that_a_process_does_not_catch_is_refused(open_gate: Open, target: Make, name: str) -> None:
    recipe = Signal(name, ("{tmp}/x*",)).recipe
    gate, process = open_gate(recipe), target("deaf")
    sent = send(gate, process, recipe, token()).code
    assert sent == ("started" if name == "SIGUSR1" else "deadly")
    assert process.process.poll() is None


def test_go_is_believed_only_where_the_program_asked_for_the_signal(
    open_gate: Open, run_target: Callable[..., Service]
) -> None:
    deadly = Signal("SIGQUIT", ("{tmp}/x*",)).recipe  # Go catches it, and dies with a dump of all goroutines
    asked = Signal("SIGUSR1", ("{tmp}/*-{pid}-goroutines-*.dump",)).recipe
    gate, service, word = open_gate(deadly, asked), run_target("toggle"), token()
    assert gate.signal(look(gate, service.pid).id, deadly, 5, token()).code == "deaf"
    assert service.alive and service.events() == []
    assert gate.signal(look(gate, service.pid).id, asked, 5, word).code == "started"
    assert stopped(gate, word).code == "finished"
    assert fetched(gate, word, "file1")[1].startswith(b"goroutine ")
    for name in ("plain", "plain-usr2"):
        other = run_target(name)
        assert gate.signal(look(gate, other.pid).id, asked, 5, token()).code == "deaf"
        assert other.alive


def test_a_signal_that_go_never_blocks_is_sent_where_a_function_shows_that_it_is_asked_for(
    open_gate: Open, run_target: Callable[..., Service]
) -> None:
    trap = Signal("SIGTRAP", ("{tmp}/trapped-{pid}-*.out",))
    shown, other = (replace(trap, go_function=name).recipe for name in ("main.profile", "main.profil"))
    gate, service, word = open_gate(trap.recipe, shown, other), run_target("trapping"), token()
    for unproven in (trap.recipe, other):
        assert gate.signal(look(gate, service.pid).id, unproven, 5, token()).code == "deaf"
    assert service.alive
    assert gate.signal(look(gate, service.pid).id, shown, 5, word).code == "started"
    assert stopped(gate, word).code == "finished"
    assert fetched(gate, word, "file1")[1] == b"trapped"
    assert service.alive


def test_another_process_of_the_same_number_is_not_signalled(open_gate: Open, target: Make) -> None:
    gate, process = open_gate(BOTH), target()
    id_ = look(gate, process.pid).id
    for other in (replace(id_, start=id_.start + 1), replace(id_, image="1:2")):
        assert gate.signal(other, BOTH, 5, token()).code == "replaced"
    assert process.log() == []


def test_a_stopped_process_is_refused(open_gate: Open, target: Make) -> None:
    gate, process = open_gate(BOTH), target()
    os.kill(process.pid, signal.SIGSTOP)
    eventually(lambda: look(gate, process.pid).state == "T", "it is stopped")
    assert send(gate, process, BOTH, token()).code == "stopped"
    os.kill(process.pid, signal.SIGCONT)
    assert process.log() == []


# ---------------------------------------------------------------------- what it prints

PRINTED = Signal("SIGUSR1", ("{stdout}",)).recipe
PRINTING = """
import signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: print("all of it", *range(int(sys.argv[1])), flush=True))
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


@contextmanager
def printing(log: Path, numbers: int = 5000) -> Iterator[int]:
    """A process whose standard output goes into a log that was there before; its pid."""
    log.write_text("from before\n")
    with log.open("a") as file:
        process = subprocess.Popen([sys.executable, "-c", PRINTING, str(numbers)], stdout=file)
    eventually(lambda: "ready" in log.read_text(), "it is ready")
    yield process.pid
    process.kill()
    process.wait()


def test_what_is_printed_at_a_signal_comes_home_and_the_log_stays_as_it_is(open_gate: Open, tmp_path: Path) -> None:
    gate, word, log = open_gate(PRINTED), token(), tmp_path / "log"
    with printing(log) as pid:
        before = log.read_bytes()
        assert gate.signal(look(gate, pid).id, PRINTED, 30, word).code == "started"
        eventually(lambda: gate.status(word).code == "finished", "all of it was printed")
        answer = stopped(gate, word)
        data = fetched(gate, word, "file1")[1]
        assert data.startswith(b"all of it 0 1 2") and data.endswith(b"4999\n")
        assert [file.size for file in answer.files] == [len(data)]
        assert gate.drop(word).code == "ok"
        assert log.read_bytes() == before + data


def test_of_a_log_that_never_rests_what_there_is_comes_home_when_the_time_is_up(
    open_gate: Open, tmp_path: Path
) -> None:
    gate, word, log = open_gate(PRINTED), token(), tmp_path / "log"
    with printing(log, 1) as pid, log.open("a") as other:
        assert gate.signal(look(gate, pid).id, PRINTED, 1, word).code == "started"
        eventually(lambda: "all of it" in log.read_text(), "it has said what it has to say")
        chatter = Event()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(
                lambda: [print("and more", file=other, flush=True) for _ in iter(lambda: chatter.wait(0.02), True)]
            )
            try:
                answer = stopped(gate, word)
            finally:
                chatter.set()
        data = fetched(gate, word, "file1")[1]
        assert [file.size for file in answer.files] == [len(data)]
        assert b"all of it 0\n" in data and b"from before" not in data


def test_a_log_that_was_emptied_meanwhile_is_no_file_of_the_capture(open_gate: Open, tmp_path: Path) -> None:
    gate, word, log = open_gate(PRINTED), token(), tmp_path / "log"
    with printing(log) as pid:
        gate.signal(look(gate, pid).id, PRINTED, 30, word)
        stopped(gate, word)
        os.truncate(log, 0)
        assert fetched(gate, word, "file1") == (Answer("vanished"), b"")


def test_a_process_that_prints_into_a_pipe_is_not_signalled(open_gate: Open, target: Make) -> None:
    gate, process = open_gate(PRINTED), target()
    assert send(gate, process, PRINTED, token()).code == "stdout"
    assert process.log() == []


# ---------------------------------------------------------------------- whose files


@contextmanager
def planted(process: Target, what: str, secret: Path) -> Iterator[Path]:
    """Something that looks like a file of the process's, put there after the signal."""
    there = process.folder / f"dump-{process.pid}-9.prof"
    if what == "symlink":
        there.symlink_to(secret)
    elif what == "hard link":
        there.hardlink_to(secret)
    elif what == "another owner":
        there.write_text("theirs")
        os.chown(there, 65534, 65534)
    else:
        there.with_name(f"dump-{process.pid}-\n9.prof").write_text("a\nclosed\n")
    yield there


@pytest.mark.parametrize("what", ["symlink", "hard link", "another owner", "a name of two lines"])
def test_what_is_planted_is_neither_sent_nor_removed(open_gate: Open, target: Make, tmp_path: Path, what: str) -> None:
    if what == "another owner" and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    gate, process, word = open_gate(ONE), target("whole"), token()
    send(gate, process, ONE, word)
    process.wait("usr1")
    with planted(process, what, secret):
        answer = stopped(gate, word)
        assert [file.size for file in answer.files] == [5]
        gate.drop(word)
    assert secret.read_text() == "not yours"
    assert len(process.dumps()) == 1


def test_a_file_that_is_swapped_afterwards_is_neither_sent_nor_removed(
    open_gate: Open, target: Make, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    gate, process, word = open_gate(ONE), target("whole"), token()
    send(gate, process, ONE, word)
    stopped(gate, word)
    (dump,) = process.dumps()
    dump.unlink()
    dump.symlink_to(secret)
    assert fetched(gate, word, "file1") == (Answer("vanished"), b"")
    gate.drop(word)
    assert dump.is_symlink() and secret.read_text() == "not yours"


RENAMING = """
import os, signal, sys, time
def dump(*_):
    os.rename("dump.prof", "dump-old.prof")
    open("dump.prof", "w").write("new")
signal.signal(signal.SIGUSR1, dump)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


def test_an_old_file_that_is_only_renamed_is_neither_sent_nor_removed(open_gate: Open, tmp_path: Path) -> None:
    recipe = Signal("SIGUSR1", ("dump-*.prof",)).recipe
    (tmp_path / "dump.prof").write_text("precious")
    os.utime(tmp_path / "dump.prof", (1e9, 1e9))
    gate, word = open_gate(recipe), token()
    with subprocess.Popen([sys.executable, "-c", RENAMING], stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout and process.stdout.readline()
        assert gate.signal(look(gate, process.pid).id, recipe, 0, word).code == "started"
        eventually((tmp_path / "dump-old.prof").exists, "it was renamed")
        assert gate.stop(word).files == ()
        gate.drop(word)
        process.kill()
    assert (tmp_path / "dump-old.prof").read_text() == "precious"


def test_the_journal_names_what_was_there_before(open_gate: Open, target: Make) -> None:
    gate, process, word = open_gate(ONE), target("whole"), token()
    old = process.folder / f"dump-{process.pid}-old.prof"
    old.write_text("")
    send(gate, process, ONE, word)
    assert journal(word)["was"] == f"{old.stat().st_dev}:{old.stat().st_ino}"
    assert "took" in journal(word)
