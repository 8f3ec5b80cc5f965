"""The lines of the service's log."""

import logging
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from app.config.logs import configure_logs, escaped, logfmt

VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(['a "b"', "a=\\b", "\\", "a\nb c", "\x1b[2J"])
)


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root, before = logging.getLogger(), structlog.get_config()
    level, handlers = root.level, root.handlers[:]
    yield
    structlog.configure(**before)
    root.setLevel(level)
    root.handlers[:] = handlers


def test_our_lines_and_those_of_libraries_have_one_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", shown := StringIO())
    configure_logs("warn", "logfmt")
    structlog.get_logger("ours").warning("one", host="a\nlevel=error")
    structlog.get_logger("ours").info("too quiet")
    logging.getLogger("theirs").warning("two")

    ours, theirs = shown.getvalue().splitlines()
    assert ours.split(" ", 1)[1] == r'level=warning event=one host="a\nlevel=error"'
    assert theirs.split(" ", 1)[1] == "level=warning event=two"


def test_a_line_that_nobody_takes_costs_the_caller_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    configure_logs("info", "json")
    monkeypatch.setattr(sys, "stderr", Gone())
    structlog.get_logger("ours").error("nobody reads this")


@given(st.dictionaries(st.sampled_from(["host", "ts", "event", "level", "n"]), VALUES))
def test_a_line_is_what_structlogs_own_renderer_writes_of_harmless_text(event: dict[str, object]) -> None:
    theirs = structlog.processors.LogfmtRenderer(
        key_order=["ts", "level", "event"], bool_as_flag=False, drop_missing=True
    )
    harmless = {key: escaped(value) if isinstance(value, str) else value for key, value in event.items()}
    missing = {
        key: value for key, value in harmless.items() if value is not None or key not in ("ts", "level", "event")
    }

    assert logfmt(None, "", dict(missing)) == theirs(None, "", dict(missing))
