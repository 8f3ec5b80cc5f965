"""The socket and the transport, tuned for short waits and bounded sizes. Used by ssh.Connector.

Facts and figures: docs/performance.md. paramiko sets no socket option at all, and two stalls of 40 ms each (Nagle on
our side, delayed acknowledgements against sshd's Nagle on the other) are most of an untuned login.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import paramiko

from app.hosts import algorithms, names
from app.hosts.inlet import Inlet

# its errors also arrive as exceptions; its log would only repeat them with a traceback
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

PACKET = 1 << 18  # bytes; as OpenSSH, and eight times what is asked for
GREETING = 1 << 16  # bytes before the protocol begins
READ_AHEAD = 1 << 18  # bytes; with 64 KiB, a download costs as much processor time as without
# Bytes in flight on one channel, as `ssh` has it. Where the network is slower than the disk, sshd buffers the rest and
# copies it with every packet: a window of 8 MiB costs it twenty times the processor time.
LARGEST_WINDOW = 2 << 20
IDLE_CHECK = 5.0  # paramiko's own is 0.1 s: ten wake-ups a second for every idle connection


class Wire(socket.socket):
    """A TCP socket that acknowledges at once while `eager`, and notices a dead peer. One thread reads it.

    paramiko asks for the length of each packet and then for the rest. Each question to the kernel may cost this thread
    its turn, so what has come is read at once, and kept."""

    eager = True
    _kept, _at = b"", 0  # what has come; how much of it was handed on

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if self._at == len(self._kept):
            self._kept, self._at = super().recv(max(bufsize, READ_AHEAD), flags), 0
            if self.eager:  # the kernel resets the option with every segment
                self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        data = self._kept[self._at : self._at + bufsize]
        self._at += len(data)
        return data

    def send(self, data: Any, flags: int = 0, /) -> int:
        try:
            return super().send(data, flags)
        except TimeoutError as fault:  # paramiko would retry without end
            raise ConnectionAbortedError("the host takes nothing more") from fault

    def close(self) -> None:
        with suppress(OSError):  # wakes the thread that waits in recv
            self.shutdown(socket.SHUT_RDWR)
        super().close()


def dial(address: str, port: int, timeout: float) -> Wire:
    """A connection to the first address that answers, within `timeout` seconds for name and addresses together.

    Raises OSError.
    """
    end = time.monotonic() + timeout
    fault: OSError = OSError(f"no address for {address}")
    for family, _, _, _, where in look_up(address, port, timeout):
        try:
            return _dialled(family, where, max(end - time.monotonic(), 0.001))
        except OSError as error:
            fault = error
    raise fault


def _dialled(family: int, where: Any, timeout: float) -> Wire:
    wire = Wire(family, socket.SOCK_STREAM)
    try:
        for level, option, value in (
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            (socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1),
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 8000),
        ):
            wire.setsockopt(level, option, value)
        wire.settimeout(timeout)
        wire.connect(where)
    except OSError:
        wire.close()
        raise
    return wire


def look_up(address: str, port: int, timeout: float) -> Iterable[Any]:
    """getaddrinfo with a timeout in seconds, which the resolver does not have. Raises OSError."""
    if names.address(address):
        return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(address, port, type=socket.SOCK_STREAM))
        except OSError as fault:
            answer.append(fault)

    asking = threading.Thread(target=ask, daemon=True, name=f"resolve {address}")
    asking.start()
    asking.join(timeout)
    if not answer:
        raise TimeoutError(f"the name {address} was not resolved within {timeout:.3g} s")
    if isinstance(answer[0], OSError):
        raise answer[0]
    return list(answer[0])


class Packets(paramiko.packet.Packetizer):
    """Bounds packets and greetings: paramiko would read whatever size a host announces, up to 4 GiB, before the host is
    authenticated."""

    greeting = b""  # everything before the protocol, its first line included

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        if n > PACKET:
            raise paramiko.SSHException(f"a packet of {n} bytes")
        return super().read_all(n, check_rekey)

    def _read_timeout(self, timeout: float) -> bytes:
        data: bytes = super()._read_timeout(timeout)  # type: ignore[misc]
        self.greeting += data
        if len(self.greeting) > GREETING:
            raise paramiko.SSHException("a greeting without end")
        return data


class Channels(paramiko.transport.ChannelMap):
    """Gives every channel its Inlets before the host knows about it: the far end of a tunnel may send first, and more
    than is read."""

    def put(self, chanid: int, chan: paramiko.Channel) -> None:
        chan.in_buffer, chan.in_stderr_buffer = Inlet(LARGEST_WINDOW), Inlet(LARGEST_WINDOW)
        super().put(chanid, chan)


def transport(sock: Any, pinned_kinds: Iterable[str]) -> algorithms.Transport:
    """An unstarted transport over `sock` that prefers the pinned types of host keys."""
    made = algorithms.Transport(sock, packetizer_class=Packets)
    made._channels = Channels()  # type: ignore[attr-defined]
    algorithms.prefer(made, pinned_kinds)
    # a rekey that paramiko begins itself may stop the transport for good (paramiko#822); 32 GiB is half of OpenSSH's
    made.packetizer.REKEY_BYTES = 1 << 35
    made.packetizer.REKEY_PACKETS = 1 << 31
    return made


@contextmanager
def within(seconds: float, give_up: Callable[[], None]) -> Iterator[threading.Event]:
    """Calls `give_up` from another thread unless the block ends within `seconds`. The event is set if it was called."""
    expired = threading.Event()

    def act() -> None:
        expired.set()
        give_up()

    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()
