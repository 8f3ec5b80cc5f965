"""The buffer of a channel: a queue of packets. Installed by ssh.Connection.open.

paramiko copies every packet to one array, and every read moves the rest of it to the front. With a queue, a download of
64 MB reaches 0.93 of the throughput of `ssh host cat`, instead of 0.6 to 0.7 (medians of paired runs on loopback,
aes128-gcm).
"""

import threading
from collections import deque

from paramiko import SSHException
from paramiko.buffered_pipe import BufferedPipe, PipeTimeout


class Inlet(BufferedPipe):  # type: ignore[type-arg]
    """Fed by the transport's thread, read by one other thread. window: bytes that may wait in it.

    paramiko itself does not enforce the window: it takes whatever a host sends, even if nobody reads.
    """

    def __init__(self, window: int) -> None:
        super().__init__()
        self._packets: deque[bytes] = deque()
        self._window, self._waiting = window, 0
        self._ended = False
        self._changed = threading.Condition()

    def feed(self, data: bytes) -> None:
        """Adds a packet. Raises SSHException, which ends the connection, for a host that sends more than the window."""
        if not data:
            return  # an empty packet would read as the end
        with self._changed:
            self._waiting += len(data)
            if self._waiting > self._window:
                raise SSHException("the host sends what was not asked for")
            self._packets.append(data)
            self._changed.notify()

    def read_ready(self) -> bool:
        """Whether read() would return at once."""
        return bool(self._packets)

    def read(self, nbytes: int, timeout: float | None = None) -> bytes:
        """Whole packets that fit into `nbytes`; b"" at the end. Raises PipeTimeout."""
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
        """Ends the buffer once its packets are read."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
