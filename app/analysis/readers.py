"""Processes that stay to read the next profile: Python's start costs more than most profiles do. For the
pipeline, the API and the pages.

Each is one of reading_process.py's, with its limits. It reads one file at a time, and makes way for a new one after a
file with a fault, after a large file, whose memory the allocator may keep, and after FILES files.
"""

import json
import os
import select
import subprocess
import tempfile
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any, Final

from app.analysis import reading_process
from app.analysis.child import MOST_ANSWERED, Json, Limits

FILES: Final = 200  # that one process reads
LARGE: Final = 64 << 20  # bytes in memory of a process that stays
ENDING: Final = 5.0  # seconds for a process without a request
IDLE: Final = 4  # processes that are kept
PIECE: Final = 1 << 20
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Reader:
    """A process, and how many files it was asked about. err: what it writes on stderr; said: what of its
    answers is not taken yet."""

    process: subprocess.Popen[bytes]
    err: Any
    files: int = 0
    said: bytearray = field(default_factory=bytearray)

    def ask(self, request: Json, limits: Limits) -> tuple[list[Json], str]:
        """The answers about the files; see reading_process.Ask."""
        self.files += len(request["paths"])
        answers: list[Json] = []
        data = reading_process.asking(request, limits)
        try:
            for _ in request["paths"]:
                line = self.exchange(data, monotonic() + limits.wall_seconds)
                if not line.endswith(b"\n"):
                    return answers, self.why(limits)
                answers.append(json.loads(line))
                data = b""  # everything is asked
        except TimeoutError:
            return answers, reading_process.too_long(limits)
        return answers, ""

    def exchange(self, data: bytes, until: float) -> bytes:
        """Tells the process this, and returns the next line that it says; without its end where the process ends or
        answers too much. until: by time.monotonic(). Raises TimeoutError."""
        try:
            self._tell(data, until)
        except BrokenPipeError:
            return b""
        return self._line(until)

    def _tell(self, data: bytes, until: float) -> None:
        rest, into, waiting = memoryview(data), _fd(self.process.stdin), select.poll()
        os.set_blocking(into, False)
        waiting.register(into, select.POLLOUT)
        while rest:
            if not waiting.poll(max(0.0, until - monotonic()) * 1000):
                raise TimeoutError
            rest = rest[os.write(into, rest[:PIECE]) :]

    def _line(self, until: float) -> bytes:
        said, out, waiting, seen = self.said, _fd(self.process.stdout), select.poll(), 0
        waiting.register(out, select.POLLIN)
        while (end := said.find(b"\n", seen)) < 0 and (seen := len(said)) <= MOST_ANSWERED:
            if not waiting.poll(max(0.0, until - monotonic()) * 1000):
                raise TimeoutError
            if not (piece := os.read(out, PIECE)):
                break
            said += piece
        line = bytes(said[: end + 1] if end >= 0 else said)
        del said[: len(line)]
        return line

    def why(self, limits: Limits, *, last_words: bool = True) -> str:
        """What is wrong with a file at which the process ended, or is about to. last_words: those on stderr too"""
        try:
            code = self.process.wait(ENDING)
        except subprocess.TimeoutExpired:
            return f"its answer has more than {MOST_ANSWERED} bytes, which is the limit"
        return reading_process.why(code, self.err if last_words else None, limits)

    def stays(self) -> bool:
        """May it be asked about another file?"""
        return self.files < FILES and not self.said and self.lives() and _resident(self.process.pid) < LARGE

    def lives(self) -> bool:
        """Nothing and nobody has ended it."""
        return self.process.poll() is None

    def end(self) -> None:
        """Ends the process, whatever it does."""
        self.process.kill()
        self.process.communicate()  # waits, and closes the pipes
        self.err.close()


@dataclass(slots=True)
class Readers:
    """Starts processes when they are needed, as many as there are requests at once; keeps some that are idle."""

    idle: list[Reader] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def ask(self, request: Json, limits: Limits) -> tuple[list[Json], str]:
        """See reading_process.Ask. Raises Retryable when no process can be started."""
        reader = self._taken()
        stays = False
        try:
            answers, end = reader.ask(request, limits)
            stays = not (end or any(answer.get("bad") for answer in answers)) and reader.stays()
        finally:
            with self.lock:
                if stays := stays and len(self.idle) < IDLE:
                    self.idle.append(reader)
            if not stays:
                reader.end()
        return answers, end

    def close(self) -> None:
        """Ends the idle processes. One that reads ends with its request, and all of them with the service."""
        with self.lock:
            ending, self.idle = self.idle, []
        for reader in ending:
            reader.end()

    def _taken(self) -> Reader:
        with self.lock:
            reader = self.idle.pop() if self.idle else None
        if reader and reader.lives():
            return reader
        if reader:
            reader.end()
        return start_reader()


def start_reader() -> Reader:
    """A process that nobody else asks. Raises Retryable when none can be started."""
    err = tempfile.TemporaryFile()  # noqa: SIM115 - closed by Reader.end
    try:
        process = subprocess.Popen(
            reading_process.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, bufsize=0,
            cwd=reading_process.ROOT, env=reading_process.environment(),
        )  # fmt: skip
    except OSError as error:
        err.close()
        raise reading_process.no_process(error) from error
    return Reader(process, err)


def _fd(pipe: Any) -> int:
    number: int = pipe.fileno()
    return number


def _resident(pid: int) -> int:
    """Bytes in memory; see proc_pid_statm(5). 0 for a process that is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:  # noqa: PTH123 - for each file that is read
            return int(file.read().split()[1]) * PAGE
    except OSError:
        return 0
