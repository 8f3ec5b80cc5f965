"""Was it hot while it was recorded? Findings from the samples. Pure; every threshold stands here, with its reason."""

import re
from collections.abc import Iterator

from app.evidence.series import Series, percent, throttles
from app.evidence.words import size
from app.model import Capture, Finding

ENOUGH = 3.0  # seconds; less tells nothing, since a tick of processor time is 0.01 s and a burst lasts seconds
COLD = 25.0  # % of a core; alerts about processor time begin far above, and a profile of less has few samples
BUSY_HOST = 80.0  # % of all processors; below, nobody has to wait for one for long
OTHER_IS_HOT = 50.0  # % of a core; half a core is more than a housekeeper takes
OTHER_IS_HOTTER = 2.0  # times as much as ours; of two that are equally busy none is the other's reason
THROTTLED = 5.0  # % of the periods; a few happen at every burst, and cost at most as many hundredths of the time
NEAR_LIMIT = 0.9  # of the memory limit; above, the kernel reclaims all the time, and the next burst may be the last
ABOUT_CPU = re.compile(r"cpu|processor|(?<![a-z])load", re.I)
VALUE = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?", re.ASCII)


def findings_of(series: Series, capture: Capture) -> tuple[Finding, ...]:
    """What the samples say about the recording, the most telling first."""
    if series.seconds < ENOUGH:
        return near_limit(series)
    return (*cold(series, capture), *hot_elsewhere(series), *throttled(series), *near_limit(series))


def cold(series: Series, capture: Capture) -> Iterator[Finding]:
    """For an alert about processor time whose process used little of it while it was recorded."""
    used = cpu_percent(series)
    if used >= COLD or not is_about_cpu(capture):
        return
    value = capture.trigger.annotations.get("value", "").strip()
    before = f"{value} when the alert fired, " if VALUE.fullmatch(value) else ""
    yield Finding(
        "warning",
        f"{before}{used:.0f} % of a core during the recording: the spike was over",
        "The profile shows what a calm process does. Record sooner (a shorter `for` in the alert's rule), or longer",
        kind="evidence",
        code="spike_over",
    )


def hot_elsewhere(series: Series) -> Iterator[Finding]:
    """For a host that was kept busy by another process."""
    first, last = series.samples[0], series.samples[-1]
    busy = percent(last.all - first.all - (last.idle - first.idle), last.all - first.all)
    ours = cpu_percent(series)
    other = next(iter(series.others), None)
    if busy < BUSY_HOST or other is None or other.cpu_percent < max(OTHER_IS_HOT, ours * OTHER_IS_HOTTER):
        return
    yield Finding(
        "warning",
        f"the host is hot because of another process: {other.name}, {other.cpu_percent:.0f} %",
        f"It was {busy:.0f} % busy. Pid {other.pid} ({other.name}) used {other.cpu_percent:.0f} % of a core, and the "
        f"process that was recorded {ours:.0f} %",
        kind="evidence",
        code="hot_elsewhere",
    )


def throttled(series: Series) -> Iterator[Finding]:
    """For a control group whose processes had to wait because their time was used up."""
    if not throttles(series):
        return
    first, last = series.samples[0], series.samples[-1]
    share = percent((last.throttled or 0) - (first.throttled or 0), (last.periods or 0) - (first.periods or 0))
    if share < THROTTLED:
        return
    yield Finding(
        "warning",
        f"the cgroup was throttled {share:.0f} % of the time",
        f"In {share:.0f} % of the periods its processes had used up their share and waited. A profile does not show "
        "that: raise the limit (cpu.max, or the container's CPU limit), or run fewer threads (GOMAXPROCS)",
        kind="evidence",
        code="cgroup_throttled",
    )


def near_limit(series: Series) -> tuple[Finding, ...]:
    """For a control group that comes close to its memory limit."""
    most = max((each.memory or 0 for each in series.samples), default=0)
    if not series.limit or most < series.limit * NEAR_LIMIT:
        return ()
    return (
        Finding(
            "warning",
            f"the cgroup is close to its memory limit: {size(most)} of {size(series.limit)}",
            "Above the limit the kernel kills a process of the group",
            kind="evidence",
            code="memory_near_limit",
        ),
    )


def cpu_percent(series: Series) -> float:
    """Processor time of the process during the recording; 100 is one core."""
    return percent(series.samples[-1].cpu - series.samples[0].cpu, series.seconds)


def is_about_cpu(capture: Capture) -> bool:
    """Whether an alert is about processor time, by its name or by the expression in its link."""
    trigger = capture.trigger
    return trigger.kind == "alert" and bool(ABOUT_CPU.search(f"{trigger.alertname} {trigger.generator_url}"))
