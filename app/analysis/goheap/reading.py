"""Reads the profiles that the runtime of a Go program keeps.

The executable is asked first, in four requests; then the lists of buckets (listing.py), in three where it lies close
together; then, in one, the trees of inlined calls.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from app.analysis.goheap.listing import Listed, read_lists
from app.analysis.goheap.program import Program, read_program
from app.analysis.goheap.ranges import PAGE, Area, Range, Reading, Source, Unreadable, ask
from app.analysis.goheap.symbols import Symbols
from app.analysis.goheap.variables import find_variables

RUNS_AT_MOST, TREES_AT_MOST = 20, 64 << 20  # pieces of the file that hold the inlining trees, and their bytes


@dataclass(frozen=True, slots=True)
class Profiles:
    """code: where the executable's code lies; build_id: GNU's, in hex, or ""."""

    listed: Listed
    symbols: Symbols
    code: Area
    build_id: str


def read_profiles(go_version: str, code: int) -> Reading[Profiles]:
    """The profiles of a program of this version of Go. code: an address of its code, as /proc/PID/stat has it.

    Raises Unreadable if there is none or it cannot be believed, Unsteady if it changed each time that it was read."""
    program = yield from read_program(go_version, code)
    variables = yield from find_variables(program)
    listed = yield from read_lists(variables, program.layout, program.module)
    delays = [delay.stack for counted in listed.delays.values() for delay in counted]
    symbols = yield from _read_symbols(program, (*(record.stack for record in listed.heap), *delays))
    return Profiles(listed, symbols, program.code, program.elf.build_id)


def _read_symbols(program: Program, stacks: Iterable[tuple[int, ...]]) -> Reading[Symbols]:
    """The symbols of all addresses in the stacks. One request, or none if nothing is inlined."""
    module = program.module
    symbols = Symbols(program.table, module.text, module.text_end, program.layout)
    trees = symbols.trees({call for stack in stacks for address in stack for call in (address, address - 1)})
    places = {offset: program.in_file(module.gofunc + offset, size) for offset, size in trees.items()}
    if not places:
        return symbols
    runs = _runs(sorted(set(places.values())))
    if sum(run.size for run in runs) > TREES_AT_MOST:
        raise Unreadable("has inlining trees that lie too far from each other")
    pieces = yield from ask(*runs)
    file = dict(zip(runs, pieces, strict=True))
    symbols.take({offset: _piece(file, place) for offset, place in places.items()})
    return symbols


def _runs(places: list[Range]) -> tuple[Range, ...]:
    """Few ranges that hold all of these: cut at the widest gaps between them."""
    gaps = sorted(((after.start - before.start - before.size, after.start) for before, after in pairwise(places)))
    cuts = {start for gap, start in gaps[1 - RUNS_AT_MOST :] if gap > PAGE}
    runs: list[Range] = []
    for place in places:
        if not runs or place.start in cuts:
            runs.append(place)
        else:
            limit = max(place.start + place.size, runs[-1].start + runs[-1].size)
            runs[-1] = Range(Source.EXE, runs[-1].start, limit - runs[-1].start)
    return tuple(runs)


def _piece(file: Mapping[Range, bytes], place: Range) -> bytes:
    for run, piece in file.items():
        if run.start <= place.start and place.start + place.size <= run.start + run.size:
            return piece[place.start - run.start : place.start - run.start + place.size]
    raise AssertionError
