"""The service's log: our lines and those of the libraries, in one form on stderr. Called by main.py's `serve`."""

import logging
import sys
import threading
from contextlib import suppress

import structlog
from structlog.typing import EventDict, Processor

BACKSLASH, QUOTE = "\\", '"'
QUIET = ("paramiko", "alembic", "uvicorn")  # libraries of which only warnings are logged


class Lines:
    """Writes our own lines to stderr, past the standard library's records: these cost three times as much, and every
    new alert is a line. A line that stderr does not take is lost, and nothing else is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        with self._lock, suppress(OSError, ValueError):  # ValueError: it was closed
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = write  # what structlog calls


def configure_logs(level: str, form: str) -> None:
    """Sets up logging. level: debug, info, warn or error; form: logfmt or json.

    No value can begin a line of its own."""
    least = level.replace("warn", "warning")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", key="ts"),
        structlog.processors.format_exc_info,
    ]
    processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers(form)]
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=processors))
    logging.basicConfig(level=least.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    lines = Lines()
    structlog.configure(
        processors=[*shared, *renderers(form)],
        logger_factory=lambda *_: lines,
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=True,
    )


def renderers(form: str) -> list[Processor]:
    """What turns an event into a line."""
    if form == "json":
        return [structlog.processors.JSONRenderer()]
    return [logfmt]


def logfmt(_logger: object, _method: str, event: EventDict) -> str:
    """The event on a line of its own: ts, level and event first. As structlog's LogfmtRenderer writes it, which looks
    at each letter of our keys; and with every character escaped that would move a terminal's cursor or change the
    direction of writing."""
    first = {key: event[key] for key in ("ts", "level", "event") if key in event}
    return " ".join([f"{key}={in_logfmt(value)}" for key, value in {**first, **event}.items()])


def in_logfmt(value: object) -> str:
    """A value of a line, in quotes where it needs them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = escaped(str(value))
    if " " in text or "=" in text or '"' in text:
        text = f'"{text.replace(BACKSLASH, 2 * BACKSLASH).replace(QUOTE, BACKSLASH + QUOTE)}"'
    return text.replace("\n", "\\n")


def escaped(text: str) -> str:
    """The text with everything escaped that is not printable, except newlines."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)
