"""What `alertprof diff` prints."""

from typing import Any

from app.cli.diff import differences

ROW: dict[str, Any] = {
    **dict.fromkeys(("flat_percent", "sum_percent", "cum_percent"), 77.8),
    **dict.fromkeys(("flat_changed", "cum_changed"), False),
}


def answer(**different: Any) -> dict[str, Any]:
    rows = [
        ROW | {"flat": 7 * 10**9, "cum": 7 * 10**9, "function": "main.price\x1b[2J", "flat_changed": True},
        ROW | {"flat": -(10**9), "cum": 0, "function": "main.search"},
    ]
    change = {"function": "main.price", "what": "flat", "base": 2 * 10**9, "value": 9 * 10**9, "beyond": 4.2}
    told: dict[str, Any] = {
        "sample_type": "cpu", "unit": "nanoseconds", "shown_in": "s", "normalize": "duration",
        "capture_total": 16 * 10**9, "base": {"id": "0199", "total": 9 * 10**9}, "warnings": [], "unjudged": "",
        "changes": [change], "rows": rows,
    }  # fmt: skip
    return told | different


def test_the_changes_are_marked_and_told_and_other_differences_are_not() -> None:
    first, head, price, search, change = differences(answer())
    assert first == "cpu: 9s in 0199, 16s now, scaled to the duration of the base"
    assert head.split() == ["flat", "flat%", "sum%", "cum", "cum%"]
    assert price.split() == ["7s", "77.80%", "77.80%", "7s", "77.80%", "*", "main.price\\x1b[2J"]
    assert search.split() == ["-1s", "77.80%", "77.80%", "0", "77.80%", "main.search"]
    assert change == "* main.price: flat 2s -> 9s, more than noise"


def test_it_is_said_that_nothing_changed_and_why_nothing_can_be_told() -> None:
    assert "No function changed by more than the noise of sampling." in differences(answer(changes=[]))
    lines = list(differences(answer(changes=[], unjudged="it is a difference itself", warnings=["another build"])))
    assert "No change can be told from noise: it is a difference itself." in lines
    assert "note: another build" in lines
