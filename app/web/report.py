"""One capture as a short text in Markdown: findings, top functions, and what to do next. Pure.

It fits into a chat, a ticket or a model's context. Foreign texts lose their line breaks and backquotes.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from app.analysis.top import Row, Top
from app.analysis.units import format_percent, format_value
from app.model import Capture, Finding
from app.web.pages.words import summary

MOST_BYTES: Final = 6000
LONGEST: Final = 700  # characters of a sentence of a finding
LONGEST_NAME: Final = 120
ROWS: Final = 10
CUT: Final = "\n(cut: ask for less with ?focus=FUNCTION)\n"


def report(capture: Capture, tops: Sequence[tuple[str, Top]], url: str, focus: str = "") -> str:
    """The report, at most MOST_BYTES long.

    tops: for each kind of profile its functions; focus: only functions with this text in their names, and findings that
    concern them
    """
    lines = [*_head(capture, focus), *_findings(capture, focus)]
    for kind, top in tops:
        lines += _top(kind, top, focus)
    return _within("\n".join([*lines, *_next(capture, url)]) + "\n")


def prose(text: str, most: int = LONGEST) -> str:
    """A foreign text outside code spans: on one line, cut, and neither HTML nor a link."""
    return plain(text, most).replace("\\", r"\\").replace("<", r"\<").replace("](", r"]\(").replace("][", r"]\[")


def plain(text: str, most: int = LONGEST) -> str:
    """A foreign text on one line, cut, that ends no code span."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).replace("`", "'").split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _head(capture: Capture, focus: str) -> Iterator[str]:
    target = capture.target
    name = target.service or target.host if target else capture.trigger.alertname
    yield f"# {prose(name or 'a capture', LONGEST_NAME)}: {capture.state.value}"
    yield ""
    yield prose(summary(capture), 2 * LONGEST)
    if focus:
        yield f"Only what concerns `{plain(focus, LONGEST_NAME)}` is shown."
    yield ""


def _findings(capture: Capture, focus: str) -> Iterator[str]:
    found = [finding for finding in capture.findings if _concerns(finding, focus)]
    yield "## Findings"
    yield ""
    if not found:
        yield "None."
    for number, finding in enumerate(found, 1):
        code = f" (`{finding.code}`)" if finding.code else ""
        yield f"{number}. **{finding.severity}**: {prose(finding.title)}{code}"
        yield f"   {prose(finding.detail)}."
        if finding.refuted_by:
            yield f"   Refuted by: {prose(finding.refuted_by)}."
        if finding.helps:
            yield f"   What usually helps: {prose(finding.helps)}"
    yield ""


def _concerns(finding: Finding, focus: str) -> bool:
    return not focus or any(focus in text for text in (*finding.functions, *finding.path, finding.title))


def _top(kind: str, top: Top, focus: str) -> Iterator[str]:
    rows = [row for row in top.rows if focus in row.function][:ROWS]
    length = f" over {top.duration_seconds:.2f}s" if top.duration_seconds else ""
    yield f"## Top functions: {kind}, {format_value(top.total, top.unit)} of {plain(top.sample_type, 40)}{length}"
    yield ""
    if rows:
        yield "| flat | flat% | cum | cum% | function |"
        yield "|---:|---:|---:|---:|---|"
    yield from (_row(row, top) for row in rows)
    if not rows:
        yield "No function of that name." if focus else "Nothing was sampled."
    yield ""


def _row(row: Row, top: Top) -> str:
    flat, cum = (format_value(value, top.unit, top.shown_in) for value in (row.flat, row.cum))
    name = plain(row.function, LONGEST_NAME).replace("|", "¦")
    return f"| {flat} | {format_percent(row.flat_percent)} | {cum} | {format_percent(row.cum_percent)} | `{name}` |"


def _next(capture: Capture, url: str) -> Iterator[str]:
    yield "## Next"
    yield ""
    yield f"- the page, with every file and the timeline: {url}/ui/captures/{capture.id}"
    yield f"- the functions of a file: `alertprof top {capture.id} --kind cpu`"
    yield f"- this report about one function: {url}/captures/{capture.id}/report?focus=FUNCTION"
    yield f"- the files: `alertprof fetch {capture.id}`"


def _within(text: str) -> str:
    """The text in at most MOST_BYTES, cut at the end of a line."""
    data = text.encode()
    if len(data) <= MOST_BYTES:
        return text
    kept = data[: MOST_BYTES - len(CUT.encode())].decode("utf-8", "ignore")
    return kept[: kept.rfind("\n")] + CUT
