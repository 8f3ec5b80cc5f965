"""One GET over a tunnel, for profilers. h11 reads the protocol.

The server is not trusted: its silence, its headers, its body and its padding are all bounded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from types import MappingProxyType
from typing import Protocol

import h11

from app.errors import Retryable
from app.hosts.pipe import Pipe, one_line

CHUNK = 256 << 10
HEAD_LIMIT = 64 << 10  # bytes of headers, or of any other piece that is not body
SPARE = HEAD_LIMIT + CHUNK  # bytes allowed beyond twice the body, against endless tiny chunks
SAID_LIMIT = 4096  # bytes kept of an answer other than 200


class Line(Pipe, Protocol):
    """The part of a Tunnel that is needed here."""

    @property
    def alive(self) -> bool: ...

    def finish(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds: until the answer begins, between two pieces of it, and for the whole."""

    first: float
    silence: float
    whole: float


@dataclass(frozen=True, slots=True)
class Reply:
    """How an answer ended.

    status: 0 if no answer came. size: bytes written. said: the body of an answer other than 200, or the target of a
    redirect. fault: why there is no complete answer, as the end of a sentence about the server; "" for a complete one,
    whatever its status. closed_after: seconds until the connection was closed without a byte; 0 if it was not. date:
    the answer's Date header, "" if it has none.
    """

    status: int
    size: int = 0
    said: str = ""
    fault: str = ""
    closed_after: float = 0.0
    date: str = ""


def get(
    line: Line,
    host: str,
    path: str,
    write: Callable[[bytes], object],
    *,
    limit: int,
    deadlines: Deadlines,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Reply:
    """The answer to `GET path`. The body of a 200 goes to `write`.

    host: for the Host header; path: valid as it is; limit: bytes of body; headers: further ones. Raises Retryable when
    the connection to the host is lost, and what `write` raises. Whatever the server does is a Reply.
    """
    return _Exchange(line, write, limit, deadlines).run(path, {"Host": host, **headers})


class _Broken(Exception):
    """The text says what the server did, as in Reply.fault."""


class _Exchange:
    def __init__(self, line: Line, write: Callable[[bytes], object], limit: int, deadlines: Deadlines) -> None:
        self._line, self._write, self._limit, self._deadlines = line, write, limit, deadlines
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
        self._begun = monotonic()
        self._end = self._begun + deadlines.whole
        self._closed_after = 0.0
        self._taken = self._size = self._status = 0  # bytes received, bytes of body, status
        self._said = self._date = b""

    def run(self, path: str, headers: Mapping[str, str]) -> Reply:
        fault = ""
        try:
            self._ask(path, headers)
            while not self._over():
                pass
        except _Broken as broken:
            fault = str(broken)
        except h11.RemoteProtocolError as error:
            fault = self._so_far() if self._status else f"answers no HTTP ({one_line(error)})"
        said = " ".join(self._said.decode("utf-8", "replace").split())
        said = one_line(ValueError(said)) if said else ""
        return Reply(self._status, self._size, said, fault, self._closed_after, self._date.decode("latin-1"))

    def _ask(self, path: str, more: Mapping[str, str]) -> None:
        headers = {**more, "User-Agent": "alertprof", "Accept-Encoding": "identity", "Connection": "close"}
        request = self._http.send(h11.Request(method="GET", target=path, headers=[*headers.items()])) or b""
        request += self._http.send(h11.EndOfMessage()) or b""
        try:
            self._line.send(request, self._deadlines.silence)
        except Retryable as fault:
            raise self._broken("takes no request", fault) from fault

    def _over(self) -> bool:
        """Deals with the next event."""
        match self._http.next_event():
            case h11.NEED_DATA:
                self._http.receive_data(self._more())
            case h11.InformationalResponse():
                pass
            case h11.Response() as response:
                self._status = response.status_code
                self._date = dict(response.headers).get(b"date", b"")
                if 300 <= self._status < 400:
                    self._said = dict(response.headers).get(b"location", b"")[:SAID_LIMIT]
                    return True
            case h11.Data() as data:
                return self._body(bytes(data.data))
            case h11.EndOfMessage():
                return True
            case _:
                raise _Broken("gives no answer")
        return False

    def _body(self, data: bytes) -> bool:
        if self._status != 200:
            self._said += data[: SAID_LIMIT - len(self._said)]
            return len(self._said) >= SAID_LIMIT
        if self._size + len(data) > self._limit:
            raise _Broken(f"sends more than {self._limit >> 20} MiB, the most that is taken")
        self._write(data)
        self._size += len(data)
        return False

    def _more(self) -> bytes:
        if self._taken > 2 * self._size + len(self._said) + SPARE:
            raise _Broken("sends padding instead of an answer")
        left = self._end - monotonic()
        if left <= 0:
            raise _Broken(f"was not done after {self._deadlines.whole:g} s")
        wait = self._deadlines.silence if self._taken else self._deadlines.first
        asked = monotonic()
        try:
            data = self._line.recv(CHUNK, min(wait, left))
        except Retryable as fault:
            if monotonic() - asked < min(wait, left):  # sshd may end a tunnel without an end of what comes over it
                self._closed()
            raise self._broken(self._so_far(), fault) from fault
        if not data and not self._taken:
            self._closed()
            raise _Broken(f"answers no HTTP: it closed the connection after {self._closed_after:.1f} s without a byte")
        self._taken += len(data)
        return data

    def _closed(self) -> None:
        """The server, or something on the way to it, closed the connection."""
        self._closed_after = 0.0 if self._taken else monotonic() - self._begun

    def _so_far(self) -> str:
        return f"broke off after {self._size} bytes" if self._status else "gives no answer"

    def _broken(self, what: str, fault: Retryable) -> Exception:
        """The server's fault, or that of the connection to the host."""
        return _Broken(what) if self._line.alive else fault
