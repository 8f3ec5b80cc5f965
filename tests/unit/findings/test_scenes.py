"""What makes a finding, and what looks like one and is none."""

from dataclasses import replace

import pytest

from app.analysis.charges import Charge, Charges
from app.analysis.goroutines import Group, Place
from app.findings.every import findings
from app.findings.resident import Resident, resident_in
from app.findings.scene import Groups, Scene
from app.findings.thresholds import MOST

HEAP = ("alloc_objects", "alloc_space", "inuse_objects", "inuse_space")
MIB = 1 << 20


def charge(function: str, *paid: int, purposes: dict[str, int] | None = None, flat: int = 0) -> Charge:
    return Charge(function, paid, flat, paid[-1], purposes or {}, {}, ("main.main", function), "a.go:1", "", 0)


def cpu(seconds: float, *functions: Charge, total: float = 10.0, means: dict[str, int] | None = None) -> Charges:
    nanoseconds = round(total * 1e9)
    return Charges(("samples", "cpu"), (nanoseconds // 10**7, nanoseconds), 1, seconds, means or {}, {}, functions)


def heap(allocated: int, in_use: int, all_in_use: int) -> Charges:
    one = charge("shop/cache.(*Cache).Put", 0, allocated, 0, in_use)
    return Charges(HEAP, (0, allocated, 0, all_in_use), 3, None, {}, {}, (one,))


def allocating(function: str, nanoseconds: int = 10**7) -> Charge:
    return replace(charge(function, nanoseconds // 10**7, nanoseconds), means={"memory": nanoseconds})


def at(state: str, path: tuple[str, ...], count: int, *, served: bool = False, waits_in: str = "") -> Group:
    return Group(Place(state, path[-1], "a.go:7", path, waits_in, path[0], served, "", False), count)


def codes(scene: Scene) -> list[str]:
    return [finding.code for finding in findings(scene)]


def test_memory_that_is_kept_and_grows_is_a_finding() -> None:
    scene = Scene(heap=heap(10 * MIB, 9 * MIB, 12 * MIB), heap_after=heap(20 * MIB, 18 * MIB, 21 * MIB), seconds=10)
    (finding,) = findings(scene)
    assert finding.title == (
        "memory that cache.(*Cache).Put allocates is kept and grows: "
        "9MB more in 10 s, 921.60kB a second, called by main.main"
    )
    assert "90 % of what it allocated stayed in use" in finding.detail


def samples(*mib: float, limit: int | None = None) -> Resident:
    """Ten seconds between two samples of the process's memory."""
    sizes = [round(each * MIB) for each in mib]
    group = {"cgroup_memory_bytes": sizes, "cgroup_memory_limit_bytes": limit * MIB} if limit else {}
    found = resident_in({"seconds": [10.0 * n for n in range(len(mib))], "rss_bytes": sizes, **group})
    assert found
    return found


GROWING = Scene(heap=heap(10 * MIB, 9 * MIB, 12 * MIB), heap_after=heap(20 * MIB, 18 * MIB, 21 * MIB), seconds=10)


def test_the_growth_of_the_process_and_of_its_heap_are_one_finding_with_the_time_that_is_left() -> None:
    (found,) = findings(replace(GROWING, resident=samples(100, 110, 120, 130, limit=190)))
    assert (found.code, found.severity) == ("memory_grows", "critical")
    assert found.title.endswith("; the limit of 190MB is reached in 60 s at this rate")
    assert "cache.(*Cache).Put" in found.title and "resident memory grew by 30MB in 30 s" in found.detail
    (found,) = findings(replace(GROWING, resident=samples(100, 110, 120, 130, limit=10_000)))
    assert found.severity == "warning" and "is reached in 164 minutes" in found.detail
    (found,) = findings(replace(GROWING, resident=samples(100, 100, 100, 100)))
    assert found.severity == "warning" and "did not grow steadily" in found.detail


def test_the_samples_tell_a_leak_from_a_cache_where_there_is_one_heap_profile() -> None:
    one = Scene(heap=heap(40 * MIB, 36 * MIB, 50 * MIB))
    (found,) = findings(replace(one, resident=samples(100, 110, 120, 130)))
    assert (found.code, found.severity) == ("memory_grows", "warning")
    assert found.title.startswith("the process grew by 30MB in 30 s, and cache.(*Cache).Put allocated 72 %")
    assert codes(replace(one, resident=samples(100, 100, 100, 131))) == []  # one jump
    assert codes(replace(one, resident=samples(100, 100.1, 99.9, 100))) == []
    assert codes(replace(one, resident=samples(100, 200, 300, 400))) == []  # far more than it holds


def test_a_limit_that_is_near_is_told_also_where_no_function_grows() -> None:
    assert codes(Scene(resident=samples(100, 110, 120, 130, limit=190))) == ["memory_limit_soon"]
    assert codes(Scene(resident=samples(100, 110, 120, 130, limit=10_000))) == []
    assert codes(Scene(resident=samples(130, 130, 130, 130, limit=131))) == []


def test_goroutines_that_grow_are_joined_with_the_memory_of_the_process() -> None:
    before, after = (at("receive", ("shop.work",), 200),), (at("receive", ("shop.work",), 1200),)
    (found,) = findings(Scene(before=before, after=after, seconds=30, resident=samples(100, 110, 120, 130)))
    assert found.code == "goroutines_grow" and "by 30MB in 30 s, which is 30.72kB for each" in found.detail


def test_a_cache_that_is_full_is_none() -> None:
    full = heap(50 * MIB, 50 * MIB, 52 * MIB)
    assert codes(Scene(heap=full, heap_after=full, seconds=10)) == []


def test_a_busy_innocent_that_keeps_a_little_of_much_is_none() -> None:
    scene = Scene(heap=heap(900 * MIB, 9 * MIB, 12 * MIB), heap_after=heap(2000 * MIB, 13 * MIB, 21 * MIB), seconds=10)
    assert codes(scene) == []


def test_where_both_profiles_are_of_one_collection_the_process_grows_and_who_keeps_and_allocates_is_named() -> None:
    kept = heap(40 * MIB, 36 * MIB, 50 * MIB)
    scene = Scene(heap=kept, heap_after=kept, seconds=30, resident=samples(100, 110, 120, 130))
    (found,) = findings(replace(scene, cpu=cpu(30, allocating("shop/cache.(*Cache).Put"))))
    assert (found.code, found.severity) == ("memory_grows", "warning")
    assert found.title.startswith("the process grew by 30MB in 30 s, and cache.(*Cache).Put allocated 72 %")
    assert "90 % of all that the function ever allocated is still in use" in found.detail
    assert "Both heap profiles are as of one garbage collection" in found.detail

    loaded_long_ago = replace(scene, cpu=cpu(30, allocating("shop/web.render")))
    assert codes(loaded_long_ago) == codes(replace(scene, resident=samples(100, 100, 100, 100))) == []
    short = heap(41 * MIB, 37 * MIB, 51 * MIB)
    (found,) = findings(replace(scene, heap_after=short))
    assert "are only 1MB of allocations apart" in found.detail


def test_garbage_is_charged_by_the_cpu_profile_where_both_heap_profiles_are_of_one_collection() -> None:
    guilty, other = allocating("shop/web.render", 9 * 10**9), allocating("shop/cache.(*Cache).Put")
    kept = heap(40 * MIB, 36 * MIB, 50 * MIB)
    spent = cpu(10, other, guilty, means={"memory": 9_500_000_000})
    (found,) = findings(Scene(cpu=spent, heap=kept, heap_after=kept, seconds=10))
    assert found.code == "garbage" and "web.render" in found.title


def test_a_loop_that_yields_is_told_from_the_runtimes_sweeper_that_yields() -> None:
    running = at("running", ("shop.work",), 1)
    yields = replace(cpu(10, allocating("shop.work", 10**9)), purposes={"spinning": 6 * 10**9})
    scene = Scene(cpu=yields, before=(running,), after=(running,))
    assert codes(scene) == ["spinning"]
    swept = replace(yields, means={"sweeping": 2 * 10**9, "memory": 3 * 10**9})
    assert codes(replace(scene, cpu=swept)) == ["garbage"]
    assert codes(replace(scene, cpu=replace(swept, means={"sweeping": 10**9, "memory": 10**9}))) == ["spinning"]


def test_what_one_function_holds_is_told_where_there_is_one_snapshot() -> None:
    assert codes(Scene(heap=heap(100 * MIB, 99 * MIB, 120 * MIB))) == ["memory_held"]
    assert codes(Scene(heap=heap(4000 * MIB, 99 * MIB, 120 * MIB))) == []


def test_the_purpose_of_a_cost_is_told_only_past_its_threshold() -> None:
    def scene(share: float) -> Scene:
        spent = {"regexp_compile": round(share * 10e9)}
        return Scene(cpu=replace(cpu(10, charge("shop.check", 0, 10**10, purposes=spent)), purposes=spent))

    assert codes(scene(0.09)) == []
    assert codes(scene(0.11)) == ["regexp_compile"]


def test_a_cost_that_is_spread_over_many_functions_accuses_none() -> None:
    many = [charge(f"shop.f{n}", 0, 10**9, purposes={"formatting": 10**9}) for n in range(10)]
    assert codes(Scene(cpu=replace(cpu(10, *many), purposes={"formatting": 10**10}))) == []


def test_an_idle_process_after_an_alert_about_the_cpu_says_that_the_spike_was_over() -> None:
    assert codes(Scene(cpu=cpu(30, total=0.5), about="HighCPU")) == ["spike_over"]
    assert codes(Scene(cpu=cpu(30, total=0.5), about="HighMemory")) == []
    assert codes(Scene(cpu=cpu(30, total=20), about="HighCPU")) == []


def test_a_profile_with_few_samples_accuses_nobody() -> None:
    spent = {"regexp_compile": 3 * 10**8}
    assert codes(Scene(cpu=cpu(1, charge("shop.check", 0, 3 * 10**8, purposes=spent), total=0.29))) == []


def test_workers_that_wait_are_no_leak_and_a_group_that_grows_is() -> None:
    workers, more = (at("receive", ("shop.work",), 300),), (at("receive", ("shop.work",), 360),)
    assert codes(Scene(before=workers, after=workers, seconds=10)) == []
    assert codes(Scene(before=(at("receive", ("shop.work",), 200),), after=more, seconds=10)) == ["goroutines_grow"]


def waiting(count: int, *others: Group) -> Groups:
    return (at("select", ("shop.serve", "shop.load"), count, served=True, waits_in="kv.(*Pool).Get"), *others)


def test_requests_that_wait_for_a_pool_are_a_finding_and_those_that_wait_for_another_server_are_none() -> None:
    pool = waiting(20)
    assert codes(Scene(before=pool, dump=pool, after=pool)) == ["requests_wait"]
    client = tuple(replace(g, place=g.place._replace(waits_in="net/http.(*Client).Do")) for g in pool)
    assert codes(Scene(before=client, dump=client, after=client)) == []


def test_requests_that_wait_for_workers_at_work_are_none() -> None:
    own = at("receive", ("shop.serve",), 20, served=True)
    idle, busy = at("receive", ("shop.work",), 4), at("running", ("shop.work",), 2)
    assert codes(Scene(before=(own, busy), after=(own, busy))) == []
    assert codes(Scene(before=(own, idle), after=(own, idle))) == ["requests_wait"]


def test_the_holder_of_a_lock_is_told_from_its_victims() -> None:
    victims = at("lock", ("shop.serve", "shop.(*Book).Add"), 30, served=True)
    holder = at("io", ("shop.(*Book).keep", "shop.(*Book).flush", "shop.write"), 1)
    (finding,) = findings(Scene(before=(victims, holder), dump=(victims,), after=(victims, holder)))
    assert finding.code == "lock_contention"
    assert finding.title.startswith(
        "shop.(*Book).flush probably holds the lock that 30 goroutines wait for in shop.(*Book)"
    )


def test_a_lock_that_nobody_holds_is_a_deadlock_only_if_its_victims_do_not_become_fewer() -> None:
    def scene(*counts: int) -> Scene:
        before, dump, after = ((at("lock", ("shop.serve", "shop.(*Book).Add"), n, served=True),) for n in counts)
        return Scene(before=before, dump=dump, after=after)

    assert codes(scene(20, 20, 20)) == ["deadlock"]
    assert codes(scene(20, 5, 20)) == []


def test_no_capture_has_more_findings_than_people_read() -> None:
    functions = [charge(f"shop.f{n}", 0, 10**9, purposes={}) for n in range(9)]
    grown = [replace(each, paid=(0, 9 * MIB, 0, 9 * MIB)) for each in functions]
    before, after = (Charges(HEAP, (0, n, 0, n), 3, None, {}, {}, tuple(grown[: n and 9])) for n in (0, 81 * MIB))
    assert len(findings(Scene(heap=before, heap_after=after, seconds=10))) == MOST


def test_leaks_at_several_lines_of_one_function_are_one_finding_with_each_line() -> None:
    here, there = at("send", ("main.main", "shop.Ask"), 3), at("receive", ("main.main", "shop.Ask"), 1)
    there = replace(there, place=there.place._replace(line="a.go:9"))
    (finding,) = findings(Scene(leaked=(there, here)))
    assert finding.title == "3 goroutines send on a channel that nobody receives from, in shop.Ask"
    assert "there are 4. They are at a.go:7 (3) and a.go:9 (1)," in finding.detail
    (alone,) = findings(Scene(leaked=(there,)))
    assert alone.title == "1 goroutine receives from a channel that nobody sends on, in shop.Ask"


def test_a_leak_profile_without_goroutines_is_none() -> None:
    path = ("main.main", "shop.Ask")
    assert codes(Scene(leaked=(at("send", path, 0), at("receive", path, -5)))) == []


def test_a_few_goroutines_that_are_parked_on_purpose_are_no_warning_and_a_pile_of_them_is() -> None:
    path = ("main.main", "shop.Serve")
    (few,), (many,) = (findings(Scene(leaked=(at("forever", path, count),))) for count in (1, 50))
    assert (few.severity, few.title) == ("info", "1 goroutine waits in a select without cases, in shop.Serve")
    assert (many.severity, many.code) == ("warning", "goroutines_leaked")


@pytest.mark.parametrize(("asked", "had", "said"), [(30, 2.7, True), (30, 22, True), (30, 23, False), (4, 2.5, False)])
def test_a_recording_that_is_much_shorter_than_asked_says_so(asked: float, had: float, said: bool) -> None:
    found = [each for each in findings(Scene(cpu=cpu(had), seconds=asked)) if each.code == "shorter_than_asked"]
    assert [each.title for each in found] == (
        [f"the recording has {had:g} s of the {asked:g} s that were asked for"] if said else []
    )
