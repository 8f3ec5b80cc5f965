"""A storm: many hosts, several alerts about a process on each, all at once, and no connection yet. Against `xargs ssh`.

The hosts are addresses of this machine before one sshd, so that both sides of every login share its processors: a real
fleet has processors of its own, and is easier to reach. The times end when the last process records.
"""

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

from tests.bench import openssh
from tests.bench.report import table
from tests.integration.scene import alert, message
from tests.lab.service import TLS, Alertprof
from tests.lab.sshd import Sshd
from tests.lab.target import Service

SIZES = ((20, 3), (60, 3), (200, 5))  # hosts, alerts about each
AT_ONCE = 32  # of xargs
CROWD = 10_000  # alerts that wait while every host is connected
ABSENT = 4_194_303  # a pid
LONGEST = 300.0  # seconds that are waited
LIMITS = {"per_host": 5, "per_service": 10_000, "at_once": 10_000, "per_hour": 10_000}
HEAD = (
    *("hosts × alerts", f"`xargs -P{AT_ONCE} ssh HOST kill -USR1 PID`, s", "alertprof, s", "ratio", "time-outs"),
    *("threads", "peak memory, MB", f"threads and peak memory with {CROWD} more alerts"),
)


def measure(folder: Path, *, quick: bool) -> str:
    rows = [row(folder / f"{hosts}", hosts, alerts) for hosts, alerts in (SIZES[:1] if quick else SIZES)]
    return f"## A storm: until every process records, cold\n\n{table(HEAD, rows)}"


def row(folder: Path, hosts: int, alerts: int) -> Sequence[str]:
    """One storm: first by xargs, then by alertprof."""
    names = [f"127.1.{n // 250}.{n % 250 + 1}" for n in range(hosts)]
    with ExitStack() as running:
        sshd = running.enter_context(Sshd(folder / "sshd", listen="0.0.0.0", config=["MaxStartups 1000"]))
        kind, key = sshd.known_hosts.read_text().split()[1:3]
        sshd.known_hosts.write_text(f"[127.1.*]:{sshd.port} {kind} {key}\n")
        targets = {
            name: running.enter_context(Service("toggle", folder / f"target-{n}")) for n, name in enumerate(names)
        }
        theirs = by_xargs(sshd, targets)
        service = running.enter_context(Alertprof(folder, config(sshd), env={"HOME": str(folder)}))
        ours, late = by_alertprof(service, targets, alerts)
        size = size_of(service.pid)
        crowded = crowd(service, targets)
    shown = f"{ours:.1f}" if not late else f"{len(targets) - late} of {hosts} after {LONGEST:.0f}"
    return (
        f"{hosts} × {alerts}",
        f"{theirs:.1f}",
        shown,
        f"{ours / theirs:.2f}",
        str(timed_out(service)),
        *size,
        crowded,
    )


def config(sshd: Sshd) -> Mapping[str, Any]:
    ssh = {"user": sshd.user, "port": sshd.port, "identity_file": str(sshd.client_key)}
    return {
        "ssh": ssh | {"known_hosts_file": str(sshd.known_hosts)},
        "allowed_hosts": ["127.1.0.0/16"],
        "limits": LIMITS,
        "rules": [{"name": "hot", "duration": "5m"}],
    }


def by_xargs(sshd: Sshd, targets: Mapping[str, Service]) -> float:
    """Seconds until every ssh has ended."""
    ssh = [openssh.needed("ssh", "openssh-client"), *openssh.nobodys(sshd), "-p", str(sshd.port), "-l", sshd.user]
    lines = "".join(f"{name} kill -USR1 {target.pid}\n" for name, target in targets.items())
    began = time.monotonic()
    subprocess.run(["xargs", f"-P{AT_ONCE}", "-L1", *ssh], input=lines, text=True, check=True, capture_output=True)
    return time.monotonic() - began


def by_alertprof(service: Alertprof, targets: Mapping[str, Service], alerts: int) -> tuple[float, int]:
    """Seconds from the POST until the last process records; how many never did."""
    sent = [
        alert(f"{number:012x}{n:04x}", host=name, pid=target.pid, service=name, n=n)
        for number, (name, target) in enumerate(targets.items())
        for n in range(alerts)
    ]
    began = time.monotonic()
    answer = httpx2.post(service.webhook, json=message(sent), timeout=60, verify=TLS)
    answer.raise_for_status()
    waiting = list(targets.values())
    while waiting and time.monotonic() < began + LONGEST:
        time.sleep(0.1)
        waiting = [target for target in waiting if not target.recording()]
    return time.monotonic() - began, len(waiting)


def timed_out(service: Alertprof) -> int:
    """How many steps were tried again because of a time-out."""
    return service.process.tail(100_000).count("no answer within")


def crowd(service: Alertprof, targets: Mapping[str, Service]) -> str:
    """The threads and the peak memory, in MB, once so many more alerts about the same hosts were taken and have waited.
    Their processes do not exist."""
    hosts = list(targets)
    sent = [alert(f"c{n:06x}", host=hosts[n % len(hosts)], pid=ABSENT - n // len(hosts), n=n) for n in range(CROWD)]
    httpx2.post(service.webhook, json=message(sent), timeout=120, verify=TLS).raise_for_status()
    time.sleep(10)
    return " and ".join(size_of(service.pid))


def size_of(pid: int) -> tuple[str, str]:
    """How many threads a process has, and the most memory that it had, in MB."""
    said = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return said["Threads"].strip(), f"{int(said['VmHWM'].split()[0]) / 1024:.0f}"
