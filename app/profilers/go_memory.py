"""The heap profile that a Go program's runtime keeps, read from the process's memory: no signal, no port, no stop.

It is there at once, of programs that serve no /debug/pprof and of stripped ones too. The process does not notice. It is
off unless a rule names it, since the gate can read the process's memory then (docs/security.md).
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from app.analysis.goheap.layouts import layout_of
from app.analysis.goheap.ranges import Unreadable
from app.errors import Code, Refused
from app.gate.answers import Process
from app.gate.pool import HostPool
from app.gate.recipes import MEMORY, Recipe
from app.model import Capture, Kind
from app.profilers.base import Fetched, Incoming, Profiler, Recording, Selection, StepResult
from app.profilers.besides import BESIDES
from app.profilers.checks import name_of
from app.profilers.heap_reading import read_profiles, told
from app.profilers.http_pprof import current_process
from app.profilers.recipe_profiler import identity_of

NAME = "go-memory"


@dataclass(frozen=True, slots=True)
class GoMemory(Profiler):
    """Reads the heap profile from the process's memory, and those of block and mutex where it counts them. It takes no
    time, and no options."""

    streams: ClassVar[bool] = True

    def choose(self, process: Process, host: str, pool: HostPool) -> Selection:
        selection = Profiler.choose(self, process, host, pool)
        return replace(selection, length=timedelta(0))

    def judge(self, process: Process, host: str, pool: HostPool) -> str:
        try:
            layout_of(process.go_version)
        except Unreadable as why:
            message = f"{host}: pid {process.id.pid} ({name_of(process)}) {why}"
            raise Refused(Code.NO_PROFILER, message) from why
        return NAME

    def recipes(self) -> tuple[Recipe, ...]:
        return (MEMORY,)

    def may_have_begun(self, recording: Recording) -> bool:
        return False

    def start(self, recording: Recording) -> StepResult:
        """Nothing has to be started: what is read was kept by the runtime all the time."""
        return StepResult("its heap is read from its memory")

    def watch(self, recording: Recording) -> StepResult:
        return StepResult()

    def stop(self, recording: Recording) -> StepResult:
        return StepResult()

    def collect(self, recording: Recording, incoming: Incoming) -> StepResult:
        if any(each.kind is Kind.HEAP and each.name.endswith(BESIDES) for each in recording.capture.artifacts):
            return StepResult("the heap is home already")
        process, gate = current_process(recording), recording.gate()
        read = read_profiles(gate, recording.capture, process, incoming.folder)
        for kind in sorted(read.stacks, key=lambda kind: kind is Kind.HEAP):  # last, since it says that all are home
            path = incoming.folder / f"{kind.value}{BESIDES}"
            incoming.keep(Fetched(kind, path, path.stat().st_size, suffix=BESIDES))
        return StepResult(told(read))

    def missing(self, have: frozenset[Kind]) -> tuple[Kind, ...]:
        """None: `collect` brings the one file, or fails."""
        return ()

    def clean(self, recording: Recording) -> StepResult:
        return StepResult("nothing was left on the host")

    def plan(self, process: Process, capture: Capture) -> tuple[str, ...]:
        return (f"memory {identity_of(process)} exe:… mem:…: its function table, and the buckets of its heap profile",)
