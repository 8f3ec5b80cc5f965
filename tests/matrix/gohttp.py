"""net/http/pprof of one Go after another: is it profiled, and for how long where its server's WriteTimeout is 4 s.

The toolchains come from the module proxy.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from app.errors import Refused
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from tests.integration.test_http_pprof import capture, collected, judged
from tests.integration.test_http_proof import App
from tests.lab import golang
from tests.lab.sshd import Sshd

VERSIONS = ("1.18.10", "1.20.14", "1.22.12", "1.23.12", "")  # "": the tests' own
HEAD = ("Go", "profiled", "of 6 s asked for", "a gateway to it")


def rows() -> Iterator[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder, Sshd(Path(folder) / "sshd") as sshd:
        pool = HostPool(Connector(sshd.settings()))
        for version in VERSIONS:
            yield (version or "newest", *told(pool, version, Path(folder) / f"go{version}"))
        pool.close()


def told(pool: HostPool, version: str, folder: Path) -> tuple[str, ...]:
    folder.mkdir()
    name = f"profiled-{version}" if version else "profiled"
    if version:
        golang.TARGETS[name] = replace(golang.TARGETS["profiled-old"], toolchain=f"go{version}")
    try:
        golang.build(name)
    except golang.Unavailable as reason:
        return (str(reason), "", "")
    with ExitStack() as running:
        target = running.enter_context(App(folder / "target", name, WRITE_TIMEOUT="4s"))
        gateway = running.enter_context(App(folder / "gateway", "profiled", PASS_ON=target.url))
        files, progress = collected(pool, capture(pool, target.pid, seconds=6), folder / "home")
        whole = sum(not file.fault for file in files.values())
        shorter = re.search(r"cpu is of (\d+) s", progress.message)
        return (f"{whole} of {len(files)} files", f"{shorter[1] if shorter else 6} s", refusal(pool, gateway.pid))


def refusal(pool: HostPool, pid: int) -> str:
    try:
        return f"taken for {judged(pool, pid)}"
    except Refused as refused:
        return f"refused: `{refused.reason.code.value}`"
