"""The profiler that fits: go-zero's signal where the process is proven to listen for it; else http-pprof where it
serves /debug/pprof; else what the rule allows besides. Why it was chosen is on the capture.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from app.errors import Code, Refused
from app.gate.client import Process
from app.gate.pool import HostPool
from app.gate.recipes import Recipe
from app.profilers.base import Profiler, ProfilerSpec, Selection
from app.profilers.go_zero import GoZero
from app.profilers.http_pprof import HttpPprof


@dataclass(frozen=True, slots=True)
class Auto(ProfilerSpec):
    prefer: Literal["go-zero", "http-pprof"] = "go-zero"  # http-pprof is the gentler of the two
    allow: tuple[Profiler, ...] = field(default=(), metadata={"plugins": "profiler"})  # tried last, in this order

    def __post_init__(self) -> None:
        if not all(isinstance(spec, Profiler) for spec in self.allow):
            raise ValueError("auto: allow: name profilers that do something themselves")

    def choose(self, process: Process, host: str, pool: HostPool) -> Selection:
        refusals: list[tuple[str, Refused]] = []
        for kind, spec in self._specs():
            try:
                selection = spec.choose(process, host, pool)
            except Refused as refused:
                if refused.reason.code is Code.PROCESS_IS_WRAPPER:
                    raise
                refusals.append((kind, refused))
            else:
                return replace(selection, why="; ".join(filter(None, (why(refusals), selection.why))))
        raise together(refusals)

    def recipes(self) -> tuple[Recipe, ...]:
        return tuple(recipe for spec in self.allow for recipe in spec.recipes())

    def _specs(self) -> Iterator[tuple[str, Profiler]]:
        two: list[tuple[str, Profiler]] = [("go-zero", GoZero()), ("http-pprof", HttpPprof())]
        yield from sorted(two, key=lambda spec: spec[0] != self.prefer)
        for spec in self.allow:
            yield type(spec).__module__.rpartition(".")[2].replace("_", "-"), spec


def why(refusals: list[tuple[str, Refused]]) -> str:
    return "; ".join(f"not by {kind}: {refused.reason.message}" for kind, refused in refusals)


def together(refusals: list[tuple[str, Refused]]) -> Refused:
    """The first one's code, unless what one of them saw disagrees; and what all of them said."""
    first, others = refusals[0][1], refusals[1:]
    codes = [refused.reason.code for _, refused in refusals]
    code = Code.EVIDENCE_CONFLICT if Code.EVIDENCE_CONFLICT in codes else first.reason.code
    said = [first.reason.message, *(f"nor by {kind}: {refused.reason.message}" for kind, refused in others)]
    return Refused(code, "; ".join(said))
