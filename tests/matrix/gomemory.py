"""The heap of one Go after another, read from memory and asked of the program itself: the same samples?

The toolchains come from the module proxy.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

import httpx2

from app.analysis.profile import read, read_file
from app.gate.pool import HostPool
from app.gate.recipes import MEMORY
from app.hosts.ssh import Connector
from tests.integration.test_go_memory import MANY, capture, heap, samples
from tests.lab import golang
from tests.lab.sshd import Sshd
from tests.lab.target import Service

VERSIONS = ("1.21.13", "1.22.12", "1.23.12", "1.24.9", "1.25.3", "1.26.8", "")  # "": the tests' own
BUILDS = ("exe", "pie")
HEAD = ("Go", "linked as", "samples from memory", "that the program says too", "requests and time")


def rows() -> Iterator[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder, Sshd(Path(folder) / "sshd") as sshd:
        pool = HostPool(Connector(sshd.settings()), [MEMORY])
        for version in VERSIONS:
            for build in BUILDS:
                yield (version or "newest", build, *compared(pool, version, build, Path(folder)))
        pool.close()


def compared(pool: HostPool, version: str, build: str, folder: Path) -> tuple[str, ...]:
    name = f"memory-{version or 'newest'}-{build}"
    toolchain = f"go{version}" if version else "local"
    golang.TARGETS[name] = replace(golang.TARGETS["profiled"], toolchain=toolchain, buildmode=build)
    try:
        target = Service(name, folder / name, env={"GODEBUG": MANY})
    except golang.Unavailable as reason:
        return (str(reason), "", "")
    with target:
        for _ in range(3):
            target.get("/debug/pprof/heap?gc=1")
        of, begun = capture(pool, target.pid), monotonic()
        file, result = heap(pool, of, folder / f"{name}-home")
        took = monotonic() - begun
        theirs = samples(read(httpx2.get(f"{target.url}/debug/pprof/heap").content))
    ours = samples(read_file(file))
    same = sum((ours & theirs).values())
    requests = result.message.rpartition(", ")[2]
    return (str(sum(ours.values())), f"{same} of {sum(theirs.values())}", f"{requests}, {took:.1f} s")
