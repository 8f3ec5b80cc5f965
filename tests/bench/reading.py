"""The table of a profile, against `go tool pprof -top`: by a process started for it, and by `GET …/top` of a service
whose readers are warm. The tool is called itself, without `go`. The service is a thread of this process; each request
has a new connection over loopback.
"""

import json
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

from app.analysis.isolate import top_of
from app.analysis.readers import Readers
from app.analysis.reading_process import ROOT, command
from tests.bench.heaps import built, go, written
from tests.bench.rounds import Goal, Group, Series, Unmeasured, rounds
from tests.lab.browser import served
from tests.unit.web.web_app import WebApp

STACKS = {"small": 14, "middle": 24_000, "large": 385_000}
COUNTS = {"small": 20, "middle": 10, "large": 5}
PPROF, WHOLE, TWIN = "pprof -top", "a whole process", "a whole process (again)"
SERVICE, AGAIN = "GET …/top", "GET …/top?n=50 after it"


def measure(folder: Path, *, quick: bool) -> tuple[Group, ...]:
    program, tool = built(folder), go("tool", "-n", "pprof", cwd=folder).strip()
    groups: list[Group] = []
    for name, stacks in STACKS.items():
        path = written(program, stacks, folder / f"{name}.pb.gz")
        groups += measured(name, path, tool, folder, 2 if quick else COUNTS[name])
    return tuple(groups)


def measured(name: str, path: Path, tool: str, folder: Path, count: int) -> Iterator[Group]:
    """The time by the clock, and the processor time of the whole processes in the same runs."""
    asked = {"do": "top", "paths": [str(path)], "n": 30, "type": None, "limits": {}}
    (request := folder / f"{name}.json").write_text(json.dumps(asked))
    theirs, ours = [tool, "-top", "-symbolize=none", str(path)], command()
    runs = {PPROF: Runs(theirs, request), WHOLE: Runs(ours, request), TWIN: Runs(ours, request)}
    service = Service(folder / f"{name}-web", path.read_bytes())
    try:
        clock = rounds({**{of: run.once for of, run in runs.items()}, SERVICE: service.new, AGAIN: service.old}, count)
    finally:
        service.close()
    processor = {of: [use.ru_utime + use.ru_stime for use in run.uses[-count:]] for of, run in runs.items()}
    title = f"The table of a {name} profile, {path.stat().st_size / 1e3:.0f} kB gzipped"
    goals = (Goal(WHOLE, PPROF, 0.5), Goal(SERVICE, PPROF, 0.5), Goal(AGAIN, SERVICE, 0.1))
    peaks = f"Peak memory: {runs[WHOLE].peak:.0f} MB of ours, {runs[PPROF].peak:.0f} MB of pprof."
    note = f"{peaks} What is below the bench's own peak cannot be seen."
    yield Group(title, "ms", milliseconds(clock), PPROF, goals, WHOLE, TWIN, (note,))
    yield Group(f"{title}: processor time", "ms", milliseconds(processor), PPROF, goals[:1], WHOLE, TWIN)


@dataclass(frozen=True, slots=True)
class Runs:
    """A command, and what each of its processes used. request: the file on its stdin."""

    command: list[str]
    request: Path
    uses: list[resource.struct_rusage] = field(default_factory=list)

    @property
    def peak(self) -> float:
        """Megabytes."""
        return max(use.ru_maxrss for use in self.uses) / 1e3

    def once(self) -> float:
        """Seconds by the clock for one run."""
        began = perf_counter()
        with self.request.open("rb") as asked:
            process = subprocess.Popen(
                self.command,
                stdin=asked,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
            )
            _, status, use = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise Unmeasured(f"{self.command[0]} ended with {process.returncode}")
        self.uses.append(use)
        return perf_counter() - began


class Service:
    """The web with real readers, and captures of this profile. Both methods: seconds for an answer."""

    def __init__(self, folder: Path, profile: bytes) -> None:
        folder.mkdir()
        self.web, self.profile, self.made, self.readers = WebApp(folder), profile, 0, Readers()
        self.web.top = partial(top_of, ask=self.readers.ask)  # type: ignore[method-assign]
        self.web.store.read = lambda key, *_: iter([self.web.store.files[key]])  # type: ignore[method-assign]
        self.ends, self.href = ExitStack(), ""
        self.ends.callback(self.readers.close)
        self.address = urlsplit(self.ends.enter_context(served(self.web.reached_by().app))).netloc
        self.new()  # old() may be the first that is measured

    def new(self) -> float:
        """Of a profile that was never asked about. The header of gzip has a time that nobody reads."""
        self.made += 1
        capture = self.web.keep_completed(self.profile[:4] + self.made.to_bytes(4, "little") + self.profile[8:])
        self.href = f"/captures/{capture.id}/top"
        return self._get(self.href)

    def old(self) -> float:
        """Of the profile that was asked about last."""
        return self._get(f"{self.href}?n=50")

    def _get(self, href: str) -> float:
        began = perf_counter()
        with closing(HTTPConnection(self.address)) as connection:
            connection.request("GET", href)
            (answer := connection.getresponse()).read()
        seconds = perf_counter() - began
        if answer.status != 200:
            raise Unmeasured(f"GET {href} is answered with {answer.status}")
        return seconds

    def close(self) -> None:
        self.ends.close()


def milliseconds(series: Series) -> Series:
    return {name: [1e3 * value for value in values] for name, values in series.items()}
