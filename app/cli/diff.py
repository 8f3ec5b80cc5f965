"""`alertprof diff`: what a capture of a running service costs more or less than another one."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from app.cli.console import plain, tell
from app.cli.ids import path_of, whole_id
from app.cli.options import DEFAULT_URL, AsJson, Count, Id, Kind, TokenFile, Url, connected

SCALED = {
    "none": "",
    "duration": ", scaled to the duration of the base",
    "total": ", scaled to the total of the base",
}


def diff(
    base: Annotated[str, typer.Argument(metavar="BASE", help="A capture, or `baseline`: that of ID's service.")],
    capture_id: Id,
    *,
    url: Url = DEFAULT_URL,
    token_file: TokenFile = None,
    kind: Kind = "cpu",
    n: Count = 30,
    sample_type: Annotated[str | None, typer.Option(help="Where a profile has several.")] = None,
    normalize: Annotated[
        str | None, typer.Option(help="none, duration or total; unless said, what suits the kind.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what ID costs more or less than BASE, as `go tool pprof -diff_base` with -nodefraction=0 does, and what is
    more than noise."""
    service = connected(url, token_file)
    asked = {"kind": kind, "n": n, "base": whole_id(service, base), "sample_type": sample_type, "normalize": normalize}
    query = {name: value for name, value in asked.items() if value is not None}
    found = service.get(f"{path_of(service, capture_id)}/top", query)
    tell(found, differences(found), as_json=as_json)


def differences(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines for the answer of GET /captures/{id}/top?base=."""
    from app.analysis.units import format_percent, format_value  # noqa: PLC0415

    unit, base = found["unit"], found["base"]
    totals = [format_value(total, unit) for total in (base["total"], found["capture_total"])]
    yield plain(f"{found['sample_type']}: {totals[0]} in {base['id']}, {totals[1]} now{SCALED[found['normalize']]}")
    yield from (plain(f"note: {warning}") for warning in found["warnings"])
    if found["unjudged"]:
        yield plain(f"No change can be told from noise: {found['unjudged']}.")
    elif not found["changes"]:
        yield "No function changed by more than the noise of sampling."
    if not found["rows"]:
        return
    yield f"{'flat':>10} {'flat%':>6} {'sum%':>6} {'cum':>10} {'cum%':>6}"
    for row in found["rows"]:
        flat, cum = (format_value(row[name], unit, found["shown_in"]) for name in ("flat", "cum"))
        shares = [format_percent(row[name]) for name in ("flat_percent", "sum_percent", "cum_percent")]
        mark = "*" if row["flat_changed"] or row["cum_changed"] else " "
        yield plain(f"{flat:>10} {shares[0]:>6} {shares[1]:>6} {cum:>10} {shares[2]:>6} {mark} {row['function']}")
    yield from (_change(change, unit) for change in found["changes"])


def _change(change: Mapping[str, Any], unit: str) -> str:
    from app.analysis.units import format_value  # noqa: PLC0415

    before, now = (format_value(change[name], unit) for name in ("base", "value"))
    return plain(f"* {change['function']}: {change['what']} {before} -> {now}, more than noise")
