"""Several requests to net/http/pprof at the same time: the recordings, and meanwhile the profiles that need no time.

Each request has a tunnel and a thread of its own. The caller receives the files one by one, in the caller's thread.
"""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from app.errors import Code, Retryable
from app.hosts.http import Deadlines, Line, Reply
from app.hosts.ssh import NotReached
from app.model import Kind
from app.profilers.base import Fetched
from app.profilers.limits import instead
from app.profilers.servers import Server
from app.profilers.slices import cut_short, sliced, why

PROFILE_LIMIT = 256 << 20  # bytes
ANSWER = 60.0  # seconds for a busy process to begin an answer
SILENCE = 45.0  # seconds; longer than a dead connection to the host stays unnoticed
SENDING = 600.0  # seconds for one whole answer, besides the recording
BEGUN = 0.5  # seconds within which a process that is being profiled already says so
POLL = 0.5  # seconds
GRACE = 30.0  # seconds for a recording to arrive once its end was requested
SETTLING = 6  # requests for a slice while the recording before it still ends
IN_USE = re.compile("already in use|already enabled")
TOUCH = 60.0  # seconds between two uses of the gate, so that the pool does not close the connection as idle


@dataclass(frozen=True, slots=True)
class Part:
    """One GET and the artifact that it brings.

    query: below the server's path, such as heap
    limit: bytes of the answer at most
    seconds: how long Go records for it; 0 for a profile that needs no time
    """

    kind: Kind
    query: str
    suffix: str = ".pprof"
    limit: int = PROFILE_LIMIT
    seconds: int = 0

    def lasting(self, seconds: int) -> "Part":
        """The same with another length."""
        return replace(self, query=f"{self.query.partition('?')[0]}?seconds={seconds}", seconds=seconds)


class Takes:
    """The requests of one capture to one server. The files go to `folder`.

    ended_after: seconds after which the recordings were ended early; 0 if they were not
    shorter: the kinds that were not recorded in one piece of the requested length, and why
    """

    def __init__(self, server: Server, folder: Path) -> None:
        self._server, self._folder = server, folder
        self._lock = Lock()
        self._lines: list[tuple[Part, Line]] = []
        self._begun = self._touched = monotonic()
        self._give_up_at = self._latest = 0.0
        self._over = False
        self.ended_after = 0.0
        self.shorter: dict[Kind, str] = {}

    def all(
        self,
        recorded: Sequence[Part],
        instant: Sequence[Part],
        keep: Callable[[Fetched], None],
        stopping: Callable[[], bool],
    ) -> None:
        """Fetches every part and hands it to `keep` as it arrives. Ends the recordings early once `stopping` is true.

        Raises Retryable if the connection to the host is lost (then nothing goes on recording), or if somebody else is
        profiling the process; in that case nothing else is requested from it."""
        longest = max((part.seconds for part in recorded), default=0)
        self._latest = self._begun + 2 * longest + SENDING  # shorter recordings and slices have an end, too
        with ThreadPoolExecutor(len(recorded) + 1, thread_name_prefix="pprof") as threads:
            try:
                first = [threads.submit(self._take, part) for part in recorded[:1]]
                for future in wait(first, BEGUN).done:
                    future.result()
                rest = [threads.submit(self._take, part) for part in (*recorded[1:], *instant)]
                self._keep_all({*first, *rest}, keep, stopping)
            finally:
                self._abandon()
                threads.shutdown(wait=False, cancel_futures=True)

    def _keep_all(
        self, pending: set[Future[Fetched]], keep: Callable[[Fetched], None], stopping: Callable[[], bool]
    ) -> None:
        while pending:
            done, pending = wait(pending, POLL, FIRST_COMPLETED)
            for future in done:
                keep(future.result())
            if pending and not self.ended_after and stopping():
                self._end_early()
            if self.ended_after and monotonic() > self._give_up_at:
                self._abandon()
            if monotonic() > self._touched + TOUCH:
                self._touched = monotonic()
                self._server.pool.gate(self._server.host)

    def _take(self, part: Part) -> Fetched:
        path = self._folder / f"{part.kind.value}{part.suffix}"
        part, reply = self._longest(part, path)
        if cut_short(part.seconds, reply):
            return self._in_slices(part, path, reply.closed_after)
        if part.kind is Kind.CPU and reply.status == 500 and "already in use" in reply.said:
            raise Retryable(
                Code.ALREADY_PROFILING,
                f"{self._server.host}: {self._server.place} is being profiled already, by hand or by another program; "
                "that is left alone",
            )
        return Fetched(part.kind, path, reply.size, self._fault(part, reply), part.suffix)

    def _longest(self, asked: Part, path: Path) -> tuple[Part, Reply]:
        """The recording at the requested length, or at the greatest that the server allows."""
        part = asked
        while True:
            began = monotonic()
            reply = self._into(part, path)
            less = instead(part.seconds, reply.status, reply.said, monotonic() - began)
            if less is None:
                return part, reply
            part = part.lasting(less[0])
            missing = asked.seconds - part.seconds
            self.shorter[part.kind] = f"of {part.seconds} s, {missing} s shorter than asked for: {less[1]}"

    def _into(self, part: Part, path: Path) -> Reply:
        with path.open("wb") as file:
            return self._got(part, file.write)

    def _in_slices(self, part: Part, path: Path, closed_after: float) -> Fetched:
        """A recording that could not be made in one piece. Several traces cannot be merged: one short trace is made."""
        wanted = part.seconds if part.kind is Kind.CPU else 1
        got = sliced(wanted, path, closed_after, lambda s, to: self._slice(part.lasting(s), to), lambda: self._ending)
        if not got.paths:
            return Fetched(part.kind, path, 0, f"{self._fault(part, got.reply)}; {why(closed_after)}", part.suffix)
        first, *rest = got.paths
        seconds = min(got.seconds, wanted)
        reasons = (self.shorter.get(part.kind), f"of {len(got.paths)} slices of {seconds} s, since {why(closed_after)}")
        self.shorter[part.kind] = "; ".join(filter(None, reasons))
        fault = self._fault(part, got.reply)
        return Fetched(part.kind, first, got.size, fault, part.suffix, slices=tuple(rest))

    def _slice(self, part: Part, path: Path) -> Reply:
        """One slice, requested until Go has noticed that the connection of the slice before was closed."""
        for _ in range(SETTLING):
            reply = self._into(part, path)
            if reply.status != 500 or not IN_USE.search(reply.said):
                break
            sleep(POLL)
        return reply

    @property
    def _ending(self) -> bool:
        return self._over or self.ended_after > 0

    def _got(self, part: Part, write: Callable[[bytes], object]) -> Reply:
        deadlines = Deadlines(part.seconds + ANSWER, SILENCE, part.seconds + SENDING)
        try:
            with closing(self._server.line()) as line:
                if not self._may_go_on(part, line):
                    return Reply(0, fault="was not asked: the end came before")
                return self._server.get(line, part.query, write, limit=part.limit, deadlines=deadlines)
        except NotReached:
            return Reply(0, fault="takes no connection any more")

    def _may_go_on(self, part: Part, line: Line) -> bool:
        with self._lock:
            self._lines.append((part, line))
            over = self._over or monotonic() > self._latest
            return not over and not (self.ended_after and part.seconds)

    def _end_early(self) -> None:
        """Closes our half of the recordings' connections: Go stops profiling and sends what it has."""
        with self._lock:
            self.ended_after, self._give_up_at = monotonic() - self._begun, monotonic() + GRACE
            for part, line in self._lines:
                if part.seconds:
                    line.finish()

    def _abandon(self) -> None:
        with self._lock:
            self._over = True
            for _, line in self._lines:
                line.close()

    def _fault(self, part: Part, reply: Reply) -> str:
        asked = f"GET {self._server.path}/{part.query}"
        if reply.fault:
            return f"{asked}: {self._server.place} {reply.fault}"
        if reply.status == 404:
            return f"{asked}: not found: this program does not serve it"
        return "" if reply.status == 200 else f"{asked} was answered with {reply.status}: {reply.said[:200]}"
