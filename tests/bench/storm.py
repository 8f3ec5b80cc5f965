"""A storm: many hosts, several alerts about a process on each, all at once, and no connection yet. Against `xargs ssh`.

The hosts are addresses of this machine before one sshd, so that both sides of every login share its processors: a real
fleet has processors of its own, and is easier to reach. The times end when the last process records. Among the two
hundred are ten of each kind of host that holds a caller up, which xargs is not asked about.
"""

import re
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
from tests.lab.unhelpful import KINDS, unhelpful

SIZES = ((20, 3, 0), (60, 3, 0), (160, 5, 10))  # hosts, alerts about each, hosts more of each kind of unhelpful ones
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
    rows = [row(folder / f"{size[0]}", *size) for size in (SIZES[:2] if quick else SIZES)]
    return f"## A storm: until every process records, cold\n\n{table(HEAD, rows)}"


def row(folder: Path, hosts: int, alerts: int, others: int) -> Sequence[str]:
    """One storm: first by xargs, then by alertprof."""
    names = [f"127.1.{n // 250}.{n % 250 + 1}" for n in range(hosts)]
    with ExitStack() as running:
        sshd = running.enter_context(Sshd(folder / "sshd", listen="0.0.0.0", config=["MaxStartups 1000"]))
        kind, key = sshd.known_hosts.read_text().split()[1:3]
        slow = running.enter_context(unhelpful(folder, "sleep 5", shell_timeout="30s")) if others else None
        sshd.known_hosts.write_text(f"[127.1.*]:{sshd.port} {kind} {key}\n{slow.known if slow else ''}")
        targets = {
            name: running.enter_context(Service("toggle", folder / f"target-{n}")) for n, name in enumerate(names)
        }
        theirs = by_xargs(sshd, targets)
        written = {**config(sshd), "hosts": slow.hosts if slow else []}
        service = running.enter_context(Alertprof(folder, written, env={"HOME": str(folder)}))
        absent = [f"{net}.0.{n + 1}" for net in KINDS.values() for n in range(others)]
        ours, late = by_alertprof(service, targets, absent, alerts)
        size = size_of(service.pid)
        crowded = crowd(service, targets)
    shown = f"{ours:.1f}" if not late else f"{len(targets) - late} of {hosts} after {LONGEST:.0f}"
    return (
        f"{hosts} × {alerts}" + (f" and {others} more of each kind" if others else ""),
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
        "allowed_hosts": ["127.0.0.0/8"],
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


def by_alertprof(
    service: Alertprof, targets: Mapping[str, Service], absent: Sequence[str], alerts: int
) -> tuple[float, int]:
    """Seconds from the POST until the last process records; how many never did. absent: hosts that hold us up."""
    meant = {**dict.fromkeys(absent, ABSENT), **{name: target.pid for name, target in targets.items()}}
    sent = [
        alert(f"{number:012x}{n:04x}", host=name, pid=pid, service=name, n=n)
        for number, (name, pid) in enumerate(meant.items())
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
    """How many steps about hosts that answer were tried again because of a time-out."""
    return len(re.findall(r"127\.1\.\d+\.\d+\b.*no answer within", service.process.tail(100_000)))


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
