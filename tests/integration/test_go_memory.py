"""Heap profiles read from a process's memory over a real sshd, against what /debug/pprof/heap says just then."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.analysis.profile import Profile, read, read_file
from app.gate.pool import HostPool
from app.gate.recipes import MEMORY
from app.hosts.ssh import Connector
from app.model import Capture, Target
from app.profilers.base import Fetched, Incoming, Recording, StepResult
from app.profilers.go_memory import GoMemory
from tests.lab import golang
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


def heap(pool: HostPool, of: Capture, folder: Path) -> tuple[Fetched, StepResult]:
    kept: list[Fetched] = []
    folder.mkdir(exist_ok=True)
    result = GoMemory().collect(Recording(of, pool, NOON), Incoming(folder, kept.append))
    (file,) = kept
    return file, result


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
        (tuple(places[id_] for id_ in each.location_id), each.label[0].num, tuple(each.value))
        for each in message.sample
        if any(each.value)
    )


@pytest.mark.parametrize(
    "name", ["profiled-1.21", "profiled-1.21-pie", "profiled", "profiled-pie", "profiled-bare", "profiled-with-names"]
)
def test_what_is_read_from_memory_is_what_the_program_itself_says(
    pool: HostPool, run_target: RunTarget, tmp_path: Path, name: str
) -> None:
    target = run_target(name, GODEBUG=MANY)
    for _ in range(3):
        target.get("/debug/pprof/heap?gc=1")
    of = capture(pool, target.pid)
    file, result = heap(pool, of, tmp_path / "home")
    ours, theirs = read_file(file.path), read(httpx2.get(f"{target.url}/debug/pprof/heap").content)
    assert samples(ours) == samples(theirs)
    assert len(samples(ours)) > 100
    assert (ours.message.period, ours.sample_types) == (theirs.message.period, theirs.sample_types)
    assert ours.mapped[0] == theirs.mapped[0]
    assert "requests" in result.message
    assert "net/http.(*conn).serve" in golang.tool("pprof", "-top", "-cum", file.path)
