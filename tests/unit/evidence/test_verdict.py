"""Was it hot while it was recorded, and why did it die? Told from the samples."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from app.evidence.death import cause_of
from app.evidence.samples import in_words
from app.evidence.series import Series, document_of, series_in
from app.evidence.verdict import findings_of
from app.model import Capture, Finding, Trigger
from tests.unit.ledger.builders import NOON

CPU = Trigger("alert", {"alertname": "HighCPU"}, fingerprint="f", annotations={"value": "92"})


def lines(
    *, cpu: int = 100, busy: int = 200, throttled: int = 0, memory: int = 50, other: int = 0, end: str = "over"
) -> list[str]:
    """Samples of ten seconds on two processors. cpu, other: % of a core; busy: of both; throttled: % of the periods;
    memory: % of the limit."""
    taken = [
        f"sample {1000 + n * 100} {n * cpu} 256 9 0 {n * 10**6} {n * 10} {n * throttled // 10} {n} "
        f"{memory * 10**4} 0 {n * (200 - busy)} {n * 200} 4096"
        for n in range(11)
    ]
    first, last = (f"process 55 R {ticks} 10 1 postgres" for ticks in (500, 500 + other * 10))
    return ["sampler 9:9", "page 4", "limit 1000000", taken[0], "list 1000", first, *taken[1:], f"{end} 2000",
            "list 2000", last]  # fmt: skip


def findings(series: Series, trigger: Trigger = CPU) -> tuple[Finding, ...]:
    return findings_of(series, Capture("one", NOON, trigger))


def series(more: Mapping[str, int]) -> Series:
    return series_in(lines(**more), 7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "code", "title"),
    [
        ({"cpu": 4}, "spike_over", "92 when the alert fired, 4 % of a core during the recording: the spike was over"),
        ({"other": 310}, "hot_elsewhere", "the host is hot because of another process: postgres, 310 %"),
        ({"throttled": 60}, "cgroup_throttled", "the cgroup was throttled 60 % of the time"),
        ({"memory": 95}, "memory_near_limit", "the cgroup is close to its memory limit: 928 KiB of 977 KiB"),
    ],
)
def test_the_samples_say_what_a_profile_does_not_show(more: Mapping[str, int], code: str, title: str) -> None:
    found = findings(series(more))
    assert [(finding.code, finding.title) for finding in found] == [(code, title)]


def test_of_a_process_that_is_hot_by_itself_nothing_is_to_be_said() -> None:
    assert findings(series({})) == ()


@pytest.mark.parametrize(
    "more", [{"busy": 100, "other": 100}, {"cpu": 60, "other": 100}, {"other": 40, "cpu": 30}, {"throttled": 1}]
)
def test_a_host_that_is_not_busy_or_a_process_that_is_no_busier_is_no_reason(more: Mapping[str, int]) -> None:
    assert findings(series(more)) == ()


def test_a_calm_process_is_no_surprise_where_the_alert_is_about_something_else() -> None:
    calm = series({"cpu": 4})
    assert findings(calm, replace(CPU, labels={"alertname": "HighMemory"})) == ()
    assert findings(calm, Trigger("manual", by="ann")) == ()


def test_less_than_three_seconds_tell_nothing_of_processor_time() -> None:
    assert findings(series_in(lines(cpu=0)[:8], 7)) == ()


KILL = "kernel [   19.500000] Memory cgroup out of memory: Killed process 7 (orders) total-vm:1kB"


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ([KILL], "killed by the OOM killer 10 s into the recording, memory limit 977 KiB"),
        ([KILL.replace("19.5", " 3.5")], "it ended 10 s into the recording; the kernel tells no reason"),
        ([KILL.replace("process 7 ", "process 77 ")], "it ended 10 s into the recording; the kernel tells no reason"),
        (
            ["killed 1"],
            "it ended 10 s into the recording; meanwhile the OOM killer killed a process of its control group",
        ),
        ([], "it ended 10 s into the recording; the kernel tells no reason"),
    ],
)
def test_why_a_process_died_is_told_as_far_as_it_is_known(more: list[str], cause: str) -> None:
    died = series_in([*lines(end="gone"), *more], 7)
    assert cause_of(died, 7).startswith(cause)


def test_a_process_that_lived_has_no_cause_of_death() -> None:
    assert cause_of(series_in([*lines(), KILL], 7), 7) == ""


def test_samples_are_columns_and_what_is_malformed_is_left_out() -> None:
    sound = lines(cpu=50, throttled=20)
    hostile = ["sample 1 2", "sample 500 1 1 1 1 - - - - - - 1 1 -", "sample \x1b", "process 1 R x", "list", "limit -1"]
    document = document_of(series_in([*sound, *hostile], 7))
    assert document["seconds"] == [float(n) for n in range(11)]
    assert document["cpu_percent"] == [50.0] * 10 and document["throttled_percent"] == [20.0] * 10
    assert document["host_cpu_percent"] == [100.0] * 10
    assert (document["ended"], document["cgroup_memory_limit_bytes"]) == ("over", 1000000)
    assert in_words(series_in(sound, 7)) == (
        "11 samples in 10 s: 50 % of a core, its host 100 % busy, 1.0 MiB resident at most, 9 threads"
    )
