"""A change is called one only where it exceeds the noise: recorded pairs of a calm service, and of one that changed."""

from itertools import combinations, pairwise, product
from pathlib import Path

import pytest

from app.analysis.diff.changes import Change, changed, changes, unjudged
from app.analysis.diff.side import Side, side_of
from app.analysis.merge import merged
from app.analysis.profile import read
from tests.unit.analysis.pairs import profiles, recordings
from tests.unit.analysis.synthetic import Maker, contention, cpu, heap

ON_ITS_PATH = {"main.price", "main.order", "main.request", "runtime.asyncPreempt"}  # Go interrupts its long loop


def sides(prefix: str, sample_type: str) -> list[Side]:
    return [side_of(profile, sample_type) for profile in profiles(prefix)]


def names(found: tuple[Change, ...], what: str = "flat") -> list[str]:
    return [each.node.name for each in found if each.what == what]


@pytest.mark.parametrize(
    ("prefix", "sample_type"),
    [("calm/cpu", "cpu"), ("calm/cpu", "samples")] + [("calm/heap", name) for name in ("inuse_space", "inuse_objects")],
)
def test_at_most_one_in_a_hundred_pairs_of_a_calm_service_names_any_function(prefix: str, sample_type: str) -> None:
    recorded = sides(prefix, sample_type)
    pairs = list(combinations(recorded, 2))
    assert len(pairs) >= 45
    assert sum(bool(changed(*pair)) for pair in pairs) <= len(pairs) / 100


def test_a_function_that_became_twice_as_slow_is_named_and_none_that_did_not(tmp_path: Path) -> None:
    pairs = list(product(minutes("calm", tmp_path), minutes("slow", tmp_path)))
    found = [changed(*pair) for pair in pairs]
    assert sum("main.price" in names(each, "cum") for each in found) >= 0.95 * len(pairs)
    assert {name for each in found for name in names(each) + names(each, "cum")} <= ON_ITS_PATH


def minutes(prefix: str, folder: Path) -> list[Side]:
    """A minute each: two recordings of half a minute together."""
    paths = []
    for name, data in sorted(recordings().items()):
        if name.startswith(f"{prefix}/cpu"):
            paths.append(folder / name.replace("/", "-"))
            paths[-1].write_bytes(data)
    return [side_of(read(merged(pair))) for pair in pairwise(paths)]


def test_the_same_recording_differs_in_nothing() -> None:
    one = sides("calm/cpu", "cpu")[0]
    assert changed(one, one) == ()


def recording(seconds: float, **samples: int) -> Maker:
    made = Maker(("samples", "count"), ("cpu", "nanoseconds"))
    for name, count in samples.items():
        made.sample([name, "main"], count, count * 10_000_000)
    made.message.duration_nanos = int(seconds * 1e9)
    return made


def compared(base: Maker, now: Maker) -> tuple[Change, ...]:
    return changes(read(base.data()), read(now.data()))


def test_more_load_is_no_change_of_any_function() -> None:
    assert compared(recording(30, a=900, b=600), recording(30, a=1800, b=1200)) == ()


def test_a_longer_recording_is_no_change_of_any_function() -> None:
    assert compared(recording(30, a=900, b=600), recording(60, a=1800, b=1200)) == ()


def test_the_others_are_not_accused_of_their_smaller_shares() -> None:
    found = compared(recording(30, a=300, b=600, c=200), recording(30, a=2000, b=600, c=200))
    assert names(found) == ["a"]
    assert found[0].beyond > 1 and (found[0].base, found[0].value) == (3_000_000_000, 20_000_000_000)


def test_a_function_that_is_slower_in_a_program_that_uses_all_its_time_is_named() -> None:
    found = compared(recording(10, a=250, b=250, c=250, d=250), recording(10, a=400, b=200, c=200, d=200))
    assert names(found) == ["a"]


def test_a_function_that_is_new_and_one_that_is_gone_are_named() -> None:
    found = compared(recording(30, a=900, gone=200), recording(30, a=900, new=300))
    assert sorted(names(found)) == ["gone", "new"]


def test_a_few_samples_more_are_noise() -> None:
    assert compared(recording(30, a=900, b=5), recording(30, a=900, b=15)) == ()


def held(count: int, size: int, rate: int = 512 << 10) -> Maker:
    """So many objects in use of so many bytes, and something else that stays."""
    made = heap()
    made.sample(["leak", "main"], count, count * size, count, count * size)
    made.sample(["cache", "main"], 2000, 2000 << 16, 2000, 2000 << 16)
    made.message.period = rate
    return made


def test_a_heap_that_grew_by_many_sampled_objects_is_a_change() -> None:
    assert names(compared(held(1000, 1 << 10), held(200_000, 1 << 10))) == ["leak"]


def test_the_same_growth_in_few_sampled_objects_is_noise() -> None:
    """A hundred thousand objects of 32 bytes are about six samples, 512 KiB apart."""
    assert compared(held(1000, 32), held(100_000, 32)) == ()


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (contention().sample(["lock"], 500, 10**9), "contention"),
        (heap().sample(["a"], 9, 9, 9, 9), "bytes lie between two samples"),
        (cpu([(["a"], -5)]), "negative"),
        (held(1000, 1 << 20), "since the process began"),
        (Maker(("wall", "nanoseconds")).sample(["a"], 5), "how many samples"),
    ],
)
def test_where_the_noise_is_not_known_nothing_is_called_a_change(made: Maker, why: str) -> None:
    side = side_of(read(made.data()), "alloc_space" if "began" in why else None)
    assert why in unjudged(side, side)
    assert changed(side, side) == ()
