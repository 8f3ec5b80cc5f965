"""Callers and callees, rule by rule. That they are pprof's is shown in tests/integration/test_top_against_pprof.py."""

from pathlib import Path

import pytest

from app.analysis.isolate import peek_of
from app.analysis.peek import MOST, Call, Peek, peek
from app.analysis.profile import BadProfile, read
from tests.unit.analysis.synthetic import Maker, cpu, heap


def of(made: Maker, function: str, n: int = 10, sample_type: str | None = None) -> Peek:
    return peek(read(made.data()), function, n, sample_type)


ORDERS = cpu(
    [
        (["strconv.Itoa", "main.price", "main.serve"], 30),
        (["main.price", "main.serve"], 10),
        (["main.price", "main.report"], 20),
        (["main.search", "main.serve"], 40),
    ]
)


def test_a_function_is_shown_between_what_calls_it_and_what_it_calls() -> None:
    found = of(ORDERS, "main.price")
    (one,) = found.functions
    assert (found.matched, found.total, found.unit, found.sample_type) == (1, 100, "nanoseconds", "cpu")
    assert (one.function, one.flat, one.flat_percent, one.cum, one.cum_percent) == ("main.price", 30, 30.0, 60, 60.0)
    assert one.callers == (Call("main.serve", 40, 40 / 60 * 100), Call("main.report", 20, 20 / 60 * 100))
    assert one.callees == (Call("strconv.Itoa", 30, 50.0),)
    assert of(ORDERS, "main.price", n=1).functions[0].callers == one.callers[:1]


def test_a_recursive_function_has_no_edge_to_itself_and_each_call_counts_once_for_a_sample() -> None:
    (one,) = of(cpu([(["f", "g", "f", "f", "main"], 7), (["f", "g", "f", "g", "f"], 2)]), "f").functions
    assert (one.callers, one.callees) == (
        (Call("g", 9, 100.0), Call("main", 7, 7 / 9 * 100)),
        (Call("g", 9, 100.0),),
    )


def test_a_name_is_taken_exactly_where_there_is_one_and_as_a_part_of_names_otherwise() -> None:
    made = cpu([(["main.serve", "main.serveHTTP"], 5), (["main.(*T[...]).serve"], 9), (["a.b"], 1)])
    assert [one.function for one in of(made, "main.serve").functions] == ["main.serve"]
    assert [one.function for one in of(made, "serve").functions] == [
        "main.(*T[...]).serve", "main.serve", "main.serveHTTP",
    ]  # fmt: skip
    assert [one.function for one in of(made, "(*T[").functions] == ["main.(*T[...]).serve"]
    assert of(made, "main.+").matched == 0, "it is no regular expression"


def test_of_many_functions_that_fit_the_largest_are_shown_and_all_are_counted() -> None:
    found = of(cpu([([f"f{n}"], n) for n in range(1, 30)]), "f")
    assert found.matched == 29
    assert [one.cum for one in found.functions] == list(range(29, 29 - MOST, -1))


def test_a_profile_of_nothing_has_no_function_and_an_unknown_sample_type_is_refused() -> None:
    assert of(cpu(), "main").functions == ()
    with pytest.raises(BadProfile, match="no sample type 'wishful'"):
        of(heap(), "main", sample_type="wishful")


def test_the_process_of_its_own_answers_the_same(tmp_path: Path) -> None:
    (file := tmp_path / "cpu.pprof").write_bytes(ORDERS.data())
    assert peek_of(file, "main") == of(ORDERS, "main")
    file.write_bytes(b"none")
    with pytest.raises(BadProfile):
        peek_of(file, "main")
