"""A file of 24 MB over lines that are long or narrow, and to a slow reader: throughput, and what it costs sshd.

On loopback a client that asks for too much at once does no harm: nothing ever waits in sshd. So a relay in user space
is put between, and the processor time of sshd alone is read beside the throughput; both as a ratio to `ssh cat`.
Over a line that is both long and narrow, login and file together are compared with `scp`.
"""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.hosts.ssh import DOWNLOAD_WINDOW, Connection, Connector
from tests.bench import openssh
from tests.bench.rounds import Goal, Group, Unmeasured, rounds
from tests.lab.relay import Relay
from tests.lab.sshd import Sshd

SIZE = 24 << 20
CHUNK = 256 << 10
HOME, HOME_TWIN, SCP = "login, a pipe of ours, onto disk", "login, a pipe of ours, onto disk (again)", "scp"
OURS, TWIN, LARGE, CAT = "a pipe of ours", "a pipe of ours (again)", "the same, window 8 MiB", "ssh cat"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes a second; 0 for as many as there come."""

    name: str
    delay: float = 0.0
    rate: float = 0.0
    reader: float = 0.0


SCENES = (
    Stretch("a relay that passes on 8 MB/s", rate=8e6),
    Stretch("80 ms round trip", delay=0.08),
    Stretch("a reader of 8 MB/s", reader=8e6),
)
LINE = Stretch("80 ms round trip, 100 Mbit/s", delay=0.08, rate=12.5e6)


def measure(folder: Path, *, quick: bool) -> tuple[Group, ...]:
    groups: list[Group] = []
    for number, scene in enumerate(SCENES):
        with Sshd(folder / f"far-{number}") as sshd, Relay(sshd.port, delay=scene.delay, rate=scene.rate) as relay:
            groups += measured(Far(sshd, relay.port, scene), 2 if quick else 8)
    with Sshd(folder / "far-line") as sshd, Relay(sshd.port, delay=LINE.delay, rate=LINE.rate) as relay:
        groups.append(copied(Far(sshd, relay.port, LINE), 2 if quick else 8))
    return tuple(groups)


def copied(far: "Far", count: int) -> Group:
    def run(copy: Callable[[], float]) -> float:
        return SIZE / 1e6 / copy()

    ways = {HOME: far.home, HOME_TWIN: far.home, SCP: far.scp}
    speeds = rounds({name: partial(run, way) for name, way in ways.items()}, count)
    title = f"Download of {SIZE >> 20} MiB: {far.scene.name}"
    return Group(title, "MB/s", speeds, SCP, (Goal(HOME, SCP, 0.95, at_least=True),), HOME, HOME_TWIN)


def measured(far: "Far", count: int) -> tuple[Group, Group]:
    spent: dict[str, list[float]] = {name: [] for name in (OURS, TWIN, LARGE, CAT)}

    def run(name: str, download: Callable[[], tuple[float, float]]) -> float:
        took, milliseconds = download()
        spent[name].append(milliseconds)
        return SIZE / 1e6 / took

    ways: dict[str, Callable[[], tuple[float, float]]] = {
        OURS: far.ours,
        TWIN: far.ours,
        LARGE: partial(far.ours, 8 << 20),
        CAT: far.cat,
    }
    speeds = rounds({name: partial(run, name, way) for name, way in ways.items()}, count)
    costs = {name: values[-count:] for name, values in spent.items()}
    title = f"Download of {SIZE >> 20} MiB: {far.scene.name}"
    fast, cheap = Goal(OURS, CAT, 0.8, at_least=True), Goal(OURS, CAT, 1.5)
    return (
        Group(title, "MB/s", speeds, CAT, (fast,), OURS, TWIN),
        Group(f"{title}; sshd's processor time", "ms", costs, CAT, (cheap,), OURS, TWIN),
    )


class Far:
    """One server behind one relay. The login is not measured: a session says that it is there, and begins when told."""

    def __init__(self, sshd: Sshd, port: int, scene: Stretch) -> None:
        self.scene, self._sshd, self._port = scene, sshd, port
        self._big, self._copy = sshd.directory / "big", sshd.directory / "copy"
        self._big.write_bytes(os.urandom(SIZE))
        self._known = sshd.directory / "known_behind"
        key = " ".join(sshd.known_hosts.read_text().split()[1:3])
        self._known.write_text(f"[{sshd.host}]:{port} {key}\n")
        self._command = f"printf b; read x; cat {self._big}; exec sleep 600"

    def home(self) -> float:
        """Seconds from nothing until the file is here."""
        began = time.monotonic()
        with closing(self._connected()) as connection, self._copy.open("wb") as file:
            pipe = connection.open(f"cat {self._big}")
            while data := pipe.recv(CHUNK, 60):
                file.write(data)
        return self._whole(began)

    def scp(self) -> float:
        """As `home`."""
        began = time.monotonic()
        first, *rest = openssh.copier(self._sshd, self._port, str(self._big), self._copy)
        openssh.run([first, "-o", f"UserKnownHostsFile={self._known}", *openssh.TUNED, *rest])
        return self._whole(began)

    def _whole(self, began: float) -> float:
        took = time.monotonic() - began
        if self._copy.stat().st_size != SIZE:
            raise Unmeasured(f"{self._copy.stat().st_size} bytes came")
        self._copy.unlink()
        return took

    def _connected(self) -> Connection:
        settings = self._sshd.settings(port=self._port, known_hosts_files=(self._known,))
        return Connector(settings).connect(self._sshd.host)

    def ours(self, window: int = DOWNLOAD_WINDOW) -> tuple[float, float]:
        """Seconds, and milliseconds of sshd's processor time."""
        with closing(self._connected()) as connection:
            pipe = connection.open(self._command, window=window)
            return self._downloaded(lambda size: pipe.recv(size, 60), lambda data: pipe.send(data, 60))

    def cat(self) -> tuple[float, float]:
        first, *rest = openssh.client(self._sshd, *openssh.TUNED)
        behind = ["-o", f"UserKnownHostsFile={self._known}", "-p", str(self._port)]
        command = [first, *behind, *rest, self._command]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
            assert process.stdin and process.stdout
            try:
                return self._downloaded(partial(os.read, process.stdout.fileno()), process.stdin.write)
            finally:
                process.kill()

    def _downloaded(self, recv: Callable[[int], bytes], send: Callable[[bytes], object]) -> tuple[float, float]:
        if recv(1) != b"b":
            raise Unmeasured("the session did not begin")
        began, spent, left = time.monotonic(), self._spent(), SIZE
        send(b"\n")
        while left:
            if not (data := recv(CHUNK)):
                raise Unmeasured(f"{left} bytes did not come")
            left -= len(data)
            time.sleep(len(data) / self.scene.reader if self.scene.reader else 0.0)
        took, spent = time.monotonic() - began, self._spent() - spent
        self._sshd.cut()
        return took, spent

    def _spent(self) -> float:
        """Milliseconds of processor time of the server's own processes, which have one thread each."""
        total = 0
        for pid in self._sshd.sessions():
            with suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().startswith("sshd"):
                    total += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
        return total / 1e6
