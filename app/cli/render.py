"""What the command line prints: lines of plain text, made of the API's JSON and of explanations. Pure.

Every foreign text goes through console.plain.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.analysis.units import format_percent, format_value
from app.cli.console import plain
from app.cli.remedies import remedy
from app.web.pages.words import command

if TYPE_CHECKING:
    from app.explain.explanation import Check, Explanation

Json = Mapping[str, Any]

ENDED = frozenset({"completed", "failed", "skipped", "canceled"})


def clock(moment: str | None) -> str:
    """`2026-11-23 22:40:00` of an RFC 3339 time."""
    return (moment or "")[:19].replace("T", " ")


def event_line(event: Json) -> str:
    """One line of a timeline."""
    return plain(f"{clock(event['at'])[11:]}  {event['step']:<10}  {event['message']}")


def capture_table(captures: Sequence[Json]) -> Iterator[str]:
    """A table, one line per capture."""
    head = ("CREATED (UTC)", "STATE", "SERVICE", "HOST PID", "BECAUSE OF", "ID")
    yield from columns([head, *(_row(capture) for capture in captures)])


def capture_page(page: Json) -> Iterator[str]:
    """The table of GET /captures, and how to see more."""
    yield from capture_table(page["captures"])
    if page["next"]:
        last = page["captures"][-1]["created_at"]
        yield plain(f"There are more; --limit shows up to 500, --until {last} goes on.")


def capture_line(capture: Json) -> str:
    """One line about a capture, for a list that grows."""
    return plain("  ".join(filter(None, _row(capture))))


def _row(capture: Json) -> tuple[str, ...]:
    reason = f" ({capture['reason']['code']})" if capture["reason"] else ""
    target, trigger = capture["target"] or {}, capture["trigger"]
    process = f"{target['host']} {target['pid'] or ''}".strip() if target else ""
    asked = trigger["alertname"] if trigger["kind"] == "alert" else trigger["by"]
    when = clock(capture["created_at"])
    return when, capture["state"] + reason, target.get("service", ""), process, asked, capture["id"]


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows with their cells aligned; all rows have the same number of cells."""
    texts = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    for row in texts:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def capture(capture: Json) -> Iterator[str]:
    """Everything about one capture."""
    reason = f" ({capture['reason']['code']}): {capture['reason']['message']}" if capture["reason"] else ""
    yield plain(f"{capture['state']}{reason}")
    yield from _facts(capture)
    for finding in capture["findings"]:
        yield from _finding(finding)
    yield ""
    yield from (event_line(event) for event in capture["timeline"])
    if capture["artifacts"]:
        yield ""
        yield from columns([(a["kind"], format_value(a["size"], "bytes"), a["name"]) for a in capture["artifacts"]])


def _finding(finding: Json) -> Iterator[str]:
    yield plain(f"{finding['severity']}: {finding['title']}")
    says = {"": finding["detail"], "refuted by: ": finding["refuted_by"], "what usually helps: ": finding["helps"]}
    yield from (plain(f"  {name}{text}") for name, text in says.items() if text)


def next_lines(capture: Json, url: str) -> Iterator[str]:
    """What to type after `show`."""
    if capture["reason"] or capture["artifacts"]:
        yield ""
    yield from remedy(capture, url)
    if not capture["artifacts"]:
        return
    yield f"alertprof links {capture['id']}   the line that opens each file"
    yield f"alertprof fetch {capture['id']}   the files themselves"
    others = {artifact["kind"] for artifact in capture["artifacts"] if artifact["name"].endswith(".pprof")} - {"cpu"}
    yield from (f"alertprof top {capture['id']} --kind {kind}" for kind in sorted(others & {"heap", "goroutine"}))


def _facts(capture: Json) -> Iterator[str]:
    trigger = capture["trigger"]
    facts = {
        "id": capture["id"],
        "rule": capture["rule"],
        "profiler": capture["profiler"],
        "created": capture["created_at"],
    }
    facts |= {name: text for name, text in (capture["target"] or {}).items() if text}
    facts |= {name: trigger[name] for name in ("alertname", "fingerprint", "by", "note") if trigger.get(name)}
    facts |= {f"label {name}": text for name, text in (trigger.get("labels") or capture["labels"]).items()}
    yield from columns([(name.replace("_", " "), str(text)) for name, text in facts.items()])


def top_functions(top: Json) -> Iterator[str]:
    """The table of GET /captures/{id}/top, as `go tool pprof -top -nodefraction=0` prints it."""
    unit, shown_in = top["unit"], top["shown_in"]
    length = f", {top['duration_seconds']:.2f}s" if top["duration_seconds"] else ""
    yield plain(f"{top['sample_type']}: {format_value(top['total'], unit)} in all{length}")
    if not top["rows"]:
        yield "nothing was sampled"
        return
    if own := top.get("profilers_own"):
        yield f"{format_value(own, unit)} of it are the profilers' own: buffers of this recording"
    yield f"{'flat':>10} {'flat%':>6} {'sum%':>6} {'cum':>10} {'cum%':>6}"
    for row in top["rows"]:
        flat, cum = (format_value(row[name], unit, shown_in) for name in ("flat", "cum"))
        shares = [format_percent(row[name]) for name in ("flat_percent", "sum_percent", "cum_percent")]
        yield plain(f"{flat:>10} {shares[0]:>6} {shares[1]:>6} {cum:>10} {shares[2]:>6}  {row['function']}")
    if any(row["function"].startswith("[") or row["function"] == "<unknown>" for row in top["rows"]):
        yield "[…] and <unknown> are code without symbols"


def files(capture: Json, links: Json, url: str) -> Iterator[str]:
    """The address of the capture's page, and the line that opens each file."""
    yield plain(f"{url}/ui/captures/{capture['id']}")
    yield from open_lines(links, url)


def open_lines(links: Json, url: str) -> Iterator[str]:
    """The line that opens each file, of the answer of GET /captures/{id}/links; and when the lines end."""
    rows = [(link["kind"], command(link["name"], url + link["href"])) for link in links["links"]]
    yield from columns(rows) if rows else ()
    if rows and links["expires_at"]:
        yield f"They open the files without a token until {clock(links['expires_at'])} UTC, for whoever has them."


def blocked_executables(executables: Sequence[Json]) -> str:
    """The executables that are not signalled any more, one per line."""
    return "\n".join(plain(f"{one['id']}  {clock(one['at'])}  {one['message']}") for one in executables)


def events(capture: Json, begin: int) -> Iterable[str]:
    """The events of the timeline from index `begin` on."""
    return [event_line(event) for event in capture["timeline"][begin:]]


def explanations(alerts: Sequence["Explanation"]) -> Iterator[str]:
    """What would become of each alert: the verdict first, then how it was reached."""
    for explanation in alerts:
        labels = ", ".join(f'{name}="{value}"' for name, value in explanation.labels.items() if name != "alertname")
        yield plain(f"{explanation.alertname or 'an alert without a name'} {{{labels}}}")
        yield plain(f"  => {explanation.verdict}")
        for section in explanation.sections:
            yield plain(f"  {section.title}")
            yield from (plain(f"    {line.mark.value:<2}  {line.text}") for line in section.lines)
        yield ""


def check(check: "Check") -> str:
    """One line of `doctor`."""
    return plain(f"{check.mark.value:<2}  {check.what}: {check.message}")
