"""The service's log: our lines and those of the libraries, in one form on stderr. Called by main.py's `serve`."""

import logging

import structlog
from structlog.typing import EventDict, Processor

QUIET = ("paramiko", "alembic", "uvicorn")  # libraries of which only warnings are logged


def configure_logs(level: str, form: str) -> None:
    """Sets up logging. level: debug, info, warn or error; form: logfmt or json.

    No value can begin a line of its own."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", key="ts"),
        structlog.processors.format_exc_info,
    ]
    processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers(form)]
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=processors))
    logging.basicConfig(level=level.replace("warn", "warning").upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def renderers(form: str) -> list[Processor]:
    """What turns an event into a line."""
    if form == "json":
        return [structlog.processors.JSONRenderer()]
    return [harmless, structlog.processors.LogfmtRenderer(key_order=["ts", "level", "event"], bool_as_flag=False)]


def harmless(_logger: object, _method: str, event: EventDict) -> EventDict:
    """The event with every character escaped that would move a terminal's cursor or change the direction of writing.

    The renderer escapes newlines."""
    return {
        key: value if isinstance(value, int | float | None) else escaped(str(value)) for key, value in event.items()
    }


def escaped(text: str) -> str:
    """The text with everything escaped that is not printable, except newlines."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)
