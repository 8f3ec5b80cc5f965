"""The scene of a process as a document: what the gate's verb `scene` tells, with units. Pure; docs/evidence.md has it.

Whatever the host does not tell is left out of the document: an account may not read it, or an older kernel has it not.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from app.evidence.files import (
    Files,
    files_in,
    kilobytes_in,
    limits_in,
    numbers_in,
    one_number,
    stalls_in,
    values,
)

HZ = 100  # ticks a second of /proc wherever the gate runs
V1 = {"memory.current": "memory.usage_in_bytes", "memory.max": "memory.limit_in_bytes"}
GROUP_NUMBERS = ("memory.high", "memory.swap.current", "memory.failcnt", "pids.current", "pids.max",
                 "cpu.cfs_quota_us", "cpu.cfs_period_us")  # fmt: skip
MEMORY_STAT = frozenset({
    "anon", "file", "kernel", "kernel_stack", "pagetables", "sock", "shmem", "slab", "workingset_refault_anon",
    "workingset_refault_file", "pgfault", "pgmajfault", "rss", "cache", "swap", "inactive_file", "active_file",
})  # fmt: skip
KEPT_MEMORY = ("MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapTotal", "SwapFree", "Dirty", "Slab",
               "Committed_AS", "CommitLimit", "AnonPages", "Shmem")  # fmt: skip
KINDS = ("cpu", "memory", "io")  # of pressure
LIMITED = re.compile(r"(\d{1,18}) (/.*)", re.ASCII)
TICKS = re.compile(r"(\d{1,18}) (\d{1,18})", re.ASCII)
WHOLE = re.compile(r"-?\d{1,20}", re.ASCII)
LOAD = re.compile(r"(\d{1,6}\.\d\d) (\d{1,6}\.\d\d) (\d{1,6}\.\d\d) (\d{1,7})/(\d{1,7}) \d{1,9}", re.ASCII)
UNBOUNDED = 1 << 60  # bytes; cgroup v1 writes such numbers where there is no limit

Json = dict[str, Any]


def scene_in(lines: Iterable[str], start: int) -> Json:
    """The document of a scene. start: the process's start time in ticks after boot, so that no other is described."""
    lines = tuple(lines)
    files = files_in(lines)
    uptime = hundredths(lines, "uptime")
    return without_gaps({
        "uptime_seconds": uptime,
        "process": process_in(files, uptime, start),
        "cgroup": group_in(files, lines),
        "host": host_in(files, lines),
    })  # fmt: skip


def process_in(files: Files, uptime: float | None, start: int) -> Json:
    """What the files of the process say; empty where they are another's."""
    fields = " ".join(files.get("stat", ())).rpartition(") ")[2].split()[:45]  # its name may have line breaks
    if len(fields) < 40 or fields[19] != str(start) or not all(map(WHOLE.fullmatch, fields[1:])):
        return {}
    status = files.get("status", [])
    sizes = kilobytes_in(status)
    named = {"rss": "VmRSS", "peak_rss": "VmHWM", "virtual": "VmSize", "anonymous": "RssAnon", "file": "RssFile",
             "shared_memory": "RssShmem", "swap": "VmSwap", "page_tables": "VmPTE"}  # fmt: skip
    return without_gaps({
        "state": fields[0][:1],
        "threads": int(fields[17]),
        "cpu_seconds": (int(fields[11]) + int(fields[12])) / HZ,
        "running_seconds": round(uptime - start / HZ, 2) if uptime else None,
        "major_faults": int(fields[9]),
        "bytes": {name: sizes[key] for name, key in named.items() if key in sizes},
        "switches": numbers_in(line for line in status if "ctxt_switches" in line),
        "descriptor_table": sizes.get("FDSize"),
        "oom_score": one_number(files.get("oom_score", ())),
        "waits_in": first(files.get("wchan", ()), r"([A-Za-z_][\w.]{0,60})"),
        "io": numbers_in(files.get("io", ())),
        "limits": limits_in(files.get("limits", ())),
        "smaps_rollup": kilobytes_in(files.get("smaps_rollup", ())),
    })  # fmt: skip


def group_in(files: Files, lines: Iterable[str]) -> Json:
    """Its control groups, of version 2 or 1: paths, limits, events and pressure."""
    paths = [path[:500] for path in files.get("cgroup", ())][:16]
    sizes = {name: one_number(files.get(name, files.get(old, []))) for name, old in V1.items()}
    numbers = {**sizes, **{name: one_number(files.get(name, ())) for name in GROUP_NUMBERS}}
    numbers = {key: "max" if isinstance(n, int) and n >= UNBOUNDED else n for key, n in numbers.items()}
    stat = numbers_in(files.get("memory.stat", ()))
    limit = next(filter(None, (LIMITED.fullmatch(value) for value in values(lines, "memory_limit"))), None)
    return without_gaps({
        "paths": paths,
        "memory_limit": {"bytes": int(limit[1]), "group": limit[2][:500]} if limit else None,
        "cpu_limited_by": next((value[:500] for value in values(lines, "cpu_limited")), None),
        "cpu.max": first(files.get("cpu.max", ()), r"((?:max|\d{1,18}) \d{1,18})"),
        "numbers": without_gaps(numbers),
        "memory.events": numbers_in(files.get("memory.events", files.get("memory.oom_control", ()))),
        "memory.stat": {key: number for key, number in stat.items() if key in MEMORY_STAT},
        "cpu.stat": numbers_in(files.get("cpu.stat", ())),
        "pressure": without_gaps({kind: stalls_in(files.get(f"{kind}.pressure", ())) for kind in KINDS}),
    })  # fmt: skip


def host_in(files: Files, lines: Iterable[str]) -> Json:
    """Load, memory and pressure of the host."""
    load = LOAD.fullmatch(next(iter(files.get("loadavg", ())), ""))
    memory = kilobytes_in(files.get("meminfo", ()))
    ticks = next(filter(None, (TICKS.fullmatch(value) for value in values(lines, "host"))), None)
    return without_gaps({
        "cpus": cpus_in(next(iter(files.get("online", ())), "")),
        "load": [float(each) for each in load.groups()[:3]] if load else None,
        "runnable": int(load[4]) if load else None,
        "threads": int(load[5]) if load else None,
        "cpu_seconds": {"idle": int(ticks[1]) / HZ, "all": int(ticks[2]) / HZ} if ticks else None,
        "bytes": {name: memory[name] for name in KEPT_MEMORY if name in memory},
        "pressure": without_gaps({kind: stalls_in(files.get(f"pressure/{kind}", ())) for kind in KINDS}),
    })  # fmt: skip


def cpus_in(text: str) -> int | None:
    """How many processors `0-3,8` names; None for anything else."""
    if not re.fullmatch(r"\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?){0,200}", text, re.ASCII):
        return None
    spans = [[int(number) for number in span.split("-")] for span in text.split(",")]
    return sum(max(span[-1] - span[0] + 1, 0) for span in spans)


def first(lines: Iterable[str], shape: str) -> str | None:
    """The first line that has the shape whole, or None."""
    return next((line for line in lines if re.fullmatch(shape, line, re.ASCII)), None)


def hundredths(lines: Iterable[str], key: str) -> float | None:
    """The seconds of the first line `KEY HUNDREDTHS`; None where there is none."""
    return next((int(value) / 100 for value in values(lines, key) if re.fullmatch(r"\d{1,15}", value, re.ASCII)), None)


def without_gaps(document: Mapping[str, Any]) -> Json:
    """The document without what is not known."""
    return {key: value for key, value in document.items() if value not in (None, {}, [])}
