"""Reads the names of functions for a profile that has addresses only: from the files whose code the process runs.

gperftools and jemalloc write such profiles. The gate brings home the tables of symbols, the names that are wanted and
the debugging information about these places, nothing else of the files. Called by recipe_profiler.py, and by
http_pprof.py for other programs than Go's.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import PurePosixPath
from time import monotonic

from app.analysis.goheap.ranges import Unreadable
from app.analysis.isolate import unnamed_of
from app.analysis.line_reader import read_calls
from app.analysis.profile import BadProfile
from app.analysis.symbol_table import Symbols, symbols_at, symbols_of
from app.analysis.unnamed import MOST_FILES, Named, Unnamed
from app.errors import AlertprofError
from app.finding import INFO, Finding
from app.gate.answers import Process
from app.gate.client import Gate
from app.gate.mapped import CodeArea
from app.model import ProcessId
from app.profilers.base import Fetched, Recording
from app.profilers.code_pages import CodePages, Unanswered

VERB = (
    "the gate that is installed there may not read the files: install what `alertprof gate --config.file F` prints "
    "(where no gate is installed, restart alertprof)"
)
WHY = {
    "verb": VERB,
    "gone": "the process has ended",
    "replaced": "the process runs another program now",
    "unreadable": "this account may not see what the process has mapped",
    "vanished": "the file was removed or replaced on the host",
}
SHOWN = 3  # reasons in a finding
SECONDS = 60.0


@dataclass(slots=True)
class _Reading:
    """names: by address; reasons: why some are missing, a sentence a file; until: when no further file is read, by
    time.monotonic()"""

    gate: Gate
    process: ProcessId
    names: dict[int, tuple[Named, ...]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    until: float = field(default_factory=lambda: monotonic() + SECONDS)

    def read(self, places: Sequence[Unnamed]) -> None:
        """Reads the names at these places. Raises AlertprofError if the gate is lost."""
        code, _, areas = self.gate.mapped(self.process)
        if code != "ok":
            self.reasons.append(WHY.get(code, code))
            return
        files = self._by_file(places, areas)
        for path, (area, wanted) in islice(files.items(), MOST_FILES):
            if monotonic() > self.until:
                self.reasons.append(f"{PurePosixPath(path).name} was not read within {SECONDS:g} s")
                continue
            try:
                self._read_file(area, wanted)
            except (Unreadable, Unanswered) as why:
                said = WHY.get(str(why), str(why))
                self.reasons.append(f"{PurePosixPath(path).name} {said}" if isinstance(why, Unreadable) else said)

    def _by_file(
        self, places: Sequence[Unnamed], areas: Sequence[CodeArea]
    ) -> dict[str, tuple[CodeArea, dict[int, int]]]:
        """For each file one of its mappings, and of the addresses in it the offsets in the file.

        Only mappings that lie where the profile has them: then it is the same file. No mapping overlaps another; where
        a host says so, an address counts for the last one that begins before it."""
        files: dict[str, tuple[CodeArea, dict[int, int]]] = {}
        for place in places:
            found = False
            there = sorted(area for area in areas if area.start - area.offset == place.base)
            for address in place.addresses:
                index = bisect_right(there, address, key=lambda area: area.start) - 1
                if index >= 0 and address < there[index].limit:
                    found = True
                    files.setdefault(there[index].path, (there[index], {}))[1][address] = address - place.base
            if not found:
                self.reasons.append(f"{PurePosixPath(place.file).name} is not where the profile has it")
        return files

    def _read_file(self, area: CodeArea, wanted: Mapping[int, int]) -> None:
        pages = CodePages(self.gate, self.process, area)
        symbols = pages.read(symbols_at(set(wanted.values())))
        if not symbols.lines and symbols.build_id:
            pages, symbols = self._debugging(pages, symbols)
        calls = self._calls(pages, symbols) if symbols.lines else {}
        for address, offset in wanted.items():
            linked = symbols.linked.get(offset, 0)
            symbol = symbols.names.get(linked, b"").decode("utf-8", "replace")
            if chain := _chain(calls.get(linked, ()), symbol):
                self.names[address] = chain
        if symbols.fault and not calls:
            raise Unreadable(symbols.fault)

    def _debugging(self, pages: CodePages, symbols: Symbols) -> tuple[CodePages, Symbols]:
        """The file of debugging information of the same build, where the host has it, and what it tells; else these."""
        beside = CodePages(self.gate, self.process, pages.area._replace(debug=symbols.build_id))
        try:
            found = beside.read(symbols_of(symbols.linked.values()))
        except (Unreadable, Unanswered):
            return pages, symbols
        if found.build_id != symbols.build_id:
            return pages, symbols
        fault = symbols.fault and found.fault
        return beside, found._replace(linked=symbols.linked, names={**symbols.names, **found.names}, fault=fault)

    def _calls(self, pages: CodePages, symbols: Symbols) -> Mapping[int, Sequence[Named]]:
        if monotonic() > self.until:
            return {}
        try:
            return read_calls(sorted(set(symbols.linked.values())), pages.answer)
        except (Unreadable, Unanswered, AlertprofError):  # the symbols have names all the same
            return {}


def _chain(calls: Sequence[Named], symbol: str) -> tuple[Named, ...]:
    """The functions of a place, the innermost first. symbol: what the linker calls the outermost, "" if nothing."""
    if not calls:
        return (Named(symbol),) if symbol else ()
    *inlined, outer = calls
    # A part of `run` may be `run.cold` for the linker, and that knows other names than the source, such as glibc's.
    if symbol and not symbol.startswith(f"{outer.function}."):
        outer = outer._replace(function=symbol)
    return tuple(each for each in (*inlined, outer) if each.function)


def with_names(gate: Gate, process: ProcessId, file: Fetched) -> Fetched:
    """The file with the names that its addresses have on the host, and a finding if most of them have none.

    What cannot be read costs names, never the file."""
    places = _places(file)
    return _read_names(gate, process, file, places) if places else file


def named(recording: Recording, process: Process, file: Fetched) -> Fetched:
    """A file that came over HTTP, with names as `with_names` reads them. Go's profiles have theirs.

    The names come from the files of this process alone, and only where the profile has them at the very same
    addresses: whose profile it is need not be proven yet."""
    if process.go_version or file.fault or not file.suffix.endswith(".pprof"):
        return file
    if not (places := _places(file)):
        return file
    with recording.files() as gate:
        return _read_names(gate, process.id, file, places)


def _places(file: Fetched) -> list[Unnamed]:
    try:
        return [place for path in (file.path, *file.slices) for place in unnamed_of(path)]
    except BadProfile:  # which the check of the file tells
        return []


def _read_names(gate: Gate, process: ProcessId, file: Fetched, places: Sequence[Unnamed]) -> Fetched:
    reading = _Reading(gate, process)
    try:
        reading.read(places)
    except AlertprofError as fault:
        reading.reasons.append(str(fault))
    addresses = {address for place in places for address in place.addresses}
    finding = None
    if len(reading.names) * 2 < len(addresses):
        finding = _nameless(file, len(addresses) - len(reading.names), len(addresses), reading.reasons)
    return replace(file, names=reading.names, finding=finding or file.finding)


def _nameless(file: Fetched, without: int, all_: int, reasons: Sequence[str]) -> Finding:
    why = "; ".join(reasons[:SHOWN]) or "the files have no symbols there: they are stripped"
    return Finding(
        INFO,
        "most of the code has no names",
        f"{without} of {all_} places in the code are known by their addresses alone ({why}). The table shows the file "
        "instead. With an executable that is not stripped, `pprof EXECUTABLE FILE` of github.com/google/pprof finds "
        "the names",
        kind=file.kind.value,
        code="no_names",
    )
