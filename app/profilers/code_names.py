"""Reads the names of functions for a profile that has addresses only: from the files whose code the process runs.

gperftools and jemalloc write such profiles. The gate brings home the tables of symbols and the names that are wanted,
nothing else of the files. Called by recipe_profiler.py, and by http_pprof.py for other programs than Go's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from app.analysis.goheap.ranges import Answer, Range, Unreadable
from app.analysis.isolate import unnamed_of
from app.analysis.profile import BadProfile
from app.analysis.symbol_table import names_at
from app.analysis.unnamed import Unnamed
from app.errors import AlertprofError
from app.finding import INFO, Finding
from app.gate.answers import Process
from app.gate.client import Gate
from app.gate.mapped import PAGES_AT_MOST, RANGES_AT_MOST, CodeArea, Span
from app.gate.memory import PAGE
from app.model import ProcessId
from app.profilers.base import Fetched, Recording

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


class _Unanswered(Exception):
    """The gate's code, of an answer that is no bytes."""


@dataclass(slots=True)
class _Reading:
    """names: by address; reasons: why some are missing, a sentence a file"""

    gate: Gate
    process: ProcessId
    names: dict[int, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def read(self, places: Sequence[Unnamed]) -> None:
        """Reads the names at these places. Raises AlertprofError if the gate is lost."""
        code, _, areas = self.gate.mapped(self.process)
        if code != "ok":
            self.reasons.append(WHY.get(code, code))
            return
        for path, (area, wanted) in self._by_file(places, areas).items():
            try:
                self._read_file(area, wanted)
            except (Unreadable, _Unanswered) as why:
                said = WHY.get(str(why), str(why))
                self.reasons.append(f"{PurePosixPath(path).name} {said}" if isinstance(why, Unreadable) else said)

    def _by_file(
        self, places: Sequence[Unnamed], areas: Sequence[CodeArea]
    ) -> dict[str, tuple[CodeArea, dict[int, int]]]:
        """For each file one of its mappings, and of the addresses in it the offsets in the file.

        Only mappings that lie where the profile has them: then it is the same file."""
        files: dict[str, tuple[CodeArea, dict[int, int]]] = {}
        for place in places:
            found = 0
            for area in areas:
                if area.start - area.offset != place.base:
                    continue
                inside = [address for address in place.addresses if area.start <= address < area.limit]
                found += len(inside)
                if inside:
                    wanted = files.setdefault(area.path, (area, {}))[1]
                    wanted.update((address, address - place.base) for address in inside)
            if not found:
                self.reasons.append(f"{PurePosixPath(place.file).name} is not where the profile has it")
        return files

    def _read_file(self, area: CodeArea, wanted: Mapping[int, int]) -> None:
        reading = names_at(set(wanted.values()))
        try:
            ranges = next(reading)
            while True:
                ranges = reading.send(Answer(tuple(self._pieces(area, ranges)), ()))
        except StopIteration as done:
            found: dict[int, bytes] = done.value
        for address, offset in wanted.items():
            if offset in found:
                self.names[address] = found[offset].decode("utf-8", "replace")

    def _pieces(self, area: CodeArea, ranges: Sequence[Range]) -> Iterator[bytes]:
        """The bytes of these ranges of the area's file, in as few requests as the gate takes."""
        spans = [_span(each) for each in ranges]
        read = b"".join(self._bytes(area, batch) for batch in _batches(spans))
        at = 0
        for range_, span in zip(ranges, spans, strict=True):
            begin = at + range_.start % PAGE
            yield read[begin : begin + range_.size]
            at += span.pages * PAGE

    def _bytes(self, area: CodeArea, spans: Sequence[Span]) -> bytes:
        code, read, _ = self.gate.mapped(self.process, area, spans)
        if code != "ok":
            raise _Unanswered(code)
        return read


def _span(wanted: Range) -> Span:
    first = wanted.start // PAGE
    return Span(first, (wanted.start + max(wanted.size, 1) - 1) // PAGE - first + 1)


def _batches(spans: Sequence[Span]) -> Iterator[list[Span]]:
    """The spans, cut and put together to what the gate takes at once."""
    batch, left = list[Span](), PAGES_AT_MOST
    for span in spans:
        page, pages = span
        while pages:
            if not left or len(batch) == RANGES_AT_MOST:
                yield batch
                batch, left = [], PAGES_AT_MOST
            some = min(pages, left)
            batch.append(Span(page, some))
            page, pages, left = page + some, pages - some, left - some
    if batch:
        yield batch


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
