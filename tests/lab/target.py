"""A Go target as a running process, and the truth about it: its own event log and the files it holds open."""

import os
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx2

from tests.lab import golang, ports
from tests.lab.process import LONG, Late, Process, eventually

FILE = re.compile(r"-(cpu|mem|mutex|block|threadcreate|trace|goroutines)-\d{10}\.(pprof|dump)$")
ASKED_FOR_FOUR = "fffffffc3bba3000"  # SigBlk of the Go runtime's signal thread after go-zero's signal.Notify


@dataclass(frozen=True, slots=True)
class Event:
    """at_ms: unix milliseconds. what: start, stop, refused, usr1, usr2, term."""

    at_ms: int
    what: str


class Service:
    """A target at work in a folder of its own: `tmp` is its TMPDIR, `url` where it serves."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        called: str = "",
        linked: str = "",
        args: Sequence[str] = (),
        appended: str = "",
    ) -> None:
        """name: of golang.TARGETS. env: added to the target's (see tests/targets/gozero for the variables). called: run
        from a copy of this name in the folder; appended: with another target's executable behind it. linked: started as
        ./NAME, which is a link to it."""
        self.name, self.target = name, golang.TARGETS[name]
        self.tmp, self.event_log = folder / "tmp", folder / "events.log"
        self.tmp.mkdir(parents=True, exist_ok=True)
        self.port = int((env or {}).get("PORT", 0)) or (ports.free() if self.target.listens else 0)
        ours = {"TMPDIR": str(self.tmp), "STANDIN_EVENTS": str(self.event_log), "PORT": str(self.port)}
        program = shutil.copy(golang.build(name), folder / called) if called else golang.build(name)
        if appended:
            with Path(program).open("ab") as file:
                file.write(golang.build(appended).read_bytes())
        words = [str(program)]
        if linked:
            (folder / linked).symlink_to(program)
            words = ["sh", "-c", 'cd "$1" && exec "./$2"', "sh", str(folder), linked]
        self.process = Process([*words, *args], folder / "service.log", env={**ours, **(env or {})}, name=name)
        try:
            self.process.until(self._ready, f"{name} is ready")
        except BaseException:
            self.stop()
            raise

    def _ready(self) -> bool:
        if self.target.serves:
            return ports.is_open(self.port) and ASKED_FOR_FOUR in self.masks()
        return "READY" in self.process.log.read_text()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.alive

    @property
    def instance(self) -> str:
        """What Prometheus calls it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.instance}"

    def get(self, path: str) -> str:
        return httpx2.get(f"{self.url}{path}", timeout=LONG).raise_for_status().text

    def hot(self, seconds: float | None = None) -> None:
        """Busy for so long, or until `calm`."""
        self.get("/hot" if seconds is None else f"/hot?seconds={seconds}")

    def calm(self) -> None:
        self.get("/calm")

    def signal(self, number: signal.Signals = signal.SIGUSR2) -> None:
        os.kill(self.pid, number)

    def events(self) -> list[Event]:
        """What the stand-in itself noted, oldest first. Real go-zero notes nothing. A recording's end it notes a moment
        after it has closed the last file: so long this waits."""

        def told() -> bool:
            marks = [event.what for event in self._noted() if event.what in ("start", "stop")]
            return marks[-1:] != ["start"] or self.recording() or not self.alive

        with suppress(Late):
            eventually(told, "its end is noted", within=5)
        return self._noted()

    def _noted(self) -> list[Event]:
        if not self.event_log.exists():
            return []
        lines = self.event_log.read_text().splitlines()
        return [Event(int(at), what) for at, what in (line.split() for line in lines)]

    def count(self, what: str) -> int:
        return sum(event.what == what for event in self.events())

    def wait_event(self, what: str, times: int = 1, within: float = LONG) -> Event:
        """The event when it has been noted so often; Late otherwise."""

        def noted() -> list[Event]:
            return [event for event in self._noted() if event.what == what]

        self.process.until(lambda: len(noted()) >= times, f"{self.name}: {times} × {what}", within)
        return noted()[times - 1]

    def masks(self) -> set[str]:
        """SigBlk of every thread."""
        found = set()
        for task in Path(f"/proc/{self.pid}/task").glob("*/status"):
            try:
                found.add(task.read_text().partition("SigBlk:")[2].split(None, 1)[0])
            except (OSError, IndexError):  # the thread has ended meanwhile
                continue
        return found

    def held(self) -> set[str]:
        """The kinds of file it holds open, of the six."""
        found = set()
        for link in Path(f"/proc/{self.pid}/fd").glob("*"):
            try:
                kind = FILE.search(str(link.readlink()))
            except OSError:
                continue
            if kind:
                found.add(kind[1])
        return found

    def recording(self) -> bool:
        """The trace does not count: go-zero never closes it."""
        return bool(self.held() - {"trace", "goroutines"})

    def files(self) -> dict[str, Path]:
        """kind -> the newest file of it in its TMPDIR."""
        found = sorted(self.tmp.glob("*"), key=lambda file: file.name)
        return {kind[1]: file for file in found if (kind := FILE.search(file.name))}

    def stop(self) -> None:
        """Ends it at once: go-zero would take 5.5 seconds over a SIGTERM."""
        self.process.kill9()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
