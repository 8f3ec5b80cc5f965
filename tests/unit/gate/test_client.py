"""What the gate says of an executable, and of a process that a signal ended: believed in its exact shape only."""

from time import monotonic, process_time

import pytest

from app.errors import Retryable
from app.gate import exchange
from app.gate.answers import Answer, Mode, Process, answer_of
from app.gate.client import Gate
from app.gate.facts import Harm
from app.gate.leased import leased
from app.gate.words import about
from app.model import ProcessId

FACTS = (
    "pid 7\nstart 100\nimage 1:1\nstate S\nuid 0\nnspid 7\ntracer 0\nmode toggle\ncaught fff\nmask fff\n"
    "exe /srv/orders\nuptime 5000.00\n"
)


class Canned:
    """A pipe at whose far end a gate says this, whatever is asked."""

    def __init__(self, said: str) -> None:
        self.said = f"ready 1 boot 0\n{said}".encode()

    def send(self, data: bytes, timeout: float) -> None:
        """Nobody reads it."""

    def recv(self, size: int, timeout: float) -> bytes:
        data, self.said = self.said[:size], self.said[size:]
        return data

    def close(self) -> None:
        """There is nothing to close."""


class Asked(Canned):
    """Notes what was sent before the first byte of an answer was read."""

    first = b""
    answered = False

    def send(self, data: bytes, timeout: float) -> None:
        self.first += data if not self.answered else b""

    def recv(self, size: int, timeout: float) -> bytes:
        self.answered = self.answered or bool(self.first)
        return super().recv(min(size, 7), timeout)


class Sent(Canned):
    """Notes every line that was sent."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.lines: list[str] = []

    def send(self, data: bytes, timeout: float) -> None:
        self.lines += data.decode().splitlines()


def test_all_files_come_in_one_round_trip() -> None:
    pipe = Asked("size 3\nabc.1 ok\nsize 2\nde.2 ok\n.3 ok\n.4 unknown\n")
    gate, cpu, heap = Gate(pipe, "h", send_script=False), bytearray(), bytearray()
    answers = gate.fetch("0" * 32, {"cpu": cpu.extend, "mem": heap.extend}, 1000, 5)
    assert [answer.code for answer in answers] == ["ok", "ok"] and bytes(cpu + heap) == b"abcde"
    assert pipe.first.count(b" fetch ") == 2, "nothing was waited for in between"
    gate.end_fetch()
    assert gate.status("0" * 32).code == "unknown", "the answer that nobody waited for is not taken for this one"


SEEN, SCENE = "process 7 100 1:1 1 5 orders\n", "load 1 2 3\n"


def test_what_was_asked_ahead_is_answered_without_another_round_trip() -> None:
    pipe = Asked(f"{SEEN}.1 ok\n{FACTS}.2 ok\n{SCENE}.3 ok\n")
    gate = Gate(pipe, "h", send_script=False)
    gate.ask_ahead(*about(7))
    assert [seen.id.pid for seen in gate.process(7)] == [7]
    process, scene = gate.look_at_scene(7)
    assert process and process.id.pid == 7 and scene == ("load 1 2 3",)
    assert pipe.first == b"1 see 7\n2 look 7\n3 scene 7\n"


def test_an_answer_that_was_asked_ahead_serves_no_other_question() -> None:
    gate = Gate(Canned(f"{SEEN}.1 ok\n{FACTS}.2 ok\n{SCENE}.3 ok\n.4 gone\n"), "h", send_script=False)
    gate.ask_ahead(*about(7))
    assert gate.look(8) is None


def test_an_answer_that_was_asked_ahead_is_asked_for_anew_when_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(Canned(f"{SEEN}.1 ok\n{FACTS}.2 ok\n{SCENE}.3 ok\n.4 gone\n"), "h", send_script=False)
    gate.ask_ahead(*about(7))
    now = monotonic()
    monkeypatch.setattr(exchange, "monotonic", lambda: now + exchange.AHEAD_LASTS + 1)
    assert gate.process(7) == (), "it has ended since"


def test_a_gate_of_an_earlier_version_is_asked_without_the_fence() -> None:
    pipe = Sent(".1 bad\n.2 started\n")
    gate = Gate(pipe, "h", send_script=False)
    assert gate.start(ProcessId("boot", 7, 100, "1:1"), Mode.TOGGLE, 30, "0" * 32, 3).code == "started"
    assert pipe.lines == [f"1 start 7 100 1:1 toggle 30 {'0' * 32} 3", f"2 start 7 100 1:1 toggle 30 {'0' * 32}"]


def test_a_gate_of_an_earlier_version_looks_around_at_once() -> None:
    pipe = Sent(".1 bad\n.2 started\n")
    gate = Gate(pipe, "h", send_script=False)
    assert gate.sample(ProcessId("boot", 7, 100, "1:1"), 30, "0" * 32, 10) == "started"
    assert pipe.lines == [f"1 sample 7 100 1:1 30 {'0' * 32} 10", f"2 sample 7 100 1:1 30 {'0' * 32}"]


def test_nothing_is_begun_once_the_lease_is_over() -> None:
    pipe = Sent(".1 finished\n")
    gate = Gate(pipe, "h", send_script=False)
    for act in (lambda: gate.stop("0" * 32), lambda: gate.sample(ProcessId("boot", 7, 100, "1:1"), 30, "0" * 32)):
        with leased(lambda: False), pytest.raises(Retryable, match="another replica may have taken the capture over"):
            act()
    assert pipe.lines == []
    with leased(lambda: True):
        assert gate.stop("0" * 32).code == "finished"


def test_a_file_that_comes_home_is_let_go_once_the_lease_is_over() -> None:
    gate, file = Gate(Canned(f"size {1 << 20}\n{'x' * (1 << 20)}.1 ok\n"), "h", send_script=False), bytearray()
    with leased(lambda: not file), pytest.raises(Retryable, match="another replica may have taken the capture over"):
        gate.fetch("0" * 32, {"cpu": file.extend}, 1 << 30, 5)
    assert 0 < len(file) < 1 << 20
    assert gate.lost, "the host sends no more"


def looked(lines: str) -> Process:
    process = Gate(Canned(f"{FACTS}{lines}.1 ok\n"), "h", send_script=False).look(7)
    assert process
    return process


@pytest.mark.parametrize(
    "build",
    ["go:9x7iLqLD4d-_/oT0Kx/Yk1=/a", "gnu:5f0c9a1be27d44385f0c9a1be27d4438", f"sha256:{'0' * 64}", f"go:{'x' * 193}"],
)
def test_a_build_of_its_exact_shape_is_known(build: str) -> None:
    assert looked(f"build {build}\n").build == build


@pytest.mark.parametrize(
    "said", ["", "build \n", "build go:\n", "build md5:00\n", "build go:a b\n", "build go:ä\n", "build go:\x1b[2J\n",
             "build go:a\x00\n", f"build go:{'x' * 198}\n", "build 5f0c\n"],
)  # fmt: skip
def test_any_other_build_is_as_none(said: str) -> None:
    assert looked(said).build == ""


def test_names_of_processes_and_groups_lose_their_secrets() -> None:
    said = (
        "biggest 7 S 1 1 1 pw=hunter2\n/proc/7/cgroup:0::/run-token=hunter2/x\nkernel Killed process 7 (key:1)\n.1 ok\n"
    )
    gate = Gate(Canned(said), "h", send_script=False)
    around = gate.around(ProcessId("boot", 7, 100, "1:1"))
    assert around[:2] == ("biggest 7 S 1 1 1 pw=[redacted]", "/proc/7/cgroup:0::/run-token=[redacted]")
    assert around[2] == "kernel Killed process 7 (key:1)"


def test_an_answer_of_millions_of_lines_is_given_up_soon() -> None:
    gate, before = Gate(Canned("\n" * (4 << 20)), "h", send_script=False), process_time()
    with pytest.raises(Retryable, match="answers around without end"):
        gate.around(ProcessId("boot", 7, 100, "1:1"))
    assert process_time() - before < 5


def test_an_answer_of_empty_lines_has_an_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "ANSWER_LIMIT", 1000)
    gate = Gate(Canned("\n" * 2000), "h", send_script=False)
    with pytest.raises(Retryable, match="answers around without end"):
        gate.around(ProcessId("boot", 7, 100, "1:1"))


def answered(code: str, said: str) -> Answer:
    return answer_of(code, [("files", "0"), ("ended", said)])


@pytest.mark.parametrize("code", ["gone", "started", "finished"])
def test_a_process_that_ended_after_our_signal_is_told_whatever_the_answer_is(code: str) -> None:
    assert answered(code, "0.42 USR2").ended == Harm("SIGUSR2", 0.42)
    assert answered(code, "3 HUP").ended == Harm("SIGHUP", 3.0)


def test_a_process_that_runs_another_program_since_is_told_apart() -> None:
    assert answered("replaced", "0.42 USR2").ended == Harm("SIGUSR2", 0.42, replaced=True)


@pytest.mark.parametrize(
    "said", ["", "0.42", "USR2", "-1 USR2", "0.42 usr2", "0.42 SIGUSR2", "0.42 USR9", "0.42 USR2 ", "1e3 USR2",
             "99999 USR2", "٣ USR2", "0.42 USR2\x1b"],
)  # fmt: skip
def test_what_has_another_shape_is_no_harm(said: str) -> None:
    assert answered("gone", said).ended is None


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (Harm("SIGUSR2", 0.42), "ended 0.4 s after our SIGUSR2"),
        (Harm("SIGHUP", 0.02), "ended 0.02 s after our SIGHUP"),
        (Harm("SIGUSR1", 3.0), "ended 3.0 s after our SIGUSR1"),
        (Harm("SIGUSR2", 0.42, replaced=True), "runs another program since 0.4 s after our SIGUSR2"),
    ],
)
def test_harm_is_said_in_a_sentence(harm: Harm, said: str) -> None:
    assert str(harm) == said
