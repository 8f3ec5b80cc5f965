"""Ten thousand alerts about a thousand processes on two hundred hosts, with the default limits: are they taken, is none
forgotten, and does the page answer meanwhile? The hosts refuse connections, as after a failure of a whole site.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.bench.report import table
from tests.integration.scene import alert, message
from tests.lab import ports
from tests.lab.service import Alertprof

HOSTS, PROCESSES, ALERTS = 200, 5, 10  # processes on each host, alerts about each of them
SENDERS = 8
EVERY = 0.2  # seconds between two looks at the page
LONGEST = 900.0  # seconds until every row was looked at
HEAD = ("what", "goal", "measured")


@dataclass
class Visitor:
    """Looks at the page again and again. seconds: what each look took."""

    service: Alertprof
    seconds: list[float] = field(default_factory=list)
    enough: Event = field(default_factory=Event)

    def __enter__(self) -> "Visitor":
        self.thread = Thread(target=self.look)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.enough.set()
        self.thread.join()

    def look(self) -> None:
        while not self.enough.wait(EVERY):
            began = time.monotonic()
            httpx2.get(f"{self.service.url}/", timeout=60).raise_for_status()
            self.seconds.append(time.monotonic() - began)


def measure(folder: Path, *, quick: bool) -> str:
    hosts = 20 if quick else HOSTS
    with Alertprof(folder, config(folder), env={"HOME": str(folder)}) as service:
        with Visitor(service) as visitor:
            began = time.monotonic()
            took, used = sent(service, hosts), processor_seconds(service.pid)
            rows = settled(service, hosts * PROCESSES * ALERTS)
            looked = time.monotonic() - began
        peak, used_in_all = memory(service.pid), processor_seconds(service.pid)
    head = f"## A flood: {hosts * PROCESSES * ALERTS} alerts, default limits"
    spent = ("processor time until then, and in all", "", f"{used:.1f} s, {used_in_all:.1f} s")
    rest = ("every row was looked at after", "", f"{looked:.0f} s")
    return f"{head}\n\n{table(HEAD, (*shown(took, rows, visitor, peak), rest, spent))}"


def config(folder: Path) -> dict[str, Any]:
    key = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    port = ports.free()
    (folder / "known_hosts").write_text(f"[127.1.*]:{port} {key}\n")
    ssh = {"user": "nobody", "port": port, "known_hosts_file": str(folder / "known_hosts")}
    return {"ssh": ssh, "allowed_hosts": ["127.1.0.0/16"], "rules": [{"name": "hot"}]}


def sent(service: Alertprof, hosts: int) -> float:
    """Seconds until every message was acknowledged."""
    bodies = [message(list(alerts(number))) for number in range(hosts)]
    began = time.monotonic()
    with httpx2.Client(timeout=60) as client, ThreadPoolExecutor(SENDERS) as pool:
        for answer in pool.map(lambda body: client.post(service.webhook, json=body), bodies):
            answer.raise_for_status()
    return time.monotonic() - began


def alerts(number: int) -> Iterator[dict[str, Any]]:
    host = f"127.1.{number // 250}.{number % 250 + 1}"
    for n in range(PROCESSES * ALERTS):
        about: dict[str, Any] = {"host": host, "pid": 1000 + n % PROCESSES, "service": f"service-{number % 40}", "n": n}
        yield alert(f"{number:012x}{n:04x}", **about)


def settled(service: Alertprof, expected: int) -> Counter[str]:
    """How many rows are in which state and for which reason, once every row was looked at or the time is up."""
    until = time.monotonic() + LONGEST
    while True:
        rows = Counter(every(service))
        if not rows["pending"] or time.monotonic() > until:
            return rows + Counter({"missing": expected - rows.total()})
        time.sleep(5)  # reading every row is work for the service too


def every(service: Alertprof) -> Iterator[str]:
    """The state of every row, with the reason if there is one."""
    cursor: str | None = ""
    with httpx2.Client(timeout=60) as client:
        while cursor is not None:
            page = client.get(f"{service.url}/captures", params={"limit": 500, "cursor": cursor}).json()
            for row in page["captures"]:
                yield row["state"] + (f": {row['reason']['code']}" if row["reason"] else "")
            cursor = page["next"]


def memory(pid: int) -> int:
    """The most memory that the process had, in MB."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


def processor_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def shown(took: float, rows: Counter[str], visitor: Visitor, peak: int) -> Sequence[Sequence[str]]:
    looks = sorted(visitor.seconds)
    told = ", ".join(f"{number} {what}" for what, number in rows.most_common())
    slow = f"{1000 * looks[len(looks) // 2]:.0f} ms median, {1000 * looks[int(0.95 * len(looks))]:.0f} ms p95"
    return (
        ("all acknowledged", "10 s", f"{took:.1f} s"),
        ("every row a capture, or held or ended with its reason", "none forgotten", told),
        (f"the page meanwhile, {len(looks)} looks", "300 ms", slow),
        ("peak memory", "400 MB", f"{peak} MB"),
        ("load of the machine then", "", f"{os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores"),
    )
