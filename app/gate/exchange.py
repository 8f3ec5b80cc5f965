"""The line protocol of the gate: a question, lines of an answer, a last line with a code. Base of client.Gate.

A request is matched once more, whole, before a byte of it is sent; an answer is bounded in size and time.
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from threading import Lock
from time import monotonic

from app.errors import Code, Retryable
from app.gate.leased import require_lease
from app.gate.words import Words
from app.hosts.pipe import Pipe

REQUEST = re.compile(rb"[0-9]{1,9} [a-z]+( [0-9a-z:]+)*\n")
ANSWER_LIMIT = 4 << 20  # bytes; a list of every process of a large host
ANSWER_LINES = 100_000  # which a hostile host may all leave empty
LINE_LIMIT = 16 << 10
CHUNK = 256 << 10
SILENCE = 20.0  # seconds without a byte of a file after which the line counts as dead, however long the whole may take
AHEAD_LASTS = 5.0  # seconds for which what was asked ahead is taken for an answer of now

Answered = tuple[str, list[tuple[str, str]]]  # a code, and lines as (key, value)


@dataclass(frozen=True, slots=True)
class Ahead:
    """A request that was sent, and its number. until: when its answer gets too old (time.monotonic)."""

    words: Words
    number: int
    until: float


def line_of(number: int, words: Words) -> bytes:
    """A request as it is sent. Raises ValueError for one that is not in the gate's grammar."""
    request = " ".join((str(number), *words)).encode("ascii") + b"\n"
    if not REQUEST.fullmatch(request):
        raise ValueError(f"not in the gate's grammar: {request!r}")
    return request


class Exchange:
    """One question at a time over a pipe, whoever asks. Raises Retryable when the gate is lost or breaks the protocol.

    host: as whom its messages name it; timeout: seconds for a question and its answer; ahead: requests that were sent
    already, the first one as number 1."""

    def __init__(self, pipe: Pipe, host: str, timeout: float, ahead: Sequence[Words] = ()) -> None:
        self.host = host
        self._pipe, self._timeout = pipe, timeout
        self._lock, self._numbers, self._buffer = Lock(), count(1 + len(ahead)), b""
        until = monotonic() + AHEAD_LASTS
        self._ahead = deque(Ahead(words, number, until) for number, words in enumerate(ahead, 1))
        self.lost = False
        self.sent: Callable[[str, Sequence[str]], None] = lambda verb, words: None
        """Called with each verb and its words, just before they are sent."""

    def close(self) -> None:
        """Ends the gate: it leaves when its input ends."""
        self.lost = True
        self._pipe.close()

    def _ask(self, verb: str, *words: str, timeout: float | None = None) -> Answered:
        with self._lock:
            deadline = monotonic() + (timeout or self._timeout)
            return self._answer(verb, self._numbered((verb, *words))[0], deadline)

    def _ask_together(self, *requests: Words) -> list[Answered]:
        """Several questions in one round trip, and their answers in the same order."""
        with self._lock:
            deadline = monotonic() + self._timeout
            numbers = self._numbered(*requests)
            return [self._answer(words[0], number, deadline) for words, number in zip(requests, numbers, strict=True)]

    def ask_ahead(self, *requests: Words) -> None:
        """Asks what is about to be asked, in one round trip. Whoever asks it next gets these answers, if they are asked
        for in this order and within AHEAD_LASTS; otherwise nobody does, and it is asked anew."""
        with self._lock:
            numbers = [self._send(*words) for words in requests]
            until = monotonic() + AHEAD_LASTS
            self._ahead += [Ahead(words, number, until) for words, number in zip(requests, numbers, strict=True)]

    def _numbered(self, *requests: Words) -> list[int]:
        """The numbers of these requests, which are sent now unless they were sent ahead."""
        first = list(islice(self._ahead, len(requests)))
        if [each.words for each in first] == list(requests) and monotonic() < first[0].until:
            return [self._ahead.popleft().number for _ in requests]
        return [self._send(*words) for words in requests]

    def _ask_for_bytes(
        self, *requests: tuple[tuple[str, ...], Callable[[bytes], object]], limit: int, timeout: float
    ) -> list[tuple[str, int | None, list[tuple[str, str]]]]:
        """Asks for bytes, all in one round trip. Those of each request go to its function unless they are more than
        `limit`. What the function raises ends the gate: the rest of the bytes would be taken for an answer.

        timeout: seconds for each. Returns for each the answer's code, the announced size (None if none was), and the
        lines after the bytes."""
        with self._lock:
            sent = [(request[0], self._send(*request), write) for request, write in requests]
            return [self._bytes(verb, seq, limit, write, timeout) for verb, seq, write in sent]

    def _bytes(
        self, verb: str, seq: int, limit: int, write: Callable[[bytes], object], timeout: float
    ) -> tuple[str, int | None, list[tuple[str, str]]]:
        deadline = monotonic() + timeout
        line = self._line(monotonic() + SILENCE)
        if not line.startswith("size "):
            return self._last(line, seq), None, []
        if not (announced := re.fullmatch(r"size (\d{1,20})", line, re.ASCII)):
            raise self._broken(f"announces a file in a way not understood: {line[:80]!r}")
        size = int(announced[1])
        if size <= limit:
            self._stream(size, write, deadline)
        code, lines = self._answer(verb, seq, monotonic() + SILENCE)
        return code, size, lines

    def _tell(self, verb: str, *words: str) -> None:
        """Sends a request without waiting for its answer, which is read before that of the next one."""
        with self._lock:
            self._ahead.append(Ahead((verb, *words), self._send(verb, *words), monotonic()))

    def _answer(self, verb: str, seq: int, deadline: float) -> Answered:
        """The code of an answer, and its lines as (key, value)."""
        lines: list[tuple[str, str]] = []
        taken = 0
        while not (line := self._line(deadline)).startswith("."):
            taken += len(line) + 1
            if taken > ANSWER_LIMIT or len(lines) == ANSWER_LINES:
                raise self._broken(f"answers {verb} without end")
            key, _, value = line.partition(" ")
            lines.append((key, value))
        return self._last(line, seq), lines

    def _send(self, verb: str, *words: str) -> int:
        seq = next(self._numbers)
        request = line_of(seq, (verb, *words))
        if self.lost:
            raise self._broken("was lost")
        while self._ahead:
            unread = self._ahead.popleft()
            self._answer(unread.words[0], unread.number, monotonic() + self._timeout)
        self.sent(verb, words)
        try:
            self._pipe.send(request, self._timeout)
        except Retryable:
            self.close()
            raise
        return seq

    def _more(self, deadline: float, size: int = CHUNK) -> bytes:
        left = deadline - monotonic()
        if left <= 0:
            raise self._broken("does not answer in time")
        try:
            data = self._pipe.recv(size, left)
        except Retryable:
            self.close()
            raise
        if not data:
            raise self._broken("ended the connection")
        return data

    def _line(self, deadline: float) -> str:
        while b"\n" not in self._buffer:
            if len(self._buffer) > LINE_LIMIT:
                raise self._broken("answers a line without end")
            self._buffer += self._more(deadline, LINE_LIMIT)  # little: each line is cut off its front
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode("utf-8", "backslashreplace")

    def _stream(self, size: int, write: Callable[[bytes], object], deadline: float) -> None:
        while size > 0:
            data = self._buffer or self._more(min(deadline, monotonic() + SILENCE))
            self._buffer = data[size:]
            try:
                require_lease(self.host)
                write(data[:size])
            except BaseException:
                self.close()
                raise
            size -= min(size, len(data))

    def _last(self, line: str, seq: int) -> str:
        head, _, code = line.partition(" ")
        if head != f".{seq}" or not re.fullmatch(r"[a-z]+", code):
            raise self._broken(f"talks out of turn: {line[:80]!r}")
        return code

    def _broken(self, what: str) -> Retryable:
        self.close()
        return Retryable(Code.HOST_UNREACHABLE, f"{self.host}: the gate {what}")
