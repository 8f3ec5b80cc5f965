"""Saved differences: shares are of the base."""

from pathlib import Path

import pytest

from app.analysis.profile import read, read_file
from app.analysis.top import top
from app.analysis.tree import tree
from tests.unit.analysis.synthetic import Maker, cpu

SAVED = Path(__file__).parents[2] / "data" / "profiles" / "diff.pb.gz"


def labelled(key: str = "pprof::base", value: str = "true") -> Maker:
    made = cpu([(["a", "main"], 60), (["a", "main"], -40), (["b", "main"], -10)])
    for sample in made.message.sample[1:]:
        sample.label.add(key=made.string(key), str=made.string(value))
    return made


def test_shares_of_a_saved_difference_are_of_its_base() -> None:
    table = top(read(labelled().data()), 9)
    assert table.total == 50
    assert [(row.function, row.flat, row.flat_percent) for row in table.rows if row.flat] == [
        ("a", 20, 40.0),
        ("b", -10, 20.0),
    ]
    assert tree(read(labelled().data())).total == 50


@pytest.mark.parametrize(("key", "value"), [("pprof::base", "false"), ("base", "true")])
def test_any_other_label_makes_no_difference(key: str, value: str) -> None:
    made = labelled(key, value).data()
    assert (top(read(made), 9).total, tree(read(made)).total) == (110, 110)


def test_a_difference_that_a_tool_saved_has_the_shares_that_pprof_shows() -> None:
    table = top(read_file(SAVED), 9)
    assert [(row.function.rpartition("/")[2], round(row.flat_percent, 2)) for row in table.rows[:2]] == [
        ("global.(*tracerProvider).Tracer", 59.44),
        ("contrib.SemVersion", 10.61),
    ]
