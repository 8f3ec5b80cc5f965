"""http-pprof of Rust services with the crates pprof and jemalloc_pprof, by what they serve besides /profile."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.profilers.http_pprof import HttpPprof
from tests.integration.test_http_pprof import capture, collected
from tests.lab import ports, rust
from tests.lab.golang import Unavailable
from tests.lab.process import Process
from tests.lab.sshd import Sshd

HEAD = ("serves /profile and", "files", "accepted by")


def rows() -> Iterator[tuple[str, ...]]:
    try:
        program = rust.build()
    except Unavailable as reason:
        yield (str(reason), "", "")
        return
    with tempfile.TemporaryDirectory() as folder, Sshd(Path(folder) / "sshd") as sshd:
        pool = HostPool(Connector(sshd.settings()))
        for also in ("", "HEAP", "CMDLINE"):
            yield (f"/{also.lower()}" if also else "nothing", *told(pool, program, Path(folder), also))
        pool.close()


def told(pool: HostPool, program: str, folder: Path, also: str) -> tuple[str, str]:
    port = ports.free()
    process = Process([program], folder / f"{port}.log", env={"PORT": str(port), also or "NOTHING": "1"})
    try:
        process.until(lambda: "READY" in process.log.read_text(), "the Rust service is ready")
        profiler = HttpPprof(ports=(port,))
        of = capture(pool, process.pid, seconds=2, profiler=profiler)
        files, _ = collected(pool, of, folder / f"home{port}", profiler)
    finally:
        process.kill9()
    by = {"": "the signal SIGPROF", "HEAP": "the build id", "CMDLINE": "the command line"}[also]
    return ", ".join(name for name, file in files.items() if not file.fault), by
