"""A process whose signal handler is heard here: the stand-in notes a signal before anything else, into a pipe of ours.

What is measured ends when the note is read: some 40 µs after it was written, the same for every variant.
"""

import os
import secrets
import select
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Self

from app.gate.answers import Mode, Process
from app.gate.client import Gate
from tests.bench.rounds import Unmeasured
from tests.lab.target import Service

SETTLE = 0.02  # seconds: what the last measurement left to do is done by then


class Bell:
    """A go-zero stand-in, "toggle" or "timed"."""

    def __init__(self, name: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        os.mkfifo(folder / "bell")
        self._ear = os.open(folder / "bell", os.O_RDWR | os.O_NONBLOCK)
        self.mode = Mode(name)
        env = {"STANDIN_EVENTS": str(folder / "bell"), "STANDIN_PROFILE_SECONDS": "1"}
        self.service = Service(name, folder, env=env)

    @property
    def pid(self) -> int:
        return self.service.pid

    def forget(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._ear, 1 << 16)

    def heard(self, within: float) -> int:
        """CLOCK_MONOTONIC in ns when the next note of a signal came."""
        if not select.select([self._ear], [], [], within)[0]:
            raise Unmeasured(f"no signal reached {self.service.name} (pid {self.pid}) within {within:g} s")
        return time.monotonic_ns()

    def stop(self) -> None:
        self.service.stop()
        os.close(self._ear)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


class Ear:
    """Listens in a thread of its own, so that what rings the bell may take its time to return."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)

    def milliseconds(self, bell: Bell, ring: Callable[[], object]) -> float:
        """From the call of `ring` until the handler ran."""
        began, heard = self.moments(bell, ring)
        return (heard - began) / 1e6

    def moments(self, bell: Bell, ring: Callable[[], object], within: float = 15.0) -> tuple[int, int]:
        """CLOCK_MONOTONIC in ns of both."""
        time.sleep(SETTLE)
        bell.forget()
        listening = self._thread.submit(bell.heard, within)
        time.sleep(0.002)
        began = time.monotonic_ns()
        ring()
        return began, listening.result()


class Bells:
    """Fresh processes, since one that was signalled a moment ago is not signalled again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._made = folder, 0

    def fresh(self, name: str) -> Bell:
        self._made += 1
        return Bell(name, self._folder / f"bell-{self._made}")


def token() -> str:
    return secrets.token_hex(16)


def seen(gate: Gate, pid: int) -> Process:
    process = gate.look(pid)
    if process is None:
        raise Unmeasured(f"the gate does not see pid {pid}")
    return process


def tidy(gate: Gate, word: str) -> None:
    """After the process is gone: the token's files and its place in the journal are closed."""
    gate.stop(word)
    gate.drop(word)
