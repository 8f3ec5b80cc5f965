"""Several requests to net/http/pprof at the same time: the recordings, and meanwhile the profiles that need no time.
Some of those are requested once more when the recordings are over.

Each request has a tunnel and a thread of its own. The caller receives the files one by one, in the caller's thread.
"""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from app.errors import Code, Retryable
from app.hosts.http import Deadlines, Line, Reply
from app.hosts.ssh import NotReached
from app.model import Kind
from app.profilers.base import Fetched
from app.profilers.goroutines import COUNTED, Census
from app.profilers.heap_age import TEXT, Tail, as_of
from app.profilers.limits import instead
from app.profilers.part import Part
from app.profilers.servers import Server
from app.profilers.slices import cut_short, sliced, why

INDEX_LIMIT = 1 << 20  # bytes
ANSWER = 60.0  # seconds for a busy process to begin an answer
SILENCE = 45.0  # seconds; longer than a dead connection to the host stays unnoticed
SENDING = 600.0  # seconds for one whole answer, besides the recording
BEGUN = 0.5  # seconds within which a process that is being profiled already says so
POLL = 0.5  # seconds
GRACE = 30.0  # seconds for a recording to arrive once its end was requested
SETTLING = 6  # requests for a slice while the recording before it still ends
IN_USE = re.compile("already in use|already enabled")
TOUCH = 60.0  # seconds between two uses of the gate, so that the pool does not close the connection as idle


class Takes:
    """The requests of one capture to one server. The files go to `folder`.

    ended_after: seconds after which the recordings were ended early; 0 if they were not
    shorter: the kinds that were not recorded in one piece of the requested length, and why
    heaps: as of when the numbers of a heap profile are, by its file's name
    census: how many goroutines there are
    """

    def __init__(self, server: Server, folder: Path, goroutines: int | None = None) -> None:
        self._server, self._folder, self.census = server, folder, Census(goroutines)
        self._lock = Lock()
        self._lines: list[tuple[Part, Line]] = []
        self._begun = self._touched = monotonic()
        self._give_up_at = self._latest = 0.0
        self._over = self._recording_over = self._recorded = False
        self._lacking = set[Kind]()
        self.ended_after = 0.0
        self.shorter: dict[Kind, str] = {}
        self.heaps: dict[str, str] = {}

    def all(
        self,
        recorded: Sequence[Part],
        instant: Sequence[Part],
        keep: Callable[[Fetched], None],
        stopping: Callable[[], bool],
        *,
        after: Sequence[Part] = (),
        before: Sequence[Part] = (),
    ) -> None:
        """Fetches every part and hands it to `keep` as it arrives. Ends the recordings early once `stopping` is true.

        recorded, instant, after: the parts that take time, those to request meanwhile, and those to request when the
        recordings are over. Of the last, none is requested if no recording was made, and none of a kind that could not
        be had the first time. before: those to request first of all; nothing waits for them.

        Raises Retryable if the connection to the host is lost or `stopping` raises (then nothing goes on recording), or
        if somebody else is profiling the process; in that case nothing else is requested from it."""
        self._recorded = not recorded
        if not any(part.query == COUNTED.query for part in instant):
            self.census.close(None)
        longest = max((part.seconds for part in recorded), default=0)
        self._latest = self._begun + 2 * longest + SENDING  # shorter recordings and slices have an end, too
        with ThreadPoolExecutor(len(before) + len(recorded) + 1, thread_name_prefix="pprof") as threads:
            try:
                early = [threads.submit(self._take, part) for part in before]
                first = [threads.submit(self._take, part) for part in recorded[:1]]
                for future in wait(first, BEGUN).done:
                    future.result()
                rest = [threads.submit(self._take, part) for part in (*recorded[1:], *instant)]
                self._keep_all({*early, *first, *rest}, keep, stopping)
                self._recording_over = True
                for part in after:  # one after the other: the process may be at its limit
                    if self._recorded and part.kind not in self._lacking:
                        self._keep_all({threads.submit(self._take_again, part)}, keep, stopping)
            finally:
                self._abandon()
                threads.shutdown(wait=False, cancel_futures=True)

    def _keep_all(
        self, pending: set[Future[Fetched | None]], keep: Callable[[Fetched], None], stopping: Callable[[], bool]
    ) -> None:
        while pending:
            done, pending = wait(pending, POLL, FIRST_COMPLETED)
            for fetched in filter(None, (future.result() for future in done)):
                keep(fetched)
            if pending and stopping() and not self._give_up_at:
                self._end_early()
            if self._give_up_at and monotonic() > self._give_up_at:
                self._abandon()
            if monotonic() > self._touched + TOUCH:
                self._touched = monotonic()
                self._server.pool.gate(self._server.host)

    def _take(self, part: Part) -> Fetched | None:
        """The part's file; None for a part that the server does not have and need not have, or that costs too much."""
        if part.below and not self.census.fewer_than(part.below):
            return None
        fetched = self._fetched(part) if not part.listed or self._lists(part) else None
        if fetched is None or fetched.fault:
            self._lacking.add(part.kind)
        elif part.seconds:
            self._recorded = True
        elif part.query == "heap" and not part.optional:
            self._date(part)
        if part.query == COUNTED.query:
            self.census.close(fetched)
        return fetched

    def _take_again(self, part: Part) -> Fetched | None:
        """A part once more. A connection to the host that is lost now does not cost what is home."""
        path, said = self._folder / part.name, ""
        for _ in range(2):  # the second time on a new connection
            try:
                return self._take(part)
            except Retryable as lost:
                said = lost.reason.message
        self._recorded = False
        path.touch()
        return Fetched(part.kind, path, path.stat().st_size, said, part.suffix)

    def _fetched(self, part: Part) -> Fetched | None:
        path = self._folder / part.name
        part, reply = self._longest(part, path)
        if cut_short(part.seconds, reply):
            return self._in_slices(part, path, reply.closed_after)
        if part.optional and reply.status == 404:
            return None
        if part.kind is Kind.CPU and reply.status == 500 and "already in use" in reply.said:
            raise Retryable(
                Code.ALREADY_PROFILING,
                f"{self._server.host}: {self._server.place} is being profiled already, by hand or by another program; "
                "that is left alone",
            )
        return Fetched(part.kind, path, reply.size, self._fault(part, reply), part.suffix)

    def _lists(self, part: Part) -> bool:
        """Whether the server's index page lists the part."""
        page = bytearray()
        reply = self._got(replace(part, query="", limit=INDEX_LIMIT), page.extend)
        return reply.status == 200 and f"{part.query}?" in page.decode("utf-8", "replace")

    def _date(self, heap: Part) -> None:
        """Notes as of when the numbers of a heap profile are: only its text says that."""
        text = Tail()
        reply = self._got(replace(heap, query=TEXT), text.add)
        if said := as_of(text.tail, reply.date) if reply.status == 200 and not reply.fault else "":
            self.heaps[heap.name] = said

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
            self._give_up_at = monotonic() + GRACE
            self.ended_after = 0.0 if self._recording_over else monotonic() - self._begun
            for part, line in self._lines:
                if part.seconds:
                    line.finish()

    def _abandon(self) -> None:
        with self._lock:
            self._over = True
            for _, line in self._lines:
                line.close()

    def _fault(self, part: Part, reply: Reply) -> str:
        asked = f"GET {self._server.path_of(part.query)}"
        if reply.fault:
            return f"{asked}: {self._server.place} {reply.fault}"
        if reply.status == 404:
            return f"{asked}: not found: this program does not serve it"
        return "" if reply.status == 200 else f"{asked} was answered with {reply.status}: {reply.said[:200]}"
