"""Calls that begin and end, made into stacks with the time of each: for speedscope.py and chrome_trace.py."""

from app.analysis.profile import BadProfile, ValueType
from app.analysis.stacks import Frame, Stacks


class Spans:
    """The calls of one thread, in the order of time. The time between two events belongs to the stack that is open."""

    def __init__(self, stacks: Stacks, kind: ValueType) -> None:
        self._stacks, self._kind = stacks, kind
        self._open: list[Frame] = []
        self._now: int | None = None

    def begin(self, number: int, at: int, frame: Frame) -> None:
        """A call begins. number: of the event. at: in the unit of the sample type. Raises BadProfile."""
        self._pass(number, at)
        self._open.append(frame)

    def end(self, number: int, at: int, frame: Frame | None = None) -> None:
        """The innermost call ends. frame: what it must be, where that is known. Raises BadProfile."""
        if not self._open:
            raise BadProfile(f"event {number} ends a call that has not begun")
        if frame not in (None, self._open[-1]):
            raise BadProfile(f"event {number} ends another call than the innermost")
        self._pass(number, at)
        self._open.pop()

    def finish(self, number: int, at: int) -> None:
        """Calls without an end last until `at`. Raises BadProfile."""
        if self._open:
            self._pass(number, at)
            self._open.clear()

    def _pass(self, number: int, at: int) -> None:
        passed = at - (at if self._now is None else self._now)
        if passed < 0:
            raise BadProfile(f"event {number} is earlier than the one before")
        if passed and self._open:
            self._stacks.add(number, self._open[::-1], {self._kind: passed})
        self._now = at
