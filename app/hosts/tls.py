"""TLS over a tunnel, for servers that speak only TLS. A Line, as http.py takes it.

The certificate is not checked: the kernel shows that the socket at the end of the tunnel belongs to the process, and
the answer is verified by other means.
"""

import ssl
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import TypeVar

from app.errors import Code, Retryable
from app.hosts.http import Line
from app.hosts.pipe import one_line

CHUNK = 256 << 10

T = TypeVar("T")


class TlsLine:
    """TLS over `line`, a tunnel. `refused`: why either side refused the handshake, once it did."""

    def __init__(self, line: Line) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        self._line, self._lock = line, Lock()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out)
        self.refused = ""

    @property
    def alive(self) -> bool:
        return self._line.alive

    def send(self, data: bytes, timeout: float) -> None:
        end = monotonic() + timeout
        self._until(self._tls.do_handshake, end)
        self._until(lambda: self._tls.write(data), end)
        self._flush(end)

    def recv(self, size: int, timeout: float) -> bytes:
        try:
            return self._until(lambda: self._tls.read(size), monotonic() + timeout)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def finish(self) -> None:
        self._line.finish()

    def close(self) -> None:
        self._line.close()

    def _until(self, act: Callable[[], T], end: float) -> T:
        """The result of `act`, once enough has arrived for it. Raises Retryable, and ssl's errors for the end."""
        while True:
            try:
                with self._lock:
                    return act()
            except ssl.SSLWantReadError:
                self._flush(end)
                self._more(end)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                raise
            except ssl.SSLError as error:
                self.refused = one_line(ValueError((error.reason or str(error)).replace("_", " ").lower()))
                raise Retryable(Code.HOST_UNREACHABLE, f"TLS was refused ({self.refused})") from error

    def _flush(self, end: float) -> None:
        with self._lock:
            data = self._out.read()
        if data:
            self._line.send(data, max(end - monotonic(), 0.001))

    def _more(self, end: float) -> None:
        if (left := end - monotonic()) <= 0:  # a server can send endless records that are no answer
            raise Retryable(Code.TIMEOUT, "no answer over TLS in time")
        data = self._line.recv(CHUNK, left)
        with self._lock:
            if data:
                self._in.write(data)
            else:
                self._in.write_eof()
