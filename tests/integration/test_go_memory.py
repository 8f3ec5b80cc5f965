"""Heap profiles read from a process's memory over a real sshd, against what /debug/pprof/heap says just then."""

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.analysis.profile import Profile, read, read_file
from app.errors import Code, Refused, Retryable
from app.gate.client import Gate
from app.gate.facts import Seen
from app.gate.memory import PAGE
from app.gate.pool import HostPool
from app.gate.recipes import MEMORY
from app.hosts.ssh import Connector
from app.model import Capture, Kind, ProcessId, Target
from app.profilers.base import Fetched, Incoming, Recording, StepResult
from app.profilers.go_memory import GoMemory
from tests.integration.scene import Scene, alert
from tests.lab import golang
from tests.lab.process import Process, eventually
from tests.lab.sshd import Sshd
from tests.lab.target import Service
from tests.unit.ledger.builders import NOON, manual

HOST = "127.0.0.1"
MANY = "memprofilerate=64"  # GODEBUG: some 700 stacks instead of 10
RunTarget = Callable[..., Service]


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[HostPool]:
    with Sshd(tmp_path / "sshd") as sshd:
        made = HostPool(Connector(sshd.settings()), [MEMORY])
        yield made
        made.close()


def capture(pool: HostPool, pid: int) -> Capture:
    process = pool.gate(HOST).look(pid)
    assert process
    return manual(1, process=process.id, target=Target(HOST, pid))


def profiles(pool: HostPool, of: Capture, folder: Path) -> tuple[dict[Kind, Path], StepResult]:
    kept: list[Fetched] = []
    folder.mkdir(exist_ok=True)
    result = GoMemory().collect(Recording(of, pool, NOON), Incoming(folder, kept.append))
    return {file.kind: file.path for file in kept}, result


def heap(pool: HostPool, of: Capture, folder: Path) -> tuple[Path, StepResult]:
    read, result = profiles(pool, of, folder)
    return read[Kind.HEAP], result


def samples(profile: Profile) -> Counter[Any]:
    """Every sample that counts something: its stack with addresses, lines and inlined calls, its size, its values."""
    message = profile.message
    text = [each.decode() for each in message.string_table]
    functions = {each.id: (text[each.name], text[each.filename], each.start_line) for each in message.function}
    places = {
        each.id: (each.address, each.mapping_id, tuple((functions[line.function_id], line.line) for line in each.line))
        for each in message.location
    }
    return Counter(
        (tuple(places[id_] for id_ in each.location_id), each.label[0].num if each.label else 0, tuple(each.value))
        for each in message.sample
        if any(each.value)
    )


@pytest.mark.parametrize("name", ["profiled-1.21", "profiled", "profiled-pie", "profiled-bare", "profiled-with-names"])
def test_what_is_read_from_memory_is_what_the_program_itself_says(
    pool: HostPool, run_target: RunTarget, tmp_path: Path, name: str
) -> None:
    target = run_target(name, GODEBUG=MANY)
    for _ in range(3):
        target.get("/debug/pprof/heap?gc=1")
    of = capture(pool, target.pid)
    file, result = heap(pool, of, tmp_path / "home")
    ours, theirs = read_file(file), read(httpx2.get(f"{target.url}/debug/pprof/heap").content)
    assert samples(ours) == samples(theirs)
    assert len(samples(ours)) > 100
    assert (ours.message.period, ours.sample_types) == (theirs.message.period, theirs.sample_types)
    assert ours.mapped[0] == theirs.mapped[0]
    assert "requests" in result.message
    assert "net/http.(*conn).serve" in golang.tool("pprof", "-top", "-cum", file)


@pytest.mark.parametrize("name", ["delays-1.21", "delays", "delays-pie"])
def test_blocking_and_waiting_for_mutexes_are_what_the_program_itself_says(
    pool: HostPool, run_target: RunTarget, tmp_path: Path, name: str
) -> None:
    target = run_target(name, DIR=str(tmp_path), GODEBUG=MANY)
    read, _ = profiles(pool, capture(pool, target.pid), tmp_path / "home")
    assert set(read) == {Kind.HEAP, Kind.BLOCK, Kind.MUTEX}
    for kind, file in read.items():
        ours, theirs = read_file(file), read_file(tmp_path / kind.value)
        assert of_main(ours) == of_main(theirs)
        assert (ours.message.period, ours.sample_types) == (theirs.message.period, theirs.sample_types)
    waits = [stack for kind in (Kind.BLOCK, Kind.MUTEX) for stack, _, _ in of_main(read_file(read[kind]))]
    assert {"main.pass", "main.wait.hold", "main.contend.func1"} <= {name for stack in waits for name in names(stack)}


def of_main(profile: Profile) -> Counter[Any]:
    """Without the waits for the runtime's own locks, which never end."""
    return Counter({each: n for each, n in samples(profile).items() if any("main." in name for name in names(each[0]))})


@pytest.mark.parametrize("place", [[], ["unshare", "--mount"]])
def test_an_executable_is_read_as_the_process_has_it_whatever_lies_at_its_path(
    pool: HostPool, tmp_path: Path, place: list[str]
) -> None:
    """Replaced since, or in a mount namespace of its own."""
    program, begin = tmp_path / "srv" / "orders", 'cp "$1" "$2" && exec "$2"'
    program.parent.mkdir()
    if place:
        begin = f'mount -t tmpfs none "${{2%/*}}" && {begin}'
    command = [*place, "sh", "-c", begin, "sh", str(golang.build("delays")), str(program)]
    with Process(command, tmp_path / "log", env={"DIR": str(tmp_path)}) as process:
        process.until(lambda: "READY" in process.log.read_text(), "it is ready")
        program.unlink(missing_ok=True)
        shutil.copy(golang.build("heaps"), program)
        file, _ = heap(pool, capture(pool, process.pid), tmp_path / "home")
        assert samples(read_file(file)) == samples(read_file(tmp_path / "heap"))


def test_delays_whose_clock_is_not_known_are_left_out_and_it_is_said_why(
    pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    read, result = profiles(pool, capture(pool, run_target("delays", UNMEASURED="1").pid), tmp_path / "home")
    assert set(read) == {Kind.HEAP}
    assert "no mutex: the program has not measured its clock yet" in result.message


def test_a_program_that_allocates_all_the_time_is_read_as_of_one_moment(
    pool: HostPool, run_target: RunTarget, tmp_path: Path
) -> None:
    """It keeps a thousand objects of 1 KiB, and collects its garbage as fast as it can."""
    target = run_target("heaps", GODEBUG="memprofilerate=1", BUSY="1")
    of = capture(pool, target.pid)
    read_well, allocated, tries, end = 0, 0, count(), time.monotonic() + 300
    while read_well < 2:  # on a machine that is busy, few of them are without a collection meanwhile
        assert time.monotonic() < end, "no two could be read"
        n = next(tries)
        try:
            file, _ = heap(pool, of, tmp_path / f"{n}")
        except Retryable as fault:
            assert "while it is read" in fault.reason.message or "collects its garbage" in fault.reason.message
            continue
        found = [(names(stack), size, values) for stack, size, values in samples(read_file(file))]
        kept = [values for stack, size, values in found if "main.keep" in stack and size == 1024]
        assert [values[2] for values in kept] == [1000]
        churned = [values for stack, size, values in found if "main.churn" in stack and size == 512]
        before, allocated = allocated, sum(values[0] for values in churned)
        assert allocated >= before
        assert all(values[2] <= values[0] for _, _, values in found)
        read_well += 1


def names(stack: Any) -> list[str]:
    return [function[0] for _, _, lines in stack for function, _ in lines]


@pytest.mark.parametrize(
    ("does", "code"), [(signal.SIGKILL, Code.PROCESS_EXITED), (signal.SIGUSR1, Code.PROCESS_REPLACED)]
)
def test_a_process_that_ends_or_becomes_another_meanwhile_is_refused_at_every_request(
    pool: HostPool, run_target: RunTarget, tmp_path: Path, does: signal.Signals, code: Code
) -> None:
    for nth in (1, 3, 5, 7, 8):
        of = capture(pool, run_target("heaps").pid)
        with pytest.MonkeyPatch.context() as patch:
            asked = interrupted(patch, nth, does)
            with pytest.raises(Refused) as caught:
                heap(pool, of, tmp_path / f"{nth}")
        assert caught.value.reason.code is code
        assert len(asked) == nth


def interrupted(patch: pytest.MonkeyPatch, nth: int, does: signal.Signals) -> list[Any]:
    """Sends the process a signal just before the nth request for its memory, and waits for what that does: it is killed
    or runs another program. That one looks for a moment as if it had ended. Returns the requests that were made."""
    memory, requests = Gate.memory, list[Any]()
    left = 0 if does is signal.SIGKILL else 1

    def ask(gate: Gate, process: ProcessId, pages: Any) -> Any:
        requests.append(pages)
        if len(requests) == nth:
            os.kill(process.pid, does)
            eventually(lambda: others(gate.process(process.pid), process) == left, "it is gone")
        return memory(gate, process, pages)

    patch.setattr(Gate, "memory", ask)
    return requests


def others(found: Sequence[Seen], process: ProcessId) -> int:
    """How many of these are another process; -1 while the process itself is among them."""
    return -1 if process in {seen.id for seen in found} else len(found)


def test_spoiled_bytes_are_refused_or_decoded_and_break_nothing(
    pool: HostPool, run_target: RunTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = capture(pool, run_target("heaps", GODEBUG="memprofilerate=4096").pid)
    memory, answers = Gate.memory, list[Any]()

    def remember(gate: Gate, process: ProcessId, pages: Any) -> Any:
        answers.append(memory(gate, process, pages))
        return answers[-1]

    monkeypatch.setattr(Gate, "memory", remember)
    heap(pool, of, tmp_path / "good")
    outcomes = Counter[str]()
    for seed in range(20):
        monkeypatch.setattr(Gate, "memory", spoiling(answers, random.Random(seed)))  # noqa: S311
        try:
            read_file(heap(pool, of, tmp_path / f"{seed}")[0])
            outcomes["decoded"] += 1
        except (Refused, Retryable):
            outcomes["refused"] += 1
    assert min(outcomes["decoded"], outcomes["refused"]) > 1


def spoiling(answers: list[Any], drawn: random.Random) -> Any:
    """Gives the answers again, one of them with bytes changed."""
    spoiled, requests = drawn.randrange(len(answers)), count()

    def answer(gate: Gate, process: ProcessId, pages: Any) -> Any:
        code, bytes_, areas = answers[min(at := next(requests), len(answers) - 1)]
        size = sum(each.pages for each in pages) * PAGE
        changed = bytearray(bytes_[:size].ljust(size, b"\0"))
        for _ in range(drawn.choice([3, 300, 3000]) if at == spoiled else 0):
            changed[drawn.randrange(drawn.choice([256, PAGE, size]))] = drawn.choice([0, 128, 255])
        return code, bytes(changed), areas

    return answer


def test_why_there_is_no_profile_is_said(pool: HostPool, run_target: RunTarget, tmp_path: Path) -> None:
    for name, env, said in (
        ("heaps", {"UNUSED": "1"}, "keeps no memory profile: MemProfileRate is 0"),
        ("profiled-old", {}, "is of go1.18.10: the runtime's layout is known from Go 1.21 to 1.27"),
    ):
        of = capture(pool, run_target(name, **env).pid)
        with pytest.raises(Refused, match=said) as caught:
            heap(pool, of, tmp_path / name)
        assert caught.value.reason.code is Code.NO_PROFILER


def test_a_gate_that_does_not_have_the_verb_says_what_to_do(tmp_path: Path, run_target: RunTarget) -> None:
    of_another = run_target("heaps")
    with Sshd(tmp_path / "sshd") as sshd:
        pool = HostPool(Connector(sshd.settings()))
        with pytest.raises(Refused, match="whose gate may not read memory") as caught:
            heap(pool, capture(pool, of_another.pid), tmp_path / "home")
        assert caught.value.reason.code is Code.NOT_PERMITTED
        pool.close()


def test_the_heap_of_a_process_that_is_killed_while_it_records_is_at_home(
    tmp_path: Path, run_target: RunTarget
) -> None:
    target = run_target("toggle")
    rules = [{"name": "memory", "duration": "30s", "profiler": {"kind": "auto", "read_memory": True}}]
    with Scene(tmp_path / "scene", config={"rules": rules}) as scene:
        (id_,) = scene.deliver(alert(host=HOST, pid=target.pid))["captures"]
        eventually(lambda: scene.service.capture(id_)["started_at"], "it records")
        assert scene.service.capture(id_)["artifacts"]
        os.kill(target.pid, signal.SIGKILL)
        one = scene.service.wait_capture(id_, timeout=60)
        assert (one["state"], one["reason"]["code"], one["profiler"]) == ("failed", "process_exited", "go-zero-toggle")
        (artifact,) = [each for each in one["artifacts"] if each["name"].endswith("-memory.pprof")]
        profile = scene.ask("GET", f"/captures/{id_}/artifacts/{artifact['name']}").content
        assert samples(read(profile))
