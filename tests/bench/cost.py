"""What being profiled costs the target: its processor time for one answered request, while it is recorded and not.

The target is real go-zero v1.6.0, whose signal starts and stops, with a DevServer for net/http/pprof; four connections
ask it for a short answer as fast as they can, which takes a lock and writes a line of log.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.model import Target
from app.profilers.base import Incoming, Recording
from app.profilers.http_pprof import HttpPprof
from tests.bench.rounds import Group, Unmeasured, rounds
from tests.lab import golang, ports
from tests.lab.process import eventually
from tests.lab.sshd import Sshd
from tests.lab.target import Service
from tests.unit.ledger.builders import NOON, manual

NOTHING, TWIN = "nothing", "nothing (again)"
HTTP, TRACED = "http-pprof", "http-pprof with a trace"
SIGNAL = "go-zero's SIGUSR2: six files, one of them a trace"
SECONDS = 4  # of one recording, and of the load under it
CONNECTIONS, BATCH = 4, 16
REQUEST = b"GET /calm HTTP/1.1\r\nHost: x\r\n\r\n"
HOST = "127.0.0.1"


def measure(folder: Path, *, quick: bool) -> Group:
    try:
        golang.build("real-v1.6.0")
    except golang.Unavailable as reason:
        raise Unmeasured(str(reason)) from reason
    env = {"DEVSERVER": str(ports.free())}
    with Sshd(folder / "sshd") as sshd, Service("real-v1.6.0", folder / "target", env=env) as target:
        pool = HostPool(Connector(sshd.settings()))
        pool.gate(HOST).look(target.pid)
        series = rounds(
            {
                NOTHING: lambda: microseconds(target),
                TWIN: lambda: microseconds(target),
                HTTP: lambda: while_asked(target, pool, HttpPprof(), folder),
                TRACED: lambda: while_asked(target, pool, HttpPprof(trace=True), folder),
                SIGNAL: lambda: while_signalled(target),
            },
            2 if quick else 10,
        )
        pool.close()
    title = "What profiling costs the target: its processor time for one request"
    return Group(title, "µs", series, NOTHING, (), NOTHING, TWIN)


def while_asked(target: Service, pool: HostPool, profiler: HttpPprof, folder: Path) -> float:
    """All that http-pprof does, over a real sshd, for as long as the load."""
    process = pool.gate(HOST).look(target.pid)
    assert process
    new = manual(1, process=process.id, target=Target(HOST, target.pid), duration=timedelta(seconds=SECONDS))
    capture = replace(new, notes=profiler.start(Recording(new, pool, NOON)).notes)
    faults: list[str] = []

    def record() -> None:
        profiler.collect(Recording(capture, pool, NOON), Incoming(folder, lambda file: faults.append(file.fault)))

    recording = threading.Thread(target=record)
    with during(recording.start, recording.join):
        spent = microseconds(target)
    if not faults or any(faults):
        raise Unmeasured(f"the profiles did not come: {faults}")
    return spent


def while_signalled(target: Service) -> float:
    def stop() -> None:
        target.signal(signal.SIGUSR2)
        eventually(lambda: not target.recording(), "the recording is over")
        for file in target.tmp.iterdir():
            file.unlink()

    def start() -> None:
        target.signal(signal.SIGUSR2)
        eventually(target.recording, "the recording is on")

    with during(start, stop):
        return microseconds(target)


@contextmanager
def during(start: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    start()
    try:
        yield
    finally:
        stop()


def microseconds(target: Service) -> float:
    """Processor time of the target for one request, over SECONDS of load."""
    end, before = time.monotonic() + SECONDS, spent(target.pid)
    answered: list[int] = []
    loads = [threading.Thread(target=load, args=(target.port, end, answered)) for _ in range(CONNECTIONS)]
    for each in loads:
        each.start()
    for each in loads:
        each.join()
    return (spent(target.pid) - before) * 1e6 / sum(answered)


def load(port: int, end: float, answered: list[int]) -> None:
    count = 0
    with socket.create_connection((HOST, port)) as line:
        while time.monotonic() < end:
            line.sendall(REQUEST * BATCH)
            ends = 0
            tail = b""
            while ends < BATCH:
                data = tail + line.recv(1 << 16)
                ends += data.count(b"\r\n\r\n")
                tail = data[-3:]
            count += BATCH
    answered.append(count)


def spent(pid: int) -> float:
    """Seconds of processor time so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
