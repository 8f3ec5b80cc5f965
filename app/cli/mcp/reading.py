"""The tools that read: captures, reports, tables, differences, callers and callees."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from app.analysis.units import format_percent, format_value
from app.cli import render
from app.cli.client import Client
from app.cli.diff import differences
from app.cli.ids import path_of, whole_id
from app.cli.mcp.tool import Id, Kind, SampleType, Tool, given

Time = Annotated[str, Field(description="a time in RFC 3339, or so long ago, such as 24h")]


class ListCaptures(Tool):
    """List captures, newest first: when, state, service, process, the alert that it is because of, id. Give filters."""

    name: ClassVar[str] = "list_captures"
    title: ClassVar[str] = "List captures"
    state: Annotated[str, Field(description="pending, recording, collecting, completed, failed or skipped")] = ""
    host: str = ""
    service: str = ""
    alertname: str = ""
    fingerprint: Annotated[str, Field(description="of one alert")] = ""
    profiler: str = ""
    since: Time = ""
    until: Time = ""
    match: Annotated[
        tuple[str, ...], Field(description='Alertmanager matchers on the labels, such as job=~"order.+"')
    ] = ()
    limit: Annotated[int, Field(ge=1, le=100)] = 20

    def answer(self, service: Client) -> Iterator[str]:
        """The table."""
        page = service.get("/captures", given(**self.model_dump()))
        yield from render.capture_table(page["captures"]) if page["captures"] else ["No capture fits."]
        if page["next"]:
            yield f"There are more; until={page['captures'][-1]['created_at']} shows them."


class GetReport(Tool):
    """One capture's report: what happened, the findings (what is probably wrong, with numbers and what would refute
    it), the top functions. Read this first."""

    name: ClassVar[str] = "get_report"
    title: ClassVar[str] = "Read a capture's report"
    id: Id
    focus: Annotated[str, Field(max_length=200, description="only what concerns functions with this in the name")] = ""

    def answer(self, service: Client) -> Iterable[str]:
        """The Markdown."""
        return service.text(f"{path_of(service, self.id)}/report", given(focus=self.focus)).split("\n")


class TopFunctions(Tool):
    """The functions of a profile that cost most by themselves (flat), as `go tool pprof -top` lists them."""

    name: ClassVar[str] = "top_functions"
    title: ClassVar[str] = "List a profile's top functions"
    id: Id
    kind: Kind = "cpu"
    n: Annotated[int, Field(ge=1, le=100)] = 20
    sample_type: SampleType = ""

    def answer(self, service: Client) -> Iterable[str]:
        """The table."""
        query = given(kind=self.kind, n=self.n, sample_type=self.sample_type)
        return render.top_functions(service.get(f"{path_of(service, self.id)}/top", query))


class DiffCaptures(Tool):
    """What a capture costs more or less than another one, by function; * marks what is more than noise."""

    name: ClassVar[str] = "diff_captures"
    title: ClassVar[str] = "Compare two captures"
    base: Annotated[str, Field(min_length=1, max_length=64, description="a capture's id, or baseline: the service's")]
    id: Id
    kind: Kind = "cpu"
    n: Annotated[int, Field(ge=1, le=100)] = 20
    sample_type: SampleType = ""

    def answer(self, service: Client) -> Iterable[str]:
        """The table and the changes."""
        base = whole_id(service, self.base)
        query = given(kind=self.kind, n=self.n, sample_type=self.sample_type, base=base)
        return differences(service.get(f"{path_of(service, self.id)}/top", query))


class CallersAndCallees(Tool):
    """What calls a function and what it calls, with their share of its cost, as `go tool pprof -peek` shows it."""

    name: ClassVar[str] = "callers_and_callees"
    title: ClassVar[str] = "Show a function's callers and callees"
    id: Id
    function: Annotated[
        str, Field(min_length=1, max_length=4096, description="its whole name, or a part of the names of several")
    ]
    kind: Kind = "cpu"
    n: Annotated[int, Field(ge=1, le=50, description="of callers, and of callees")] = 10
    sample_type: SampleType = ""

    def answer(self, service: Client) -> Iterable[str]:
        """Each function, with a line for each call."""
        query = given(function=self.function, kind=self.kind, n=self.n, sample_type=self.sample_type)
        return calls(service.get(f"{path_of(service, self.id)}/peek", query))


def calls(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines for the answer of GET /captures/{id}/peek."""

    def cost(value: int, percent: float) -> str:
        return f"{format_value(value, found['unit'])} ({format_percent(percent)})"

    yield f"{found['sample_type']}: {format_value(found['total'], found['unit'])} in all"
    for one in found["functions"]:
        flat, cum = cost(one["flat"], one["flat_percent"]), cost(one["cum"], one["cum_percent"])
        yield f"{one['function']}: flat {flat}, cum {cum}"
        for how in ("callers", "callees"):
            yield from (f"  {how[:-1]} {cost(each['value'], each['percent'])} {each['function']}" for each in one[how])
    if (more := found["matched"] - len(found["functions"])) > 0:
        yield f"{more} more functions fit; write more of the name."
