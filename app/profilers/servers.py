"""One server of net/http/pprof: how it is asked, and whether it is the very process that is meant.

The command line alone is no proof: in containers everything is called /app, and a gateway passes on what it is asked.
But a profile tells where the code lay in memory of the process that made it, and the kernel puts that elsewhere for
every program that is begun. So a small profile is asked for first, and all that come home are looked at.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass

from app.analysis.profile import BadProfile, Mapped, read
from app.errors import Code, Refusal
from app.hosts.door import Door
from app.hosts.facts import Layout, Span
from app.hosts.gate import Process
from app.hosts.http import Line, Patience, Reply, get
from app.hosts.pipe import told
from app.hosts.ssh import NotReached
from app.profilers.places import Place

CMDLINE_LIMIT = 2 << 20  # bytes; as much as Linux takes
CMDLINE_SEEN = 2000  # bytes of it that the gate tells
SAMPLE_LIMIT = 1 << 20  # bytes of a small profile, whole and unpacked: it is read in this very process
SAMPLES = ("threadcreate", "goroutine", "heap")  # the first of them that is served and small enough
FIXED = 1 << 63  # x86's vsyscall lies up there, in every process at the same place


@dataclass(frozen=True, slots=True)
class Server:
    """What listens at a place of a host; `path` is its /debug/pprof."""

    door: Door
    host: str
    place: Place
    path: str

    def line(self) -> Line:
        return self.door.tunnel(self.host, self.place.address, self.place.port)

    def get(self, line: Line, query: str, write: Callable[[bytes], object], *, limit: int, patience: Patience) -> Reply:
        return get(line, str(self.place), f"{self.path}/{query}", write, limit=limit, patience=patience)

    def small(self, query: str, limit: int, patience: Patience) -> tuple[Reply, bytes]:
        """A short answer, held in memory."""
        said = bytearray()
        with closing(self.line()) as line:
            reply = self.get(line, query, said.extend, limit=limit, patience=patience)
        return reply, bytes(said)

    def other(self, process: Process, patience: Patience) -> str:
        """What answers there instead of a process with this one's command line, as the end of a sentence; "" when
        none does."""
        try:
            reply, said = self.small("cmdline", CMDLINE_LIMIT, patience)
        except NotReached:
            return "takes no connection"
        if reply.fault or reply.status != 200:
            return reply.fault or f"answers {reply.status}"
        return "" if same_words(said, process.cmdline) else "answers for a process with another command line"

    def prove(self, process: Process, layout: Layout, patience: Patience) -> None:
        """Raises Refusal when it is another process that answers there with that command line, or when it cannot be
        told. Where no profile is served that is small enough, those that come home will show it."""
        for query in SAMPLES:
            reply, said = self.small(query, SAMPLE_LIMIT, patience)
            if reply.fault or reply.status != 200:
                continue
            try:
                mapped = read(said, limit=SAMPLE_LIMIT).mapped
            except BadProfile:
                continue
            self.must_be(process, layout, mapped)
            return

    def must_be(self, process: Process, layout: Layout, mapped: Iterable[Mapped]) -> None:
        """Raises Refusal unless a profile that tells these mappings is the process's own."""
        if wrong := not_of(process, layout, tuple(mapped)):
            raise Refusal(
                Code.EVIDENCE_CONFLICT,
                f"{self.host}: what {self.place} answers is not proven to come from pid {process.id.pid} "
                f"({process.exe or process.comm}): {wrong}",
            )


def not_of(process: Process, layout: Layout, mapped: tuple[Mapped, ...]) -> str:
    """Why a profile that tells these mappings may be another process's, or "". One of a program that is no Go need not
    tell any."""
    spans = {Span(each.start, each.limit, each.offset) for each in mapped if 0 < each.start < FIXED}
    if not spans:
        silent = "its profiles do not tell where its code lies in memory, as where it has no /proc"
        return silent if process.go_version else ""
    if not spans <= layout.spans:
        return f"{program_of(mapped)} lies elsewhere in memory. Does it pass requests on? Name the process behind it"
    if layout.twins:
        return f"the code of pid {layout.twins[0]} lies in the very same places, so that they cannot be told apart"
    return ""


def program_of(mapped: tuple[Mapped, ...]) -> str:
    first = min((each for each in mapped if each.start), key=lambda each: each.start)
    name = told(ValueError(first.file)) if first.file else "its code"
    return f"{name} there (build id {told(ValueError(first.build_id))})" if first.build_id else f"{name} there"


def same_words(answer: bytes, cmdline: tuple[str, ...]) -> bool:
    """Is that the command line that the gate told? What it makes of the kernel's bytes is made of Go's here."""
    seen = (answer + b"\0").translate(bytes.maketrans(b"\0\n", b"\1 "))[:CMDLINE_SEEN]
    return any(cmdline) and tuple(seen.decode("utf-8", "backslashreplace").rstrip("\1").split("\1")) == cmdline
