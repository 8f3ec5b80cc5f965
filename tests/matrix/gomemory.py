"""The profiles of one Go after another, read from memory and asked of the program itself: the same samples?

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
from app.model import Kind
from tests.integration.test_go_memory import MANY, capture, heap, of_main, profiles, samples
from tests.lab import golang
from tests.lab.sshd import Sshd
from tests.lab.target import Service
from tests.matrix import emulated

VERSIONS = ("1.21.13", "1.22.12", "1.23.12", "1.24.9", "1.25.3", "1.26.8", "")  # "": the tests' own
BUILDS = ("exe", "pie")
HEAD = ("Go", "linked as", "samples of the heap that are the same", "of block and mutex", "requests and time")


def rows() -> Iterator[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder, Sshd(Path(folder) / "sshd") as sshd:
        pool = HostPool(Connector(sshd.settings()), [MEMORY])
        for version in VERSIONS:
            for build in BUILDS:
                yield (version or "newest", build, *compared(pool, version, build, Path(folder)))
        pool.close()
        for version in VERSIONS:
            yield (version or "newest", "exe for arm64, emulated", *emulated.compared(version, Path(folder)))


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
    same = (ours & theirs).total()
    requests = result.message.partition(" in ")[2].partition(":")[0]
    delays = same_delays(pool, version, build, folder)
    return (f"{same} of {theirs.total()}, {ours.total()} read", delays, f"{requests}, {took:.1f} s")


def same_delays(pool: HostPool, version: str, build: str, folder: Path) -> str:
    name = f"delays-{version or 'newest'}-{build}"
    toolchain = f"go{version}" if version else "local"
    golang.TARGETS[name] = replace(golang.TARGETS["delays"], toolchain=toolchain, buildmode=build)
    (home := folder / f"{name}-home").mkdir()
    with Service(name, folder / name, env={"DIR": str(home)}) as target:
        read, _ = profiles(pool, capture(pool, target.pid), home)
    told = []
    for kind in (Kind.BLOCK, Kind.MUTEX):
        ours, theirs = (of_main(read_file(file)) for file in (read[kind], home / kind.value))
        told.append(f"{(ours & theirs).total()} of {theirs.total()}")
    return " and ".join(told)
