"""A program of the lab: started with a log file, awaited by a condition, and gone at the end with all its children."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar

T = TypeVar("T")


LONG = 60.0  # seconds: longer than anything takes that happens at all, on the busiest machine
SOONEST, SELDOM = 0.02, 0.2  # seconds between two looks


class Late(AssertionError):
    """What was awaited did not come in time, or can never come."""


def eventually(condition: Callable[[], T | None], what: str, within: float = LONG) -> T:
    """The first true answer of `condition`, asked again and again for `within` seconds; else Late, naming `what`.

    It is asked ever less often, as most conditions cost a request or a shell's programs."""
    deadline, pause = time.monotonic() + within, SOONEST
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise Late(f"not within {within:g} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.15, SELDOM)
    return answer


class Process:
    """A running program. It leads a process group of its own, so that its children end with it."""

    def __init__(
        self, argv: Sequence[str | Path], log: Path, *, env: Mapping[str, str] | None = None, name: str = ""
    ) -> None:
        """env: added to ours. The log is appended to, so that a restarted program's story stays whole."""
        self.argv, self.log, self.env = [str(word) for word in argv], log, dict(env or {})
        self.name = name or Path(self.argv[0]).name
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as out:
            self._popen = subprocess.Popen(
                self.argv,
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    @property
    def status(self) -> int | None:
        """Exit status; -N for a death by signal N; None while it runs."""
        return self._popen.poll()

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def until(self, condition: Callable[[], T | None], what: str, within: float = LONG) -> T:
        """As `eventually`, but at once Late with the end of the log when the program is dead."""

        def still() -> T | None:
            answer = condition()
            if not answer and not self.alive:
                raise Late(f"{self.name} ended with status {self.status} before: {what}\n{self.tail()}")
            return answer

        try:
            return eventually(still, what, within)
        except Late as late:
            raise late if not self.alive else Late(f"{late}\n{self.tail()}") from None

    def kill9(self) -> None:
        """As `kill -9` of the program alone: whatever it started stays."""
        self._popen.kill()
        self._popen.wait()

    def stop(self, grace: float = 10.0) -> None:
        """SIGTERM, and SIGKILL for the whole group when that did not end it."""
        self._popen.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(grace)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
