"""The evidence of a capture for its page: the samples as small pictures, the first look in words. For pages/capture.py.

The documents are our own, and everything in them comes from a host: the template escapes it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException

from app.analysis.units import format_value
from app.model import Capture, Kind
from app.web.languages import _, marked
from app.web.parts import Parts, stored

LARGEST = 2 << 20  # bytes of a document that is shown
WIDE, HIGH = 600, 60  # of a picture's own coordinates
TOP = 3  # busiest processes, kinds of descriptors
SIZES: Final = {
    "rss": marked("resident"),
    "peak_rss": marked("at most"),
    "anonymous": marked("anonymous"),
    "file": marked("of files"),
    "swap": marked("swapped"),
}
DRAWN: Final = (  # the column, its title, its unit
    ("cpu_percent", marked("processor time, % of a core"), ""), ("rss_bytes", marked("resident memory"), "bytes"),
    ("cgroup_memory_bytes", marked("memory of the control group"), "bytes"),
    ("throttled_percent", marked("throttled, % of the periods"), ""), ("threads", marked("threads"), ""),
    ("host_cpu_percent", marked("host, % of all processors"), ""),
    ("host_available_bytes", marked("host's available memory"), "bytes"),
)  # fmt: skip

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
        yield from process_rows(process)
    if limit := group.get("memory_limit"):
        yield _("memory limit"), f"{in_bytes(limit['bytes'])} ({limit['group']})"
    if events := {key: count for key, count in group.get("memory.events", {}).items() if count}:
        yield _("memory events"), ", ".join(f"{key} {count}" for key, count in events.items())
    if load := host.get("load"):
        loads, cpus = " ".join(map(str, load[:3])), host.get("cpus", "?")
        yield _("host"), _("load %(loads)s on %(cpus)s processors", loads=loads, cpus=cpus)
    if free := host.get("bytes", {}).get("MemAvailable"):
        whole = in_bytes(host["bytes"].get("MemTotal", 0))
        yield _("host's memory"), _("%(free)s available of %(whole)s", free=in_bytes(free), whole=whole)
    for name, stalls in ((_("host waits"), host.get("pressure", {})), (_("cgroup waits"), group.get("pressure", {}))):
        some = {kind: stall["some"]["avg10"] for kind, stall in stalls.items() if "some" in stall}
        if any(some.values()):
            each = (_("for %(kind)s %(share)s %% of 10 s", kind=kind, share=share) for kind, share in some.items())
            yield name, ", ".join(each)


def process_rows(process: Json) -> Iterator[tuple[str, str]]:
    """The process itself, in the first look."""
    used, running = f"{process['cpu_seconds']:.1f}", f"{process.get('running_seconds', 0):.0f}"
    said = [_("%(used)s s of processor time in %(running)s s", used=used, running=running)]
    said += [_("%(n)s threads", n=process["threads"]), _("%(n)s major faults", n=process["major_faults"])]
    said += [_("waits in %(function)s", function=process["waits_in"])] if "waits_in" in process else []
    yield _("process"), ", ".join(said)
    sizes = process.get("bytes", {})
    yield _("its memory"), ", ".join(f"{in_bytes(sizes[key])} {_(name)}" for key, name in SIZES.items() if key in sizes)


def around_rows(around: Json) -> Iterator[tuple[str, str]]:
    """What the process holds, and who else is on its host."""
    if held := around.get("descriptors"):
        yield _("descriptors"), most_of(held)
    for table, states in around.get("sockets", {}).items():
        yield _("%(table)s sockets", table=table), most_of(states)
    if waits := around.get("threads", {}).get("waits_in"):
        yield _("threads wait in"), most_of(waits)
    biggest = sorted(around.get("processes", []), key=lambda one: -one["rss_bytes"])[:TOP]
    if biggest:
        yield _("largest processes"), ", ".join(f"{one['name']} {in_bytes(one['rss_bytes'])}" for one in biggest)


def sample_rows(samples: Json) -> Iterator[tuple[str, str]]:
    """Who else was busy, and what the kernel said."""
    if others := samples.get("others", [])[:TOP]:
        each = (f"{one['name']} (pid {one['pid']}) {one['cpu_percent']} %" for one in others)
        yield _("busy beside it"), ", ".join(each)
    for line in samples.get("kernel", [])[-TOP:]:
        yield _("kernel"), line


def charts(samples: Json) -> Iterator[Chart]:
    """The columns that are drawn."""
    limit = samples.get("cgroup_memory_limit_bytes")
    for key, title, unit in DRAWN:
        values = [value or 0 for value in samples.get(key, [])]
        if len(values) > 1:
            yield chart(_(title), values, unit, limit if key == "cgroup_memory_bytes" else None)


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
