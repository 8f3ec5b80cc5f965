"""Functions, files and lines of the return addresses of a stack, inlined calls too, as the runtime tells them.

Sources: runtime/symtabinl.go, Frames.Next and runtime_expandFinalInlineFrame of runtime/symtab.go.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.analysis.goheap.layouts import Layout
from app.analysis.goheap.pclntab import FILES, INLINE, LINES, Function, FunctionTable
from app.analysis.goheap.ranges import Unreadable

CALL = struct.Struct("<BxxxIii")  # inlinedCall: funcID, nameOff, parentPc, startLine
PANICS = frozenset({b"runtime.gopanic", b"runtime.sigpanic", b"runtime.panicwrap"})
INLINED_AT_MOST = 1 << 16  # calls in one function
DEPTH = 200  # of calls inlined into each other
DEEPEST_TOLD = 1 << 14  # calls of a stack


@dataclass(frozen=True, slots=True)
class Frame:
    """pc: of the call; entry: of the function that has its code; inlined: whether `name` is another one, inlined there;
    id: abi.FuncID"""

    pc: int
    entry: int
    name: bytes
    file: bytes
    line: int
    start_line: int
    inlined: bool
    id: int


class Symbols:
    """text, text_end: where the program's code lies in memory."""

    def __init__(self, table: FunctionTable, text: int, text_end: int, layout: Layout) -> None:
        self._table, self._text, self._text_end, self._layout = table, text, text_end, layout
        self._functions: dict[int, Function | None] = {}
        self._values: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
        self._trees: Mapping[int, bytes] = {}
        self._frames: dict[int, Frame | None] = {}

    def trees(self, addresses: Iterable[int]) -> dict[int, int]:
        """Where the inlining trees of the functions at these return addresses lie: the offset from where all of them
        do, and the size in bytes."""
        wanted = {}
        for address in addresses:
            function = self._function(address)
            if function and (place := self._table.tree(function)) is not None:
                most = max(self._table_of(function, INLINE)[1], default=-1)
                if most >= INLINED_AT_MOST:
                    raise Unreadable("has a function table with an inlining tree that is too large")
                if most >= 0:
                    wanted[place] = (most + 1) * CALL.size
        return wanted

    def take(self, trees: Mapping[int, bytes]) -> None:
        """trees: the bytes of each tree that `trees` names, by its offset."""
        self._trees = trees

    def frame(self, address: int) -> Frame | None:
        """The innermost call that a return address stands for; None outside of the program's Go code."""
        if address not in self._frames:
            function = self._function(address)
            call = address - 1 if function and address > self._text + function.entry else address
            self._frames[address] = self._frame(function, call) if function else None
        return self._frames[address]

    def name_at(self, address: int) -> bytes:
        """The innermost function at exactly this address, as runtime.FuncForPC names it; b"" outside of Go code."""
        function = self._function(address)
        return self._frame(function, address).name if function else b""

    def expanded(self, stack: Sequence[int]) -> tuple[int, ...]:
        """A stack whose last call is followed by those that it is inlined into: the runtime may have cut these off."""
        function = self._function(stack[-1] - 1) if stack else None
        if function is None:
            return tuple(stack)
        found, call, callee = [], stack[-1] - 1, b""
        for _ in range(DEPTH):
            frame = self._frame(function, call)
            if frame.id != self._layout.wrapper or callee in PANICS:
                found.append(call + 1)
            if not frame.inlined:
                return (*stack[:-1], *found) if len(found) > 1 else tuple(stack)
            callee, call = frame.name, self._text + function.entry + self._call(function, call)[2]
        raise Unreadable("has an inlining tree without end")

    def logical(self, stack: Sequence[int]) -> tuple[int, ...]:
        """The stack of a delay with the calls that are inlined, but for those at its end, as Frames.Next adds them.
        What lies outside of Go code is left out."""
        if not self._layout.physical:
            return tuple(stack)
        found = []
        for at, address in enumerate(stack):
            following = stack[at + 1] if at + 1 < len(stack) else None
            place: int | None = address
            while place is not None and (function := self._function(place)):
                call = place - 1 if place > self._text + function.entry else place
                found.append(call + 1)
                place = None if following is None else self._caller(function, call, following)
                if len(found) > DEEPEST_TOLD:
                    raise Unreadable("has an inlining tree without end")
        return tuple(found)

    def _caller(self, function: Function, call: int, following: int) -> int | None:
        """The return address into what a call is inlined into; None if nothing, or if it is the next of the stack."""
        frame = self._frame(function, call)
        callee = frame.name
        for _ in range(DEPTH):
            if not frame.inlined:
                return None
            call = self._text + function.entry + self._call(function, call)[2]
            if call + 1 == following:
                return None
            frame = self._frame(function, call)
            if frame.id != self._layout.wrapper or callee in PANICS:
                return call + 1
        raise Unreadable("has an inlining tree without end")

    def _function(self, address: int) -> Function | None:
        if address not in self._functions:
            inside = self._text <= address < self._text_end
            self._functions[address] = self._table.at(address - self._text) if inside else None
        return self._functions[address]

    def _table_of(self, function: Function, which: int) -> tuple[list[int], list[int]]:
        key = (function.at, which)
        if key not in self._values:
            self._values[key] = self._table.table(function, which)
        return self._values[key]

    def _value(self, function: Function, which: int, pc: int) -> int:
        limits, values = self._table_of(function, which)
        at = bisect_right(limits, pc - self._text - function.entry)
        return values[at] if at < len(values) else -1

    def _call(self, function: Function, pc: int) -> tuple[int, int, int, int]:
        """The entry of the inlining tree for the innermost call at this place; (0, 0, -1, 0) if nothing is inlined."""
        index = self._value(function, INLINE, pc)
        place = self._table.tree(function)
        if index < 0 or place is None:
            return 0, 0, -1, 0
        tree = self._trees.get(place, b"")
        if (index + 1) * CALL.size > len(tree):
            raise Unreadable("has an inlining tree that is cut")
        found: tuple[int, int, int, int] = CALL.unpack_from(tree, index * CALL.size)
        return found

    def _frame(self, function: Function, pc: int) -> Frame:
        id_, name_at, parent, start_line = self._call(function, pc)
        inlined = parent >= 0
        if inlined:
            name = self._table.text(self._table.names + name_at)
        else:
            name, id_, start_line = function.name, function.id, function.start_line
        line = self._value(function, LINES, pc)
        file = self._table.file(function, self._value(function, FILES, pc))
        entry = self._text + function.entry
        return Frame(pc, entry, name, file or b"?", max(line, 0) if file else 0, start_line, inlined, id_)
