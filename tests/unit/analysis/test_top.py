"""The table: the rules one by one. That they are pprof's is shown in tests/integration/test_top_against_pprof.py."""

import json
from pathlib import Path

import pytest

from app.analysis.profile import BadProfile, read, read_file
from app.analysis.top import Top, first, top
from tests.unit.analysis.synthetic import Maker, cpu, heap

FAULTS = Path(__file__).parents[2] / "data" / "faults"


def of(made: Maker, n: int = 30, sample_type: str | None = None) -> Top:
    return top(read(made.data()), n, sample_type)


def flat_and_cum(table: Top) -> dict[str, tuple[int, int]]:
    return {row.function: (row.flat, row.cum) for row in table.rows}


def test_the_leaf_has_flat_and_its_callers_have_cum() -> None:
    table = of(cpu([(["leaf", "caller", "main"], 30), (["caller", "main"], 10)]))
    assert flat_and_cum(table) == {"leaf": (30, 30), "caller": (10, 40), "main": (0, 40)}
    assert (table.kind, table.sample_type, table.unit, table.total) == ("cpu", "cpu", "nanoseconds", 40)


def test_percentages_are_of_the_total_and_sum_runs_down_the_table() -> None:
    rows = of(cpu([(["a", "main"], 30), (["b", "main"], 10)])).rows
    assert [(r.function, r.flat_percent, r.sum_percent, r.cum_percent) for r in rows] == [
        ("a", 75.0, 75.0, 75.0),
        ("b", 25.0, 100.0, 25.0),
        ("main", 0.0, 100.0, 100.0),
    ]


def test_a_recursive_function_counts_once_in_cum() -> None:
    assert flat_and_cum(of(cpu([(["f", "g", "f", "f", "main"], 7)]))) == {"f": (7, 7), "g": (0, 7), "main": (0, 7)}


def test_an_inlined_function_is_a_row_and_the_leaf_of_its_place() -> None:
    assert flat_and_cum(of(cpu([([("tiny", "host"), "main"], 7)]))) == {"tiny": (7, 7), "host": (0, 7), "main": (0, 7)}


def test_equal_flat_is_ordered_by_name_not_by_cum() -> None:
    table = of(cpu([(["z", "b", "a"], 5), (["z", "b"], 5)]))
    assert [row.function for row in table.rows] == ["z", "a", "b"]


def test_only_the_first_n_are_rows_and_the_total_stays() -> None:
    table = of(cpu([(["a", "main"], 30), (["b", "main"], 10)]), n=1)
    assert [row.function for row in table.rows] == ["a"]
    assert table.total == 40


def test_a_sample_without_a_stack_counts_in_the_total_only() -> None:
    table = of(cpu([([], 10), (["a"], 30)]))
    assert (table.total, table.rows[0].flat_percent) == (40, 75.0)


def test_what_adds_up_to_nothing_is_no_row() -> None:
    table = of(cpu([(["a"], 5), (["a"], -5), (["b"], 0), (["c"], 3)]))
    assert [row.function for row in table.rows] == ["c"]
    assert table.total == 13


def test_a_negative_share_is_shown_without_its_sign() -> None:
    row = of(cpu([(["a"], -30), (["b"], 10)])).rows[0]
    assert (row.function, row.flat, row.flat_percent) == ("a", -30, 75.0)


def test_an_idle_process_has_an_empty_table() -> None:
    table = of(cpu())
    assert (table.total, table.rows, table.shown_in) == (0, (), "auto")


def test_the_last_sample_type_is_the_default() -> None:
    made = heap().sample(["f"], 1, 2, 3, 4)
    assert (of(made).sample_type, of(made).total, of(made).unit) == ("inuse_space", 4, "bytes")


def test_the_profile_may_name_another_default() -> None:
    made = heap().sample(["f"], 1, 2, 3, 4)
    made.message.default_sample_type = made.string("alloc_space")
    assert (of(made).sample_type, of(made).total) == ("alloc_space", 2)


def test_a_default_that_the_profile_does_not_have_is_no_default() -> None:
    made = heap().sample(["f"], 1, 2, 3, 4)
    made.message.default_sample_type = made.string("wishful")
    assert of(made).sample_type == "inuse_space"


def test_a_sample_type_can_be_asked_for() -> None:
    made = heap().sample(["f"], 1, 2, 3, 4)
    assert [of(made, sample_type=t).total for t in of(made).sample_types] == [1, 2, 3, 4]


def test_a_sample_type_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(BadProfile, match=r"no sample type 'wall'; it has samples, cpu"):
        of(cpu(), sample_type="wall")


def test_a_profile_without_sample_types_has_no_table() -> None:
    with pytest.raises(BadProfile, match="no sample types"):
        of(Maker())


def test_code_without_a_function_is_its_binary() -> None:
    made = cpu([(["f"], 5)])
    made.message.location.add(id=9, mapping_id=1)
    made.message.location.add(id=10)
    made.message.sample.add(location_id=[9, 1], value=[1, 3])
    made.message.sample.add(location_id=[10, 1], value=[1, 2])
    assert flat_and_cum(of(made)) == {"f": (5, 10), "[app]": (3, 3), "<unknown>": (2, 2)}


def test_an_endless_name_is_cut_and_still_its_own_row() -> None:
    long = "x" * 5000
    rows = of(cpu([([long + "a"], 5), ([long + "b"], 4)])).rows
    assert [(len(row.function), row.flat) for row in rows] == [(4096, 5), (4096, 4)]


def test_the_duration_is_in_seconds_and_none_when_not_said() -> None:
    made = cpu([(["f"], 5)])
    assert of(made).duration_seconds is None
    made.message.duration_nanos = 1_500_000_000
    assert of(made).duration_seconds == 1.5


def test_a_table_is_plain_json() -> None:
    plain = of(cpu([(["f"], 5)]))._asdict()
    assert json.loads(json.dumps(plain))["rows"][0][-1] == "f"


def drop(made: Maker, frames: str, keep: str = "") -> Maker:
    made.message.drop_frames = made.string(frames)
    made.message.keep_frames = made.string(keep)
    return made


def stacks() -> Maker:
    return cpu([(["grow", "malloc", "work", "main"], 5), (["malloc"], 2), ([("mallocinit", "tiny"), "main"], 1)])


def test_what_the_profile_drops_goes_with_its_callees() -> None:
    assert flat_and_cum(of(drop(stacks(), "malloc.*"))) == {
        "work": (5, 5),
        "main": (0, 6),
        "malloc": (2, 2),  # no caller stays, so it does
        "tiny": (1, 1),
    }


def test_what_the_profile_keeps_is_not_dropped() -> None:
    kept = flat_and_cum(of(drop(stacks(), "malloc.*", "malloc")))
    assert (kept["malloc"], kept["grow"], "mallocinit" in kept) == ((2, 7), (5, 5), False)


def test_the_whole_name_has_to_match() -> None:
    assert flat_and_cum(of(drop(stacks(), "mallo"))) == flat_and_cum(of(stacks()))


def test_a_wish_that_is_no_regular_expression_drops_nothing() -> None:
    assert flat_and_cum(of(drop(stacks(), "malloc.*|("))) == flat_and_cum(of(stacks()))


@pytest.mark.parametrize("n", [1, 2, 30])
def test_the_first_rows_of_a_longer_table_are_the_shorter_table(n: int) -> None:
    made = cpu([(["small", "main"], 5), (["large", "main"], 7_000_000_000)])
    assert first(top(read(made.data()), 200), n) == top(read(made.data()), n)


def test_what_of_a_heap_is_the_profilers_own_is_told() -> None:
    made = heap()
    for stack, value in (
        (["compress/flate.NewWriter", "runtime/pprof.StartCPUProfile", "core/proc.StartProfile"], 70),
        (["bytes.growSlice", "runtime/trace.Start.func1"], 20),
        (["main.load", "runtime/pprof.Do", "main.main"], 8),
        (["main.keep", "runtime/trace.WithRegion", "main.main"], 2),
    ):
        made.sample([[name] for name in stack], 0, 0, 1, value)
    table = of(made)
    assert (table.total, table.profilers_own) == (100, 90)
    assert of(cpu([(["runtime/pprof.profileWriter"], 30)])).profilers_own == 0
    recorded = top(read_file(FAULTS / "chatty" / "heap.pprof"), 1)
    assert (recorded.total, recorded.profilers_own) == (1_737_040, 1_212_696), "as go tool pprof -focus has them"
