"""The profiler that fits: go-zero's signal where the process is proven to listen for it; else http-pprof where it
serves /debug/pprof; else what the rule allows besides. Why it was chosen is on the capture.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from app.errors import Code, Refusal
from app.hosts.door import Door
from app.hosts.gate import Process
from app.hosts.recipes import Recipe
from app.profilers.base import Chosen, Profiler, Way
from app.profilers.go_zero import GoZero
from app.profilers.http_pprof import HttpPprof


@dataclass(frozen=True, slots=True)
class Auto(Way):
    prefer: Literal["go-zero", "http-pprof"] = "go-zero"  # http-pprof is the gentler of the two
    allow: tuple[Profiler, ...] = field(default=(), metadata={"plugins": "profiler"})  # tried last, in this order

    def __post_init__(self) -> None:
        if not all(isinstance(way, Profiler) for way in self.allow):
            raise ValueError("auto: allow: name profilers that do something themselves")

    def choose(self, process: Process, host: str, door: Door) -> Chosen:
        refusals: list[tuple[str, Refusal]] = []
        for kind, way in self._ways():
            try:
                chosen = way.choose(process, host, door)
            except Refusal as refused:
                if refused.reason.code is Code.PROCESS_IS_WRAPPER:
                    raise
                refusals.append((kind, refused))
            else:
                return replace(chosen, why="; ".join(filter(None, (why(refusals), chosen.why))))
        raise together(refusals)

    def recipes(self) -> tuple[Recipe, ...]:
        return tuple(recipe for way in self.allow for recipe in way.recipes())

    def _ways(self) -> Iterator[tuple[str, Profiler]]:
        two: list[tuple[str, Profiler]] = [("go-zero", GoZero()), ("http-pprof", HttpPprof())]
        yield from sorted(two, key=lambda way: way[0] != self.prefer)
        for way in self.allow:
            yield type(way).__module__.rpartition(".")[2].replace("_", "-"), way


def why(refusals: list[tuple[str, Refusal]]) -> str:
    return "; ".join(f"not by {kind}: {refused.reason.message}" for kind, refused in refusals)


def together(refusals: list[tuple[str, Refusal]]) -> Refusal:
    """The first one's code, unless what one of them saw disagrees; and what all of them said."""
    first, others = refusals[0][1], refusals[1:]
    codes = [refused.reason.code for _, refused in refusals]
    code = Code.EVIDENCE_CONFLICT if Code.EVIDENCE_CONFLICT in codes else first.reason.code
    said = [first.reason.message, *(f"nor by {kind}: {refused.reason.message}" for kind, refused in others)]
    return Refusal(code, "; ".join(said))
