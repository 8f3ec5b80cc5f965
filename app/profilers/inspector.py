"""The inspector of one Node process: whether it is open, and the one message that closes it. For node_inspector.py."""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from time import monotonic, sleep

from app.errors import Code, Retryable
from app.gate.answers import Process
from app.gate.pool import HostPool
from app.hosts.http import Deadlines, get
from app.hosts.ssh import NotReached
from app.hosts.websocket import send_and_close
from app.profilers.node_script import message

ADDRESS, PORT = "127.0.0.1", 9229  # Node's own
LIST_LIMIT = 64 << 10  # bytes
ANSWER = Deadlines(first=10, silence=10, whole=20)  # seconds
TARGET = re.compile(rb'"webSocketDebuggerUrl": "ws://[^/"]{1,100}/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')
POLL = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Inspector:
    """The place where a process's inspector is, once SIGUSR1 has opened it."""

    pool: HostPool
    host: str
    pid: int

    def reachable(self) -> bool:
        """Whether anybody takes connections there. Raises Refused if sshd does not forward."""
        try:
            self.pool.tunnel(self.host, ADDRESS, PORT).close()
        except NotReached:
            return False
        return True

    def is_open(self) -> bool:
        """Whether it is this process that listens there."""
        return self.reachable() and (ADDRESS, PORT) in self.pool.gate(self.host).ports(self.pid).listening

    def opens_within(self, seconds: float) -> bool:
        """Waits until it is open."""
        return self._within(seconds, self.is_open)

    def closes_within(self, seconds: float) -> bool:
        """Waits until it is closed."""
        return self._within(seconds, lambda: not self.is_open())

    def close(self, process: Process, file: str, seconds: float) -> None:
        """Has the process record for so many seconds (0: not at all), and close its inspector at once.

        process: as it is now; file: the name of the profile in its TMPDIR. Raises Retryable if the message may not
        have arrived. A message that arrives twice closes twice and records once.
        """
        place = f"{ADDRESS}:{PORT}"
        body = bytearray()
        with closing(self.pool.tunnel(self.host, ADDRESS, PORT)) as line:
            reply = get(line, place, "/json/list", body.extend, limit=LIST_LIMIT, deadlines=ANSWER)
        found = TARGET.search(body)
        if reply.fault or not found:
            why = reply.fault or f"answers {reply.status}"
            raise Retryable(Code.TIMEOUT, f"{self.host}: pid {self.pid} has no inspector of Node at {place}: it {why}")
        text = message(process.nspid, file, round(seconds * 1000))
        with closing(self.pool.tunnel(self.host, ADDRESS, PORT)) as line:
            send_and_close(line, f"ws://{place}/{found[1].decode()}", text, ANSWER.whole)

    @staticmethod
    def _within(seconds: float, holds: Callable[[], bool]) -> bool:
        end = monotonic() + seconds
        while not holds():
            if monotonic() > end:
                return False
            sleep(POLL)
        return True
