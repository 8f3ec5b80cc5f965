"""Drives the reading of a memory profile (app/analysis/goheap) over the gate. Called by go_memory.py.

The bytes stay in this process's memory: none is written or logged.
"""

from app.analysis.goheap.ranges import Answer, Area, Range, Unreadable, Unsteady
from app.analysis.goheap.reading import Heap, read_heap
from app.errors import Code, Refused, Retryable
from app.gate.client import Gate
from app.gate.memory import PAGE, Pages
from app.model import Capture, ProcessId
from app.profilers.base import host_of, process_of
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


def heap_of(gate: Gate, capture: Capture, go_version: str) -> tuple[Heap, int]:
    """The memory profile of the capture's process, and the number of requests that it took.

    Raises Refused if there is none to be had this way, Retryable if the process or the host has to be asked later."""
    process = process_of(capture)
    reading = read_heap(go_version, int(process.image.partition(":")[0]))
    requests = 0
    try:
        wanted = next(reading)
        while True:
            requests += 1
            wanted = reading.send(_answer(gate, capture, process, wanted))
    except StopIteration as done:
        return done.value, requests
    except Unreadable as why:
        raise Refused(Code.NO_PROFILER, f"{host_of(capture)}: pid {process.pid} {why}") from why
    except Unsteady as why:
        raise Retryable(Code.TIMEOUT, f"{host_of(capture)}: pid {process.pid} {why}") from why


def _answer(gate: Gate, capture: Capture, process: ProcessId, wanted: tuple[Range, ...]) -> Answer:
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
