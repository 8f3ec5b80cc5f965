"""Tables as they are printed."""

from typing import Any

import pytest

from app.cli.render import top_functions


def table(function: str) -> dict[str, Any]:
    row = {"flat": 3, "flat_percent": 100.0, "sum_percent": 100.0, "cum": 3, "cum_percent": 100.0, "function": function}
    named = {"sample_type": "samples", "unit": "count", "shown_in": "auto", "total": 3, "duration_seconds": None}
    return {**named, "rows": [row]}


@pytest.mark.parametrize(("function", "said"), [("[orders]", True), ("<unknown>", True), ("main.burn", False)])
def test_code_without_symbols_is_said_to_be_that(function: str, said: bool) -> None:
    lines = list(top_functions(table(function)))
    assert any(function in line for line in lines)
    assert ("[…] and <unknown> are code without symbols" in lines) is said
