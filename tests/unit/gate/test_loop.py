"""The gate's loop by itself, under every shell: what it answers to which line, and which lines end it."""

from pathlib import Path

import pytest

from app.gate.assemble import TEXTS
from tests.unit.gate.shells import SHELLS, said

STUBS = """
find_home() { home=. user=7; }
verb_look() { say seen "$#:$*"; code=ok; }
verb_stop() { say stopped 1; code=finished lock_held=1; }
verb_fetch() { code=vanished; }
report_harm() { say reported 1; }
unlock() { [ -z "$lock_held" ] || say unlocked 1; lock_held=''; }
close_opened() { say closed 1; }
exec <requests
"""
PARTS = "identity handlers journal lock signals file_verbs"


@pytest.fixture(params=sorted(SHELLS))
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def answers(shell: str, folder: Path, requests: str) -> list[str]:
    """What the loop answers to these lines, after its greeting."""
    (folder / "requests").write_text(requests)
    greeting, *lines = said(shell, PARTS, STUBS + TEXTS["loop"] + "\necho over", folder).splitlines()
    assert greeting.startswith("ready 1 ") and greeting.endswith(" 7")
    return lines


def test_each_request_is_answered_under_its_number_and_with_nothing_of_the_one_before(
    shell: str, tmp_path: Path
) -> None:
    told = answers(shell, tmp_path, "1 look 5\n2 look\n3 look 5 : a\n")
    assert [line for line in told if line != "closed 1"] == [
        *("seen 1:5", ".1 ok"),
        *("seen 0:", ".2 ok"),
        *("seen 3:5 : a", ".3 ok"),
    ]


def test_requests_that_came_with_the_script_are_answered_before_those_that_are_read(shell: str, tmp_path: Path) -> None:
    (tmp_path / "requests").write_text("3 look 7\n")
    gate = f"{STUBS}gate() {{\n{TEXTS['loop']}}}\ngate '1 look 5' '2 own2'\n"
    told = said(shell, PARTS, gate, tmp_path).splitlines()
    assert [line for line in told if line.startswith((".", "seen"))] == [
        "seen 1:5",
        ".1 ok",
        ".2 verb",
        "seen 1:7",
        ".3 ok",
    ]


def test_an_unknown_verb_is_told_and_the_next_request_is_answered(shell: str, tmp_path: Path) -> None:
    told = answers(shell, tmp_path, "1 own2\n2 verb\n3\n4 look 5\n")
    assert [line for line in told if line.startswith(".")] == [".1 verb", ".2 verb", ".3 verb", ".4 ok"]


@pytest.mark.parametrize(
    "line", ["x look 5", "01 look 5", "1 look $(id)", "1 look a/b", "1 LOOK", "1 look;id", "", "1 look " + "1" * 200]
)
def test_a_line_outside_the_grammar_ends_the_gate_before_anything_is_done(
    shell: str, tmp_path: Path, line: str
) -> None:
    assert answers(shell, tmp_path, f"{line}\n2 look 5\n") == []


def test_a_request_that_was_cut_off_is_not_answered(shell: str, tmp_path: Path) -> None:
    assert answers(shell, tmp_path, "1 stop 5") == []


def test_harm_is_looked_for_after_what_may_have_signalled_and_the_lock_is_released_before_the_answer(
    shell: str, tmp_path: Path
) -> None:
    told = answers(shell, tmp_path, "1 stop\n2 look\n")
    assert told == ["closed 1", "stopped 1", "reported 1", "unlocked 1", ".1 finished", "closed 1", "seen 0:", ".2 ok"]


def test_only_a_fetch_leaves_open_what_another_fetch_may_want(shell: str, tmp_path: Path) -> None:
    assert answers(shell, tmp_path, "1 fetch\n2 fetch\n3 look\n") == [".1 vanished", ".2 vanished", "closed 1", "seen 0:", ".3 ok"]  # noqa: E501  # fmt: skip
