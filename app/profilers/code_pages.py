"""Pages of a file whose code a process runs, brought by the gate. Called by code_names.py."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.analysis.goheap.ranges import Answer, Range, Reading
from app.gate.client import Gate
from app.gate.mapped import PAGES_AT_MOST, RANGES_AT_MOST, CodeArea, Span
from app.gate.memory import PAGE
from app.model import ProcessId

T = TypeVar("T")


class Unanswered(Exception):
    """The gate's code, of an answer that is no bytes."""


@dataclass(frozen=True, slots=True)
class CodePages:
    """The file of one mapping of a process, or the file of debugging information that belongs to it."""

    gate: Gate
    process: ProcessId
    area: CodeArea

    def read(self, reading: Reading[T]) -> T:
        """The result of a reading. Raises Unreadable, Unanswered, and AlertprofError if the gate is lost."""
        try:
            ranges = next(reading)
            while True:
                ranges = reading.send(self.answer(ranges))
        except StopIteration as done:
            result: T = done.value
            return result

    def answer(self, ranges: Sequence[Range]) -> Answer:
        """The bytes of these ranges."""
        return Answer(tuple(self._pieces(ranges)), ())

    def _pieces(self, ranges: Sequence[Range]) -> Iterator[bytes]:
        """The bytes of each range, in as few requests as the gate takes."""
        spans = [_span(each) for each in ranges]
        read = b"".join(map(self._bytes, _batches(spans)))
        at = 0
        for range_, span in zip(ranges, spans, strict=True):
            begin = at + range_.start % PAGE
            yield read[begin : begin + range_.size]
            at += span.pages * PAGE

    def _bytes(self, spans: Sequence[Span]) -> bytes:
        code, read, _ = self.gate.mapped(self.process, self.area, spans)
        if code != "ok":
            raise Unanswered(code)
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
