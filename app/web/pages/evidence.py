"""The evidence of a capture for its page: the samples as small pictures, the first look in words. For pages/capture.py.

The documents are our own, and everything in them comes from a host: the template escapes it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException

from app.analysis.units import format_value
from app.model import Capture, Kind
from app.web.parts import Parts, stored

LARGEST = 2 << 20  # bytes of a document that is shown
WIDE, HIGH = 600, 60  # of a picture's own coordinates
TOP = 3  # busiest processes, kinds of descriptors

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """A series as a line. points: of an SVG polyline; most, last: in words; limit: the height of its limit, or None."""

    title: str
    points: str
    most: str
    last: str
    limit: float | None = None
    limited: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the page shows: rows of names and texts, pictures, and for how many seconds there are samples."""

    rows: tuple[tuple[str, str], ...]
    charts: tuple[Chart, ...]
    seconds: float


def evidence_of(parts: Parts, capture: Capture) -> Evidence | None:
    """The evidence of a capture; None where it has none that can be read."""
    documents: dict[str, Json] = {}
    for artifact in capture.artifacts:
        if artifact.kind is Kind.EVIDENCE and artifact.name.endswith(".json") and artifact.size <= LARGEST:
            try:
                document = json.loads(b"".join(stored(parts, f"{capture.id}/{artifact.name}")))
                documents[document["schema"]] = document
            except (HTTPException, ValueError, LookupError, TypeError):  # the page is shown without it
                continue
    look, around, samples = (
        documents.get(f"alertprof/{name}/1", {}) for name in ("first-look", "surroundings", "samples")
    )
    rows = (*look_rows(look), *around_rows(around), *sample_rows(samples))
    seconds = samples.get("seconds", [0])[-1]
    return Evidence(rows, tuple(charts(samples)), seconds) if rows or samples else None


def look_rows(look: Json) -> Iterator[tuple[str, str]]:
    """The first look, a line a subject."""
    process, group, host = (look.get(part, {}) for part in ("process", "cgroup", "host"))
    if process:
        said = [f"{process['cpu_seconds']:.1f} s of processor time in {process.get('running_seconds', 0):.0f} s"]
        said += [f"{process['threads']} threads", f"{process['major_faults']} major faults"]
        said += [f"waits in {process['waits_in']}"] if "waits_in" in process else []
        yield "process", ", ".join(said)
        sizes = process.get("bytes", {})
        names = {
            "rss": "resident",
            "peak_rss": "at most",
            "anonymous": "anonymous",
            "file": "of files",
            "swap": "swapped",
        }
        yield "its memory", ", ".join(f"{in_bytes(sizes[key])} {name}" for key, name in names.items() if key in sizes)
    if limit := group.get("memory_limit"):
        yield "memory limit", f"{in_bytes(limit['bytes'])} ({limit['group']})"
    if events := {key: count for key, count in group.get("memory.events", {}).items() if count}:
        yield "memory events", ", ".join(f"{key} {count}" for key, count in events.items())
    if load := host.get("load"):
        yield "host", f"load {load[0]} {load[1]} {load[2]} on {host.get('cpus', '?')} processors"
    if free := host.get("bytes", {}).get("MemAvailable"):
        yield "host's memory", f"{in_bytes(free)} available of {in_bytes(host['bytes'].get('MemTotal', 0))}"
    for name, stalls in (("host waits", host.get("pressure", {})), ("cgroup waits", group.get("pressure", {}))):
        some = {kind: stall["some"]["avg10"] for kind, stall in stalls.items() if "some" in stall}
        if any(some.values()):
            yield name, ", ".join(f"for {kind} {share} % of 10 s" for kind, share in some.items())


def around_rows(around: Json) -> Iterator[tuple[str, str]]:
    """What the process holds, and who else is on its host."""
    if held := around.get("descriptors"):
        yield "descriptors", most_of(held)
    for table, states in around.get("sockets", {}).items():
        yield f"{table} sockets", most_of(states)
    if waits := around.get("threads", {}).get("waits_in"):
        yield "threads wait in", most_of(waits)
    biggest = sorted(around.get("processes", []), key=lambda one: -one["rss_bytes"])[:TOP]
    if biggest:
        yield "largest processes", ", ".join(f"{one['name']} {in_bytes(one['rss_bytes'])}" for one in biggest)


def sample_rows(samples: Json) -> Iterator[tuple[str, str]]:
    """Who else was busy, and what the kernel said."""
    if others := samples.get("others", [])[:TOP]:
        yield "busy beside it", ", ".join(f"{one['name']} (pid {one['pid']}) {one['cpu_percent']} %" for one in others)
    for line in samples.get("kernel", [])[-TOP:]:
        yield "kernel", line


def charts(samples: Json) -> Iterator[Chart]:
    """The columns that are drawn."""
    limit = samples.get("cgroup_memory_limit_bytes")
    for key, title, unit in (
        ("cpu_percent", "processor time, % of a core", ""),
        ("rss_bytes", "resident memory", "bytes"),
        ("cgroup_memory_bytes", "memory of the control group", "bytes"),
        ("throttled_percent", "throttled, % of the periods", ""),
        ("threads", "threads", ""),
        ("host_cpu_percent", "host, % of all processors", ""),
        ("host_available_bytes", "host's available memory", "bytes"),
    ):
        values = [value or 0 for value in samples.get(key, [])]
        if len(values) > 1:
            yield chart(title, values, unit, limit if key == "cgroup_memory_bytes" else None)


def chart(title: str, values: Sequence[float], unit: str, limit: float | None) -> Chart:
    """A line from the left to the right; the bottom is 0, the top the largest value or the limit."""
    top = max(*values, limit or 0) or 1
    points = " ".join(
        f"{n * WIDE / (len(values) - 1):.1f},{HIGH - value * HIGH / top:.1f}" for n, value in enumerate(values)
    )
    most, last = (in_bytes(value) if unit else f"{value:g}" for value in (max(values), values[-1]))
    line = HIGH - limit * HIGH / top if limit else None
    return Chart(title, points, most, last, line, in_bytes(limit) if limit else "")


def most_of(counts: Mapping[str, int]) -> str:
    """The counts, the largest first."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: -item[1])[:8])


def in_bytes(amount: float) -> str:
    """A number of bytes as the other numbers of the page are written."""
    return format_value(int(amount), "bytes")
