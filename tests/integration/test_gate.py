"""The gate itself, under three shells, on real processes. The targets' event logs are the truth."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import Retryable
from app.gate.answers import Answer, Mode, Process
from app.gate.assemble import SCRIPT
from app.gate.client import Gate
from app.model import ProcessId
from tests.lab.process import eventually as until
from tests.lab.shell import CHOSEN, SHELLS, ShellPipe, local_gate
from tests.lab.target import Service

SEVEN = {"cpu", "mem", "mutex", "block", "threadcreate", "trace", "goroutines"}


@pytest.fixture(params=CHOSEN)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def gate(shell: str) -> Iterator[Gate]:
    opened = local_gate(shell)
    yield opened
    opened.close()


@pytest.fixture
def toggle(tmp_path: Path) -> Iterator[Service]:
    with Service("toggle", tmp_path / "toggle") as service:
        yield service


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[Service]:
    with Service("timed", tmp_path / "timed", env={"STANDIN_PROFILE_SECONDS": "5"}) as service:
        yield service


def token() -> str:
    return secrets.token_hex(16)


def look(gate: Gate, pid: int) -> Process:
    process = gate.look(pid)
    assert process is not None
    return process


def fetched(gate: Gate, token: str, kind: str) -> tuple[Answer, bytes]:
    data = bytearray()
    return gate.fetch(token, {kind: data.extend}, 1 << 30, 60)[0], bytes(data)


def stopped(gate: Gate, word: str) -> Answer:
    answers: list[Answer] = []

    def asked() -> bool:
        answers.append(gate.stop(word))
        return answers[-1].code != "open"

    until(asked, "the recording has ended")
    return answers[-1]


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


# ---------------------------------------------------------------------- the line


def test_a_toggling_process_is_started_once_and_stopped_once_and_its_seven_files_come_home(
    gate: Gate, toggle: Service
) -> None:
    process, word = look(gate, toggle.pid), token()
    assert process.mode is Mode.TOGGLE
    assert gate.start(process.id, Mode.TOGGLE, 30, word).code == "started"
    assert toggle.recording()
    assert gate.dump(word).code == "ok"
    assert gate.status(word).code == "open"
    answer = stopped(gate, word)
    assert answer.code == "finished"
    assert not toggle.recording()
    assert {file.kind for file in answer.files} == SEVEN
    for kind, path in toggle.files().items():
        assert fetched(gate, word, kind)[1] == path.read_bytes()
    assert [event.what for event in toggle.events()] == ["usr2", "start", "usr1", "usr2", "stop"]
    assert gate.drop(word).code == "ok"
    assert list(toggle.tmp.iterdir()) == []


@pytest.mark.parametrize("name", ["ksh", "mksh"])
def test_the_korn_shells_do_it_too(toggle: Service, name: str) -> None:
    if not shutil.which(name):
        pytest.skip(f"{name} as /bin/sh is NOT tested: it is not installed")
    gate, word = Gate(ShellPipe([name, "-s"]), f"local {name}", send_script=True), token()
    process = look(gate, toggle.pid)
    assert process.askers == (1, 1)
    assert gate.start(process.id, Mode.TOGGLE, 30, word).code == "started"
    assert gate.dump(word).code == "ok"
    assert stopped(gate, word).code == "finished"
    assert gate.drop(word).code == "ok"
    assert [event.what for event in toggle.events()] == ["usr2", "start", "usr1", "usr2", "stop"]
    gate.close()


def test_a_timed_process_is_never_sent_a_stop(gate: Gate, timed: Service) -> None:
    process, word = look(gate, timed.pid), token()
    assert process.mode is Mode.TIMED
    assert gate.start(process.id, Mode.TIMED, 60, word).code == "started"
    assert stopped(gate, word).code == "finished"
    assert gate.stop(word).code == "finished"
    assert [event.what for event in timed.events()] == ["usr2", "start", "stop"]


def test_neither_the_version_nor_the_function_table_is_believed_where_they_disagree(gate: Gate, tmp_path: Path) -> None:
    with Service("lying", tmp_path / "lying") as service:
        process = look(gate, service.pid)
    assert (process.gozero_version, process.mode) == ("v1.6.0", Mode.CONFLICT)
    assert process.conflict == "table timed"
    assert process.go_version.startswith("go1.")


# ---------------------------------------------------------------------- a token signals once


def test_the_same_token_never_signals_again(gate: Gate, toggle: Service) -> None:
    process, word = look(gate, toggle.pid), token()
    assert gate.start(process.id, Mode.TOGGLE, 30, word).code == "started"
    assert gate.start(process.id, Mode.TOGGLE, 30, word).code == "replayed"
    assert stopped(gate, word).code == "finished"
    assert gate.start(process.id, Mode.TOGGLE, 30, word).code == "ended"
    gate.drop(word)
    assert gate.start(process.id, Mode.TOGGLE, 30, word).code == "ended"
    assert toggle.count("start") == 1


def test_what_a_later_claim_has_taken_over_is_not_begun_by_an_earlier_one(gate: Gate, toggle: Service) -> None:
    process, word, other = look(gate, toggle.pid).id, token(), token()
    assert gate.fence(process, word, 2).code == "ok"
    assert gate.status(word).code == "unknown", "nothing was begun"
    assert gate.start(process, Mode.TOGGLE, 30, word, 1).code == "fenced"
    assert toggle.count("usr2") == 0
    assert gate.start(process, Mode.TOGGLE, 30, word, 2).code == "started"
    assert gate.start(process, Mode.TOGGLE, 30, word, 1).code == "fenced"
    assert gate.start(process, Mode.TOGGLE, 30, word, 3).code == "replayed"
    assert gate.start(process, Mode.TOGGLE, 30, word).code == "replayed", "a replica of an earlier version has none"
    assert gate.start(process, Mode.TOGGLE, 30, other, 5).code == "already"
    assert gate.start(process, Mode.TOGGLE, 30, other, 4).code == "fenced", "though the later one could not begin"
    assert stopped(gate, word).code == "finished"
    assert gate.start(process, Mode.TOGGLE, 30, word, 2).code == "fenced"
    assert toggle.count("start") == 1


def test_no_sampling_begins_after_the_recording_whose_samples_are_home(gate: Gate, toggle: Service) -> None:
    """As where a replica was stopped, and asks for it once another has brought everything home."""
    process, word = look(gate, toggle.pid).id, token()
    assert gate.start(process, Mode.TOGGLE, 30, word).code == "started"
    assert gate.sample(process, 30, word) == "started"
    assert gate.sample(process, 30, word) == "replayed"
    assert stopped(gate, word).code == "finished"
    assert gate.samples(word)
    gate.unsample(word)
    assert gate.sample(process, 30, word) == "ended"
    assert gate.samples(word) == ()


def test_eight_gates_at_once_start_one_recording_and_stop_it_once(shell: str, toggle: Service) -> None:
    gates = [local_gate(shell) for _ in range(8)]
    mine, process = token(), look(gates[0], toggle.pid).id
    words = [mine] * 4 + [token() for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda g, w: code_of(lambda: g.start(process, Mode.TOGGLE, 30, w)), gates, words))
        assert codes.count("started") == 1
        assert toggle.recording()
        winner = words[codes.index("started")]
        list(pool.map(lambda g: code_of(lambda: g.stop(winner)), gates))
    assert stopped(gates[0], winner).code == "finished"
    assert [event.what for event in toggle.events()] == ["usr2", "start", "usr2", "stop"]
    for each in gates:
        each.close()


def code_of(ask: object) -> str:
    try:
        return ask().code  # type: ignore[operator,no-any-return]
    except Retryable as fault:
        return fault.reason.code.value


@pytest.mark.parametrize("after_ms", [0, 1, 2, 3, 5, 8, 12, 20, 40])
def test_a_gate_killed_while_it_starts_is_taken_over_without_a_second_signal(toggle: Service, after_ms: int) -> None:
    first = local_gate("dash")
    process, word = look(first, toggle.pid).id, token()
    pipe = first._pipe
    assert isinstance(pipe, ShellPipe)
    request = f"77 start {process.pid} {process.start} {process.image} toggle 30 {word}\n".encode()
    pipe.send(request, 5)
    with suppress(subprocess.TimeoutExpired):  # the moment of the kill is the point of this test
        pipe.process.wait(after_ms / 1000)
    pipe.kill()
    second = local_gate("dash")
    assert second.start(process, Mode.TOGGLE, 30, word).code in ("started", "replayed")
    assert stopped(second, word).code == "finished"
    assert [event.what for event in toggle.events()] == ["usr2", "start", "usr2", "stop"]
    second.close()


# ---------------------------------------------------------------------- refusals, and nobody comes to harm


def test_a_process_without_a_handler_is_refused_and_lives(gate: Gate) -> None:
    with running(sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)") as python:
        assert python.stdout and python.stdout.readline()
        process = look(gate, python.pid)
        assert (process.catches, process.mode) == (False, Mode.NONE)
        assert gate.start(process.id, Mode.TOGGLE, 30, token()).code == "deadly"
        assert python.poll() is None


def test_a_go_program_that_is_no_go_zero_is_refused(gate: Gate, tmp_path: Path) -> None:
    for name in ("plain", "plain-usr2"):
        with Service(name, tmp_path / name) as service:
            process = look(gate, service.pid)
            assert (process.catches, process.mode) == (True, Mode.NONE)
            assert gate.start(process.id, Mode.TIMED, 30, token()).code in ("not", "deaf")
            assert service.alive


def test_the_wrong_semantics_are_refused(gate: Gate, toggle: Service) -> None:
    assert gate.start(look(gate, toggle.pid).id, Mode.TIMED, 30, token()).code == "not"
    assert toggle.count("usr2") == 0


def test_another_start_time_or_another_image_is_another_process(gate: Gate, toggle: Service) -> None:
    process = look(gate, toggle.pid).id
    for other in (replace(process, start=process.start + 1), replace(process, image="1:2")):
        assert gate.start(other, Mode.TOGGLE, 30, token()).code == "replaced"
    assert toggle.count("usr2") == 0


def test_exec_makes_another_process_of_the_same_number(gate: Gate, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with running("/bin/sh", "-c", f"while [ ! -e {go} ]; do :; done; exec sleep 600") as wrapper:
        before = look(gate, wrapper.pid)
        go.touch()
        until(lambda: look(gate, wrapper.pid).comm == "sleep", "it has become another program")
        after = look(gate, wrapper.pid)
    assert before.id.key == after.id.key
    assert before.id.image != after.id.image


def test_a_pid_that_is_gone_is_gone(gate: Gate, toggle: Service) -> None:
    process = look(gate, toggle.pid).id
    toggle.stop()
    assert gate.look(process.pid) is None
    assert gate.start(process, Mode.TOGGLE, 30, token()).code == "gone"


def test_a_thread_is_no_process(gate: Gate, toggle: Service) -> None:
    threads = {int(task.name) for task in Path(f"/proc/{toggle.pid}/task").iterdir()} - {toggle.pid}
    assert gate.look(min(threads)) is None


def test_somebody_elses_recording_is_left_alone(gate: Gate, toggle: Service) -> None:
    toggle.signal()
    toggle.wait_event("start")
    until(lambda: "threadcreate" in toggle.held(), "the recording by hand is on")
    word = token()
    assert gate.start(look(gate, toggle.pid).id, Mode.TOGGLE, 30, word).code == "already"
    assert gate.stop(word).code == "unknown"
    assert toggle.recording()
    assert toggle.count("usr2") == 1


def test_a_stopped_process_is_refused(gate: Gate, toggle: Service) -> None:
    process = look(gate, toggle.pid).id
    toggle.signal(signal.SIGSTOP)
    until(lambda: look(gate, toggle.pid).state == "T", "it is stopped")
    assert gate.start(process, Mode.TOGGLE, 30, token()).code == "stopped"
    toggle.signal(signal.SIGCONT)
    assert toggle.count("usr2") == 0


def test_a_process_that_shuts_down_is_refused(gate: Gate, tmp_path: Path) -> None:
    with Service("toggle", tmp_path / "leaving", env={"STANDIN_TERM_MS": "60000"}) as service:
        process = look(gate, service.pid).id
        service.signal(signal.SIGTERM)
        until(lambda: not look(gate, service.pid).listens, "it has stopped listening")
        assert gate.start(process, Mode.TOGGLE, 30, token()).code == "deaf"
        assert service.count("usr2") == 0


# ---------------------------------------------------------------------- dead-man's switch


def test_a_recording_whose_gate_died_for_good_is_stopped_by_the_target(shell: str, toggle: Service) -> None:
    gate = local_gate(shell)
    assert gate.start(look(gate, toggle.pid).id, Mode.TOGGLE, 0, token()).code == "started"
    pipe = gate._pipe
    assert isinstance(pipe, ShellPipe)
    pipe.kill()
    toggle.wait_event("stop")
    assert [event.what for event in toggle.events()] == ["usr2", "start", "usr2", "stop"]


def test_a_session_that_is_torn_down_stops_the_recording_at_once(shell: str, toggle: Service) -> None:
    gate = local_gate(shell)
    word = token()
    assert gate.start(look(gate, toggle.pid).id, Mode.TOGGLE, 600, word).code == "started"
    pipe = gate._pipe
    assert isinstance(pipe, ShellPipe)
    os.killpg(pipe.process.pid, signal.SIGTERM)
    toggle.wait_event("stop")
    assert toggle.count("usr2") == 2
    with local(shell) as again:
        answer = again.stop(word)
    assert (answer.code, answer.fired) == ("finished", True)


def test_the_stop_that_came_first_leaves_the_dead_man_nothing_to_do(shell: str, toggle: Service) -> None:
    with local(shell) as gate:
        word = token()
        gate.start(look(gate, toggle.pid).id, Mode.TOGGLE, 0, word)
        assert stopped(gate, word).code == "finished"
        second = token()
        assert gate.start(look(gate, toggle.pid).id, Mode.TOGGLE, 600, second).code == "started"
        dog = journal(word)["dog"]
        until(lambda: has_ended(int(dog.partition(":")[0])), "the first recording's watch has left")
        assert toggle.recording(), "the watch of an older recording stopped the new one"
        assert stopped(gate, second).code == "finished"
    assert toggle.count("start") == toggle.count("stop") == 2


@contextmanager
def local(shell: str) -> Iterator[Gate]:
    gate = local_gate(shell)
    yield gate
    gate.close()


def has_ended(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def journal(word: str) -> dict[str, str]:
    home = Path("/run") if os.geteuid() == 0 else Path.home()
    text = (home / f".alertprof-{os.geteuid()}" / word).read_text()
    return dict(line.partition(" ")[::2] for line in text.splitlines())


# ---------------------------------------------------------------------- files


def test_only_what_this_token_made_is_removed(gate: Gate, toggle: Service) -> None:
    toggle.signal()
    until(lambda: "threadcreate" in toggle.held(), "a first recording, by hand")
    toggle.signal()
    until(lambda: not toggle.recording(), "it is over")
    theirs = set(toggle.tmp.iterdir())
    assert len(theirs) == 6
    word = token()
    assert gate.start(look(gate, toggle.pid).id, Mode.TOGGLE, 30, word).code == "started"
    stopped(gate, word)
    gate.drop(word)
    assert set(toggle.tmp.iterdir()) == theirs


def test_a_file_that_was_swapped_is_neither_sent_nor_removed(gate: Gate, toggle: Service, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    word = token()
    gate.start(look(gate, toggle.pid).id, Mode.TOGGLE, 30, word)
    stopped(gate, word)
    cpu, mem = toggle.files()["cpu"], toggle.files()["mem"]
    cpu.unlink()
    cpu.symlink_to(secret)
    mem.unlink()
    mem.hardlink_to(secret)
    for kind in ("cpu", "mem"):
        assert fetched(gate, word, kind) == (Answer("vanished"), b"")
    gate.drop(word)
    assert secret.read_text() == "not yours"
    assert cpu.is_symlink() and mem.exists()


def test_a_file_that_is_too_big_is_not_sent(gate: Gate, toggle: Service) -> None:
    word = token()
    gate.start(look(gate, toggle.pid).id, Mode.TOGGLE, 30, word)
    answer = next(file for file in stopped(gate, word).files if file.kind == "mem")
    assert answer.size
    got = bytearray()
    assert gate.fetch(word, {"mem": got.extend}, answer.size - 1, 60)[0].code == "big"
    assert gate.fetch(word, {"mem": got.extend}, answer.size, 60)[0].code == "ok"
    assert len(got) == answer.size


def test_files_of_a_process_that_died_while_recording_can_still_be_fetched(gate: Gate, toggle: Service) -> None:
    word = token()
    gate.start(look(gate, toggle.pid).id, Mode.TOGGLE, 30, word)
    assert gate.dump(word).code == "ok"
    toggle.stop()
    answer = stopped(gate, word)
    assert answer.code == "gone"
    assert fetched(gate, word, "goroutines")[1].startswith(b"goroutine ")
    assert fetched(gate, word, "cpu") == (Answer("ok", fetched(gate, word, "cpu")[0].files), b"")
    assert gate.drop(word).code == "ok"
    assert list(toggle.tmp.iterdir()) == []


# ---------------------------------------------------------------------- choosing, and the grammar


def test_listeners_and_names_are_found(gate: Gate, toggle: Service) -> None:
    assert [seen.id.pid for seen in gate.listeners(toggle.port)] == [toggle.pid]
    mine = [seen for seen in gate.processes() if seen.id.pid == toggle.pid]
    assert [(seen.comm, Path(seen.exe).name) for seen in mine] == [("orders", "orders")]
    assert mine[0].id == look(gate, toggle.pid).id
    assert look(gate, toggle.pid).module == "orders"  # of its build information


def test_nobody_listens_on_a_free_port(gate: Gate, toggle: Service) -> None:
    toggle.stop()
    assert gate.listeners(toggle.port) == ()


@pytest.mark.parametrize(
    "line", [b"1 look $(touch x)\n", b"1 look 1;id\n", b"look 1\n", b"1 look " + b"1" * 300 + b"\n"]
)
def test_a_line_outside_the_grammar_ends_the_gate(shell: str, line: bytes) -> None:
    pipe = ShellPipe([*SHELLS[shell], "-s"])
    pipe.send(SCRIPT, 5)
    assert pipe.recv(1000, 60).startswith(b"ready ")
    pipe.send(line, 5)
    assert pipe.process.wait(60) == 2
    pipe.close()


RESTLESS = """
import time
while True:
    till = time.perf_counter() + 0.0002
    while time.perf_counter() < till: pass
    time.sleep(0.0002)
"""


def test_a_process_that_falls_asleep_and_wakes_meanwhile_is_read_whole(gate: Gate) -> None:
    with running(sys.executable, "-c", RESTLESS) as process:
        for _ in range(300):
            seen = look(gate, process.pid)
            assert (seen.uid, seen.nspid, seen.traced) == (os.getuid(), process.pid, False)


@pytest.mark.parametrize("pid", [0, 1, 2**31, 99999999])
def test_numbers_that_are_no_services_pid_find_nothing(gate: Gate, pid: int) -> None:
    assert gate.look(pid) is None


def test_a_script_that_was_cut_off_does_nothing(shell: str, tmp_path: Path) -> None:
    for cut in range(1, len(SCRIPT) - len(b"gate\n") - 1, len(SCRIPT) // 25):
        done = subprocess.run(
            [*SHELLS[shell], "-s"], input=SCRIPT[:cut], capture_output=True, check=False, cwd=tmp_path, timeout=60
        )
        assert done.stdout == b""
    assert list(tmp_path.iterdir()) == []


def test_an_image_is_of_digits_only() -> None:
    gate = local_gate()
    with pytest.raises(ValueError, match="no image"):
        gate.start(ProcessId(gate.boot, 5, 5, "$(id)"), Mode.TOGGLE, 1, token())
    gate.close()


def test_the_journal_holds_no_more_than_it_must(gate: Gate, toggle: Service) -> None:
    word = token()
    gate.start(look(gate, toggle.pid).id, Mode.TOGGLE, 30, word)
    stopped(gate, word)
    assert len(json.dumps(journal(word))) < 2000


def test_a_signal_of_which_nothing_came_is_told_so_also_after_the_switch_has_closed_the_journal(
    shell: str, tmp_path: Path
) -> None:
    gate, word = local_gate(shell), token()
    with Service("toggle", tmp_path / "service", env={"TMPDIR": str(tmp_path / "missing")}) as service:
        process = look(gate, service.pid).id
        assert gate.start(process, Mode.TOGGLE, 1, word).code == "unconfirmed"
        until(lambda: "closed" in journal(word), "the switch has seen that nothing records")
        assert gate.start(process, Mode.TOGGLE, 1, word).code == "unconfirmed"
        assert [event.what for event in service.events()].count("usr2") == 1
    gate.close()
