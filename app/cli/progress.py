"""How far a recording is, on a terminal's last line; nothing where the output is no terminal."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

WIDTH: Final = 30  # characters of the bar
CLEAR: Final = "\r\x1b[K"
OWN: Final = {"go-zero-timed": 60.0}  # seconds that a profiler takes, whatever is asked for


class Progress:
    """A bar on stderr. length: seconds that the recording is to take."""

    def __init__(self, length: float) -> None:
        self.length, self.shown = length, sys.stderr.isatty()

    def show(self, capture: Mapping[str, Any]) -> None:
        """The state, and while it records how much of the time is over."""
        if not self.shown:
            return
        text = capture["state"]
        if text == "recording" and capture["started_at"]:
            over = (datetime.now(UTC) - datetime.fromisoformat(capture["started_at"])).total_seconds()
            length = OWN.get(capture["profiler"], self.length)
            full = round(WIDTH * min(max(over, 0) / length, 1))
            text = f"[{'#' * full}{'.' * (WIDTH - full)}] {over:.0f}s of {length:.0f}s"
        sys.stderr.write(f"{CLEAR}{text}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Makes the line free for others."""
        if self.shown:
            sys.stderr.write(CLEAR)
            sys.stderr.flush()
