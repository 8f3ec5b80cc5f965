"""Rung 4: when a process died while it was recorded, and why, as far as the samples tell. Pure.

The kernel counts in each control group how many of its processes it has killed for lack of memory (`oom_kill` of
memory.events, or of cgroup v1's memory.oom_control), and logs each by its pid: `Killed process 12 (name)`. A line of
the log counts only if it is of the recording's time, since pids are reused.
"""

import re

from app.evidence.series import Series
from app.evidence.words import size
from app.model import Finding

BEFORE = 2.0  # seconds by which the kernel's clock may differ from ours, and between two samples
OOM_KILLED = "killed by the OOM killer"  # where the kernel says so; a count of a group's alone is no proof
KILLED = re.compile(r"^(?:<\d+>)?\[ *(\d{1,9}\.\d{6})\].*\bKilled process (\d{1,7})\b", re.ASCII)


def cause_of(series: Series, pid: int) -> str:
    """When and why the process has ended, as the end of a sentence; "" if it lived as long as there were samples."""
    if series.ended not in ("gone", "replaced") or not series.samples:
        return ""
    when = f"{max((series.ended_at or 0) - series.samples[0].at, 0):.0f} s into the recording"
    if series.ended == "replaced":
        return f"it began to run another program {when}"
    limit = f", memory limit {size(series.limit)}" if series.limit else ""
    if killed_at(series, pid) is not None:
        return f"{OOM_KILLED} {when}{limit}"
    if more_kills(series):
        return (
            f"it ended {when}; meanwhile the OOM killer killed a process of its control group, and it was most likely "
            f"this one{limit}"
        )
    return f"it ended {when}; the kernel tells no reason"


def killed_at(series: Series, pid: int) -> float | None:
    """When the kernel logged that it killed the process, in seconds after boot; None if it did not."""
    begun = series.samples[0].at - BEFORE
    found = (KILLED.match(line) for line in series.kernel)
    return next((float(m[1]) for m in found if m and int(m[2]) == pid and float(m[1]) >= begun), None)


def more_kills(series: Series) -> bool:
    """Whether the kernel killed a process of the group for lack of memory since the first sample."""
    before, after = series.samples[0].kills, series.kills
    last = series.samples[-1].kills
    return before is not None and max(after or 0, last or 0) > before


def death_finding(series: Series, cause: str) -> Finding:
    """The finding of a process that ended while it was recorded. cause: see cause_of."""
    most = size(max(each.pages for each in series.samples) * series.page)
    detail = f"It had {most} resident at most. Everything that had been gathered until then is kept"
    code = "oom_killed" if "OOM killer" in cause else "process_died"
    return Finding("critical", f"the process died: {cause}", detail, kind="evidence", code=code)
