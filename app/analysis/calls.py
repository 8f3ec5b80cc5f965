"""The calls of one thread in any order, made into stacks with the time of each: for chrome_trace.py."""

from typing import NamedTuple

from app.analysis.profile import ValueType
from app.analysis.spans import Spans
from app.analysis.stacks import Frame, Stacks


class Event(NamedTuple):
    """A call begins, if it has a frame, or ends. number: of the event in the file. name: of the call that ends, if it
    is told. until: the end of a call that is whole."""

    at: int
    number: int
    frame: Frame | None = None
    name: bytes = b""
    until: int | None = None


class Call(NamedTuple):
    """A call, from its begin to its end."""

    begin: int
    end: int
    number: int
    frame: Frame


class Calls:
    """Collects events. begun: whether any call begins in the file. Times are in the unit of the sample type."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self.begun = False

    def begin(self, number: int, at: int, frame: Frame) -> None:
        """A call begins."""
        self._events.append(Event(at, number, frame))
        self.begun = True

    def end(self, number: int, at: int, name: bytes = b"") -> None:
        """The innermost call ends; where its name is told, the innermost one of that name, with those inside it."""
        self._events.append(Event(at, number, name=name))

    def whole(self, number: int, begin: int, end: int, frame: Frame) -> None:
        """A call begins and ends."""
        self._events.append(Event(begin, number, frame, until=end))
        self.begun = True

    def add_to(self, stacks: Stacks, kind: ValueType) -> int:
        """Adds the time of every stack. Returns how many events do not fit: ends of calls that have not begun, and
        calls that end after the one around them, which are cut there. Raises BadProfile."""
        calls, lost = self._paired()
        calls.sort(key=lambda call: (call.begin, -call.end, call.number))
        spans, ends = Spans(stacks, kind), list[int]()
        for call in calls:
            while ends and ends[-1] <= call.begin:
                spans.end(call.number, ends.pop())
            lost += bool(ends and ends[-1] < call.end)
            ends.append(min(call.end, ends[-1]) if ends else call.end)
            spans.begin(call.number, call.begin, call.frame)
        while ends:
            spans.end(calls[-1].number, ends.pop())
        return lost

    def _paired(self) -> tuple[list[Call], int]:
        """All calls, and how many ends have no begin."""
        events = sorted(self._events, key=lambda event: event.at)  # those of one time stay in the file's order
        last = max((event.until or event.at for event in events), default=0)
        calls, open_ones, lost = list[Call](), list[Event](), 0
        for event in events:
            if event.frame and event.until is not None:
                calls.append(Call(event.at, event.until, event.number, event.frame))
            elif event.frame:
                open_ones.append(event)
            elif closed := _closed(open_ones, event.name):
                calls += [_call(each, event.at) for each in closed]
                del open_ones[-len(closed) :]
            else:
                lost += 1
        return calls + [_call(each, last) for each in open_ones], lost


def _call(begun: Event, end: int) -> Call:
    return Call(begun.at, end, begun.number, begun.frame or Frame(b""))


def _closed(open_ones: list[Event], name: bytes) -> list[Event]:
    """The innermost calls, out to the one that ends; none if no such call is open."""
    for at in range(len(open_ones) - 1, -1, -1):
        frame = open_ones[at].frame
        if not name or (frame and frame.function == name):
            return open_ones[at:]
    return []
