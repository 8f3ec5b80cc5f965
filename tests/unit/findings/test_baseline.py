"""Findings against a baseline: what has changed is named, what is as on the calm day is not accused."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import combinations, product
from pathlib import Path

import pytest

from app.analysis.charges import Charges
from app.analysis.diff.side import Side, side_of
from app.analysis.diff.sums import Sums
from app.analysis.diff.table import Changed, difference
from app.analysis.facts import MEASURED, facts
from app.analysis.profile import ValueType, read
from app.finding import Finding
from app.findings.every import findings
from app.findings.scene import Baseline, Scene
from app.model import Kind
from tests.unit.analysis.pairs import recordings
from tests.unit.findings.test_scenes import MIB, at, charge, heap
from tests.unit.findings.test_scenes import cpu as cpu_profile
from tests.unit.ledger.builders import NOON


@lru_cache
def recorded(name: str, folder: Path) -> tuple[Charges, Side]:
    """The facts in a recording of tests/targets/calm, and what it is compared by."""
    path = folder / name.replace("/", "-")
    path.write_bytes(recordings()[name])
    found = facts(path)
    assert isinstance(found, Charges)
    return found, side_of(read(recordings()[name]), MEASURED[kind_of(name).value])


def kind_of(name: str) -> Kind:
    return Kind(Path(name).name.partition("-")[0])


def scene_of(name: str, folder: Path) -> Scene:
    found, _ = recorded(name, folder)
    cpu, heap = (found, None) if kind_of(name) is Kind.CPU else (None, found)
    return Scene(cpu, heap, seconds=30, uptime=1200)


def compared(base: str, now: str, folder: Path) -> tuple[Finding, ...]:
    """The findings of a recording whose baseline is another one."""
    found = difference(recorded(base, folder)[1], recorded(now, folder)[1], 0)
    baseline = Baseline(NOON, scene_of(base, folder), {kind_of(now): found})
    return findings(replace(scene_of(now, folder), baseline=baseline))


def names(prefix: str) -> list[str]:
    return sorted(name for name in recordings() if name.startswith(prefix))


@pytest.mark.parametrize("prefix", ["calm/cpu", "calm/heap"])
def test_at_most_one_in_a_hundred_pairs_of_a_calm_service_accuses_anybody(prefix: str, tmp_path: Path) -> None:
    pairs = list(combinations(names(prefix), 2))
    told = [(pair, found) for pair in pairs if (found := compared(*pair, tmp_path))]
    assert len(pairs) >= 45
    assert len(told) <= len(pairs) / 100, told


def test_a_function_that_became_twice_as_slow_is_named_with_both_shares_and_nobody_else(tmp_path: Path) -> None:
    pairs = list(product(names("calm/cpu"), names("slow/cpu")))
    titles = [[finding.title for finding in compared(*pair, tmp_path)] for pair in pairs]
    named = [each for each in titles if each]
    assert len(named) >= 0.8 * len(pairs)
    for (title,) in named:
        assert re.fullmatch(
            r"main\.price takes 4\d % of the CPU time, [23]\d % in the baseline, called by main\.order", title
        )


Grew = Mapping[str, tuple[int, int]]  # function -> its values in the baseline and now, beyond noise


def against(now: Scene, then: Scene, grew: Grew = {}, unlike: str = "", kind: Kind = Kind.CPU) -> list[Finding]:  # noqa: B006
    """The findings of a scene."""
    changes = tuple(Changed(name, "cum", *values, 2.0) for name, values in grew.items())
    nothing = Side("cpu", ValueType("cpu", "nanoseconds"), (), 1, "", ("", ""), Sums())
    found = replace(difference(nothing, nothing, 0), base_total=10**10, changes=changes)
    return list(findings(replace(now, baseline=Baseline(NOON, then, {kind: found}, unlike))))


def spending(function: str, share: float, purpose: str, total: float = 10.0) -> Scene:
    """A second-long profile in which a function spends this share of the time on a purpose."""
    spent = round(share * total * 1e9)
    one = charge(function, 0, spent, purposes={purpose: spent})
    return Scene(cpu=replace(cpu_profile(10, one, total=total), purposes={purpose: spent}))


def test_what_the_calm_day_had_as_well_is_not_accused() -> None:
    (found,) = against(spending("shop.check", 0.7, "logging"), spending("shop.check", 0.65, "logging"))
    assert (found.severity, found.code) == ("info", "logging")
    assert found.title.endswith("; the same share as in the baseline")
    assert "not what has changed since the baseline of 2026-11-23 12:00 UTC: 65 % there, 70 % now" in found.detail


def test_what_the_calm_day_had_not_is_said_with_the_number_of_that_day() -> None:
    now, then = spending("shop.check", 0.7, "sorting"), spending("shop.check", 0.04, "sorting")
    (found,) = against(now, then, {"shop.check": (4, 70)})
    assert (found.severity, found.code) == ("warning", "sorting")  # without a baseline it is the service's job
    assert found.title.endswith("; its share was 4 % in the baseline")


def test_more_load_accuses_no_function() -> None:
    then = Scene(cpu=cpu_profile(10, charge("shop.a", 0, 10**9), charge("shop.b", 0, 10**9), total=2))
    now = Scene(cpu=cpu_profile(10, charge("shop.a", 0, 10**10), charge("shop.b", 0, 10**10), total=20))
    (found,) = against(now, then)
    assert (found.severity, found.code, found.functions) == ("info", "load_above_baseline", ())
    assert "2.00 cores, 0.20 in the baseline" in found.title
    assert against(then, then) == []


def test_memory_is_more_than_on_the_calm_day_only_if_it_grew_more_than_the_load() -> None:
    def scene(in_use: int, cores: float) -> Scene:
        return Scene(heap=heap(10 * in_use, in_use, 2 * in_use), cpu=cpu_profile(10, total=10 * cores), uptime=3600)

    def compared(now: Scene, then: Scene) -> list[Finding]:
        return against(now, then, {"shop/cache.(*Cache).Put": (4, 40)}, kind=Kind.HEAP)

    now = scene(40 * MIB, 0.1)
    (found,) = compared(now, scene(4 * MIB, 0.1))
    assert (found.severity, found.code) == ("warning", "memory_above_baseline")
    assert "cache.(*Cache).Put allocated has grown to 40MB, from 4MB in the baseline" in found.title
    assert compared(now, scene(4 * MIB, 0.005)) == []
    assert compared(now, scene(30 * MIB, 0.1)) == []
    (young,) = compared(now, replace(scene(4 * MIB, 0.1), uptime=30))
    assert young.severity == "info" and "had run for 30 s only" in young.detail


def test_goroutines_are_compared_where_they_are_no_requests() -> None:
    then = Scene(before=(at("receive", ("shop.work",), 20), at("io", ("shop.serve",), 5, served=True)))
    now = Scene(before=(at("receive", ("shop.work",), 400), at("io", ("shop.serve",), 500, served=True)))
    (found,) = against(now, then)
    assert (found.code, found.title) == (
        "goroutines_above_baseline",
        "400 goroutines are in shop.work, 20 in the baseline",
    )
    assert against(then, then) == []


def test_another_build_is_said_and_a_renamed_function_is_not_called_new() -> None:
    now, then = spending("shop.after", 0.6, "", 10), spending("shop.before", 0.6, "", 10)
    said = "The base was built with go1.26, the capture with go1.27"
    renamed = {"shop.before": (6 * 10**9, 0), "shop.after": (0, 6 * 10**9)}
    assert against(now, then, renamed, said) == []
    (found,) = against(now, then, renamed)
    assert "shop.after, which the baseline does not have, takes 60 % of the CPU time" in found.title
    (found,) = against(now, then, {"shop.after": (0, 6 * 10**9)}, said)
    assert found.detail.endswith(said)
