"""The profiler that fits a process, and why.

go-zero's signal if the process provably listens for it; otherwise http-pprof if it serves /debug/pprof; otherwise the
first of the profilers that the rule allows besides. The timeline says why the others were not chosen. Where the rule
lets the memory of processes be read, the heap of a Go program is read as well, and alone if nothing else fits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from app.errors import Code, Refused
from app.gate.answers import Process
from app.gate.pool import HostPool
from app.gate.recipes import Recipe
from app.plugins import kind_of
from app.profilers.base import Profiler, ProfilerSpec, Selection
from app.profilers.go_memory import GoMemory
from app.profilers.go_zero import GoZero
from app.profilers.http_pprof import HttpPprof


@dataclass(frozen=True, slots=True)
class Auto(ProfilerSpec):
    """Tries several profilers and takes the first that can profile the process.

    prefer: which of the two comes first; http-pprof is the gentler one
    allow: further profilers, tried last and in this order
    read_memory: as go-memory does, before the recording is started; meant for alerts about memory
    """

    prefer: Literal["go-zero", "http-pprof"] = "go-zero"
    allow: tuple[Profiler, ...] = field(default=(), metadata={"plugins": "profiler"})
    read_memory: bool = False

    def __post_init__(self) -> None:
        if not all(isinstance(spec, Profiler) for spec in self.allow):
            raise ValueError("auto: allow: name profilers that do something themselves")

    def choose(self, process: Process, host: str, pool: HostPool) -> Selection:
        if not self.read_memory:
            return self._first_that_fits(process, host, pool)
        try:
            heap = GoMemory().choose(process, host, pool)
        except Refused as refused:
            selection = self._first_that_fits(process, host, pool)
            return replace(selection, why="; ".join(filter(None, (selection.why, refused.reason.message))))
        try:
            return replace(self._first_that_fits(process, host, pool), besides=heap.profiler)
        except Refused as refused:
            if refused.reason.code is Code.PROCESS_IS_WRAPPER:
                raise
            return replace(heap, why=f"nothing else fits: {refused.reason.message}")

    def _first_that_fits(self, process: Process, host: str, pool: HostPool) -> Selection:
        refusals: list[tuple[str, Refused]] = []
        for kind, spec in self._specs():
            try:
                selection = spec.choose(process, host, pool)
            except Refused as refused:
                if refused.reason.code is Code.PROCESS_IS_WRAPPER:
                    raise
                refusals.append((kind, refused))
            else:
                reasons = (why_not(refusals), selection.why)
                return replace(selection, why="; ".join(filter(None, reasons)))
        raise combined(refusals)

    def recipes(self) -> tuple[Recipe, ...]:
        specs = (*self.allow, GoMemory()) if self.read_memory else self.allow
        return tuple(recipe for spec in specs for recipe in spec.recipes())

    def notes(self) -> tuple[str, ...]:
        return tuple(note for spec in self.allow for note in spec.notes())

    def _specs(self) -> Iterator[tuple[str, Profiler]]:
        two: list[tuple[str, Profiler]] = [("go-zero", GoZero()), ("http-pprof", HttpPprof())]
        yield from sorted(two, key=lambda spec: spec[0] != self.prefer)
        for spec in self.allow:
            yield kind_of(spec), spec


def why_not(refusals: list[tuple[str, Refused]]) -> str:
    """Why the profilers before the chosen one were not chosen."""
    return "; ".join(f"not by {kind}: {refused.reason.message}" for kind, refused in refusals)


def combined(refusals: list[tuple[str, Refused]]) -> Refused:
    """One refusal with the sentences of all. Its code is the first one's, unless one of them is EVIDENCE_CONFLICT."""
    first, others = refusals[0][1], refusals[1:]
    codes = [refused.reason.code for _, refused in refusals]
    code = Code.EVIDENCE_CONFLICT if Code.EVIDENCE_CONFLICT in codes else first.reason.code
    sentences = [first.reason.message, *(f"nor by {kind}: {refused.reason.message}" for kind, refused in others)]
    return Refused(code, "; ".join(sentences))
