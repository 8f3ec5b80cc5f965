"""Brings the pages of a process to the one that reads its memory profile (app/analysis/memory_reader.py). Called by
go_memory.py. None of the bytes is written or logged.
"""

from collections.abc import Sequence
from pathlib import Path

from app.analysis.goheap.ranges import Answer, Area, Range, Unreadable, Unsteady
from app.analysis.memory_reader import Program, Read, read_memory
from app.errors import Code, Refused, Retryable
from app.gate.answers import Process
from app.gate.client import Gate
from app.gate.memory import PAGE, Pages
from app.model import Capture, ProcessId
from app.profilers.base import host_of, process_of
from app.profilers.besides import BESIDES
from app.profilers.refusals import COMMON, Refusals, refusal, refused

UNSEEN = (
    "does not let this account read its memory: log in as root, or as the service's user where "
    "kernel.yama.ptrace_scope is 0, or set become: sudo"
)
REFUSALS: Refusals = {
    **COMMON,
    **refused(
        Code.NOT_PERMITTED,
        {
            "unreadable": UNSEEN,
            "verb": "is on a host whose gate may not read memory: install there what `alertprof gate --config.file F` "
            "prints with a rule that allows go-memory (where no gate is installed, restart alertprof)",
        },
    ),
}


def read_profiles(gate: Gate, capture: Capture, process: Process, folder: Path) -> Read:
    """Writes the profiles that the runtime of the capture's process keeps into a folder, by their kinds and BESIDES.

    Raises Refused if there is none to be had this way, Retryable if the process or the host has to be asked later."""
    id_ = process_of(capture)
    program = Program(process.go_version, int(id_.image.partition(":")[0]), process.exe)
    try:
        return read_memory(program, folder, BESIDES, lambda wanted: _answer(gate, capture, id_, wanted))
    except Unreadable as why:
        raise Refused(Code.NO_PROFILER, f"{host_of(capture)}: pid {id_.pid} {why}") from why
    except Unsteady as why:
        raise Retryable(Code.TIMEOUT, f"{host_of(capture)}: pid {id_.pid} {why}") from why


def _answer(gate: Gate, capture: Capture, process: ProcessId, wanted: Sequence[Range]) -> Answer:
    code, read, areas = gate.memory(process, pages := tuple(map(_pages, wanted)))
    if code != "ok":
        raise refusal(capture, code, REFUSALS)
    pieces, at = [], 0
    for range_, page in zip(wanted, pages, strict=True):
        begin = at + range_.start % PAGE
        pieces.append(read[begin : begin + range_.size])
        at += page.pages * PAGE
    return Answer(tuple(pieces), tuple(Area(*area) for area in areas))


def _pages(wanted: Range) -> Pages:
    """The whole pages that hold a range."""
    first = wanted.start // PAGE
    return Pages(wanted.source.value, first, (wanted.start + wanted.size - 1) // PAGE - first + 1)


def told(read: Read) -> str:
    """What was read, as an event of the timeline says it."""
    counted = (f"{kind.value} {stacks} stacks" for kind, stacks in read.stacks.items())
    missing = (f"; no {kind.value}: {why}" for kind, why in read.left_out.items())
    return f"read from its memory in {read.requests} requests: {', '.join(counted)}" + "".join(missing)
