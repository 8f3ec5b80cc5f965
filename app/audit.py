"""The audit log: who asked for what, from where, and which verbs were sent to which host. JSON, one line an event.

docs/audit.md lists the events and their fields. Writing never waits and never raises: a line that does not fit on a
full disk is lost, counted, and the loss is written down as soon as there is room. serving.py opens it, main.py hands
it to whoever acts.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

import structlog
from structlog.contextvars import get_contextvars

log = structlog.get_logger()


class AuditLog:
    """Thread-safe. file: it is appended to, and made readable by this user alone; None: nothing is written.

    lost: is told of every line that could not be written."""

    def __init__(self, file: Path | None, lost: Callable[[], None] = lambda: None) -> None:
        """Raises OSError with a sentence when the file cannot be opened."""
        self._file, self._on_lost, self._lost = file, lost, 0
        self._lock = Lock()
        self._torn = bool(file and is_torn(file))
        self._stream = self._opened() if file else None

    @property
    def kept(self) -> bool:
        """Whether anything is written at all."""
        return self._stream is not None

    def write(self, event: str, **fields: Any) -> None:
        """Appends an event, with the id of the capture that this thread works on. None and "" are left out."""
        if self._stream is None:
            return
        said = {"ts": datetime.now(UTC).isoformat(), "event": event, **get_contextvars(), **fields}
        with self._lock:
            if self._lost:
                self._append({"ts": said["ts"], "event": "lost", "lines": self._lost})
            if self._lost or not self._append({key: value for key, value in said.items() if value not in (None, "")}):
                self._lose()

    def reopen(self) -> None:
        """Opens the file anew, after whoever rotates logs has moved it away. The earlier one stays if that fails."""
        if self._stream is None:
            return
        try:
            stream = self._opened()
        except OSError as fault:
            log.error("the audit log was not opened again", fault=str(fault))
            return
        with self._lock:
            before, self._stream = self._stream, stream
        before.close()

    def _opened(self) -> TextIO:
        assert self._file  # noqa: S101 - callers have looked
        flags = (
            os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        )  # a pipe that is full never holds us
        try:
            return os.fdopen(os.open(self._file, flags, 0o600), "w", encoding="ascii")
        except OSError as fault:
            said = f"--audit.log {self._file} cannot be opened ({fault.strerror}): name a file in a writable directory"
            raise OSError(said) from fault

    def _append(self, said: dict[str, Any]) -> bool:
        """Whether the whole line was written. What a full disk left of a line is ended by the next one."""
        line = (b"\n" if self._torn else b"") + json.dumps(said, default=str).encode() + b"\n"
        try:
            written = os.write(self._stream.fileno(), line) if self._stream else 0
        except OSError:
            return False
        self._torn = written < len(line)
        if not self._torn and said["event"] == "lost":
            log.info("the audit log is written again", lost=self._lost)
            self._lost = 0
        return not self._torn

    def _lose(self) -> None:
        self._lost += 1
        self._on_lost()
        if self._lost == 1:
            log.error("the audit log cannot be written, lines are lost: is its disk full?", file=str(self._file))


def is_torn(file: Path) -> bool:
    """Whether the file ends within a line: whoever wrote it was killed, or its disk was full."""
    try:
        if not file.is_file() or not file.stat().st_size:  # a pipe cannot be read without waiting
            return False
        with file.open("rb") as opened:
            opened.seek(-1, os.SEEK_END)
            return opened.read() != b"\n"
    except OSError:
        return False
