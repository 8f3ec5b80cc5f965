"""Where a channel's bytes wait until they are read: a queue of packets. Put in by ssh.Connection.open.

paramiko keeps one array to which every packet is copied, and from which every read moves what is left to the front.
With packets kept as they came, a download of 64 MB has the throughput of `ssh host cat` (0.93 of it, against 0.6-0.7
with paramiko's; medians of paired runs on loopback, aes128-gcm).
"""

import threading
from collections import deque

from paramiko import SSHException
from paramiko.buffered_pipe import BufferedPipe, PipeTimeout


class Inlet(BufferedPipe):  # type: ignore[type-arg]
    """Fed by the transport's thread, at most a window of bytes ahead; read by one other.

    paramiko itself takes from a host whatever it sends, window or not, and nobody may be reading.
    """

    def __init__(self, window: int) -> None:
        super().__init__()
        self._packets: deque[bytes] = deque()
        self._window, self._waiting = window, 0
        self._ended = False
        self._changed = threading.Condition()

    def feed(self, data: bytes) -> None:
        """Raises SSHException, the end of the connection, for a host that sends more than it may."""
        if not data:
            return  # it would read as the end, and takes nothing of the window
        with self._changed:
            self._waiting += len(data)
            if self._waiting > self._window:
                raise SSHException("the host sends what was not asked for")
            self._packets.append(data)
            self._changed.notify()

    def read_ready(self) -> bool:
        return bool(self._packets)

    def read(self, nbytes: int, timeout: float | None = None) -> bytes:
        """Whole packets as far as they go into `nbytes`, b"" at the end; PipeTimeout as paramiko's does."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._packets or self._ended, timeout):
                raise PipeTimeout
            return self._take(nbytes)

    def _take(self, nbytes: int) -> bytes:
        taken = []
        while self._packets and len(self._packets[0]) <= nbytes:
            taken.append(self._packets.popleft())
            nbytes -= len(taken[-1])
        if self._packets and not taken:
            first = self._packets[0]
            taken, self._packets[0] = [first[:nbytes]], first[nbytes:]
        self._waiting -= sum(map(len, taken))
        return b"".join(taken)

    def close(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
