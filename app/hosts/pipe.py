"""Bytes to and from a remote command or a tunnel, on a channel of paramiko.

`Pipe` is what the gate's client uses. ssh.Connection.open makes a ChannelPipe, ssh.Connection.tunnel a Tunnel.
"""

import time
from contextlib import suppress
from typing import Protocol

import paramiko

from app.errors import Code, Retryable

LOST = (OSError, EOFError, paramiko.SSHException)  # everything that paramiko raises when a connection is lost
SLICE = 1.0
MOMENT = 0.3
WORDS = 2048  # bytes kept of a command's stderr: the last ones


class Pipe(Protocol):
    """Bytes to and from a remote command. Timeouts are in seconds.

    Every method raises Retryable(HOST_UNREACHABLE) when the time is up or the connection is lost. One thread at a time.
    """

    def send(self, data: bytes, timeout: float) -> None:
        """Sends all of `data`. After Retryable it is unknown how much of it arrived."""

    def recv(self, size: int, timeout: float) -> bytes:
        """At least one byte and at most `size`; b"" once the other side has closed its end."""

    def close(self) -> None:
        """Never raises, may be repeated."""


class ChannelPipe:
    """A Pipe on a session channel. The end of the command's stderr is kept."""

    def __init__(self, channel: paramiko.Channel, host: str) -> None:
        self._channel = channel
        self._host = host
        self._words = b""

    def send(self, data: bytes, timeout: float) -> None:
        end = time.monotonic() + timeout
        while data:
            data = data[self._send_some(data, end, timeout) :]

    def _send_some(self, data: bytes, end: float, timeout: float) -> int:
        self._channel.settimeout(max(end - time.monotonic(), 0.0))
        try:
            sent = self._channel.send(data)
        except TimeoutError as fault:
            raise self._passing(f"took nothing more for {timeout:.3g} s") from fault
        except LOST as fault:
            raise self._passing(f"the connection was lost while sending ({one_line(fault)})") from fault
        if not sent:
            raise self._passing("the remote command ended before it had read everything")
        return sent

    def recv(self, size: int, timeout: float) -> bytes:
        end = time.monotonic() + timeout
        while True:
            try:
                return self._recv_some(size, end)
            except TimeoutError as fault:
                if time.monotonic() >= end:
                    raise self._passing(f"no answer within {timeout:.3g} s") from fault
            except LOST as fault:
                raise self._passing(f"the connection was lost ({one_line(fault)})") from fault

    def _recv_some(self, size: int, end: float) -> bytes:
        self._listen()
        self._channel.settimeout(min(max(end - time.monotonic(), 0.0), SLICE))
        data = self._channel.recv(size)
        if not data and not self._channel.eof_received:
            raise EOFError("cut without an end of file")
        return data

    def _listen(self) -> None:
        """stderr fills the same window as stdout: unread, it would stop the command for good."""
        while self._channel.recv_stderr_ready():
            self._words = (self._words + self._channel.recv_stderr(65536))[-WORDS:]

    def finish(self) -> None:
        """Sends the end of the input; the answer may still come. Never raises."""
        try:
            self._channel.shutdown_write()
        except LOST:
            return

    def last_words(self) -> str:
        """The end of the command's stderr until now, unescaped."""
        with suppress(*LOST):
            self._listen()
        return self._words.decode("utf-8", "replace")

    def status(self) -> int | None:
        """The exit status of a command that has ended; None for a signal, a lost connection or an unreported end."""
        self._channel.status_event.wait(MOMENT)
        return self._channel.exit_status if self._channel.exit_status >= 0 else None

    def close(self) -> None:
        try:
            self._channel.close()
        except LOST:
            return

    def _passing(self, what: str) -> Retryable:
        return Retryable(Code.HOST_UNREACHABLE, f"host {self._host}: {what}")


class Tunnel(ChannelPipe):
    """A TCP connection from the host onwards. Retryable also means that the far end is silent; `alive` says which."""

    @property
    def alive(self) -> bool:
        """False once the connection to the host itself is known to be lost."""
        transport = self._channel.get_transport()
        if self._channel.closed and not self._channel.eof_received:
            transport.join(MOMENT)  # a transport that ends closes its channels first
        return bool(transport.is_active())

    @property
    def open(self) -> bool:
        """Whether neither side has closed it."""
        return not self._channel.closed


def one_line(fault: BaseException) -> str:
    """A foreign exception as one line of at most 200 printable characters. It may quote what the host sent."""
    said = " ".join(str(fault).split())[:200] or type(fault).__name__
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in said)
