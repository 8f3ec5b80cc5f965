"""The text of `perf script`, of perf 6.1 to 7.2 and with most choices of fields. For convert.py.

With call graphs (`perf record -g`) a sample is a line `comm pid time: period event:`, the frames one a line, leaf
first, and an empty line:

    order-mq 21181/21190 [003]   851.518981:   10101010 cpu-clock:ppp:
                  170e8e gen_iternext+0x9e (/usr/lib/libpython3.11.so.1.0)
            7f746f8da9c0 [unknown] ([unknown])

Without them, or for a sample that has none, the one frame follows the event on its line. Lines of other records
(`--show-task-events`) are skipped.
"""

from typing import BinaryIO, Final

from app.analysis.perf_events import Events
from app.analysis.perf_lines import (
    Header,
    frame_of,
    header_of,
    inline_frame,
    is_frame,
    is_instruction,
    is_source,
    with_source,
)
from app.analysis.profile import BadProfile
from app.analysis.stacks import Frame, Options, Stacks, bad_line, numbered

NO_HEADER: Final = "no beginning of a sample: `comm pid time: period event:` was expected"
NO_FRAME: Final = "no frame: `address symbol (binary)` was expected"


def read(file: BinaryIO, options: Options) -> Stacks:
    """The stacks in `file`: the sample types are those of its events, see perf_events.py. perf writes an empty file for
    an idle process. Raises BadProfile with the line."""
    reader = Reader()
    for number, line in numbered(file):
        reader.take(number, line.removesuffix(b"\r"))
    return reader.finished()


class Reader:
    """Reads line by line; between two lines it knows the sample that is not complete yet.

    unended: whether a sample of this file was ended by the next one's header, so that none has an empty line
    """

    def __init__(self) -> None:
        self.events = Events()
        self.header: Header | None = None
        self.frames: list[Frame] = []
        self.unended = False

    def take(self, number: int, line: bytes) -> None:
        """The next line. Raises BadProfile if it cannot be where it is."""
        if self.header is None:
            self._begin(number, line)
        elif not line.strip() or is_instruction(line):
            self._end(self.header)
        elif is_source(line) and (self.frames or inline_frame(self.header)):
            self._place(self.header, line)
        elif is_frame(line) and (line.startswith(b"\t") or header_of(number, line) is None):
            self.frames.append(frame_of(number, line))
        elif self.frames or header_of(number, line) is None:
            raise bad_line(number, NO_FRAME)
        else:
            self.unended = True
            self._end(self.header)
            self._begin(number, line)

    def finished(self) -> Stacks:
        """All stacks. A last sample that is cut is left out. Raises BadProfile if it is the only one."""
        note = ""
        if self.header and (self.frames or not (self.unended or inline_frame(self.header))):
            cut = f"the last sample, which begins on line {self.header.number}, is cut"
            if not self.events.timed:
                raise BadProfile(f"{cut}: no empty line follows it")
            note = f"{cut}, and left out: no empty line follows it"
        elif self.header:
            self._end(self.header)
        stacks = self.events.finished()
        stacks.note = note
        return stacks

    def _begin(self, number: int, line: bytes) -> None:
        self.header = header_of(number, line)
        if self.header is None and line.strip() and not line.startswith(b"#"):
            raise bad_line(number, NO_HEADER)
        if self.header and self.header.is_record:
            self.header = None

    def _place(self, header: Header, line: bytes) -> None:
        """The line tells the file and line of the frame before it."""
        if self.frames:
            self.frames[-1] = with_source(self.frames[-1], line)
        elif frame := inline_frame(header):
            self._add(header, [with_source(frame, line)])

    def _end(self, header: Header) -> None:
        frame = None if self.frames else inline_frame(header)
        self._add(header, [frame] if frame else self.frames)

    def _add(self, header: Header, frames: list[Frame]) -> None:
        self.events.add(header, frames)
        self.header, self.frames = None, []
