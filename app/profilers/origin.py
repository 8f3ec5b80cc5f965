"""Whose a profile is: the process's that is meant, or that of another which answers in its place.

The command line proves nothing: in containers everything is called /app, and a gateway passes on what it is asked. But
a profile tells where the code lay in memory of the process that made it, and the kernel puts that elsewhere for every
program that is begun. So a small profile is asked for first, and all that come home are looked at.
"""

from collections.abc import Iterable

from app.analysis.isolate import mapped_of
from app.analysis.profile import BadProfile, Mapped, read
from app.errors import Code, Refused
from app.gate.client import Gate, Process
from app.gate.facts import Layout, Span
from app.hosts.http import Deadlines
from app.hosts.pipe import one_line
from app.profilers.base import Fetched
from app.profilers.servers import Server

SAMPLES = ("threadcreate", "goroutine", "heap")  # the first of them that is served and small enough
SAMPLE_LIMIT = 1 << 20  # bytes of a small profile, whole and unpacked: it is read in this very process
FIXED = 1 << 63  # x86's vsyscall lies up there, in every process at the same place


def layout_of(process: Process, gate: Gate) -> Layout:
    if layout := gate.layout(process.id.pid):
        return layout
    raise Refused(Code.PROCESS_EXITED, f"{gate.host}: pid {process.id.pid} ({process.exe or process.comm}) has exited")


def prove(server: Server, process: Process, layout: Layout, deadlines: Deadlines) -> None:
    """Raises Refusal when it is another process that answers there with that command line, or when it cannot be told.
    Where no profile is served that is small enough, those that come home will show it."""
    for query in SAMPLES:
        reply, said = server.small(query, SAMPLE_LIMIT, deadlines)
        if reply.fault or reply.status != 200:
            continue
        try:
            mapped = read(said, limit=SAMPLE_LIMIT).mapped
        except BadProfile:
            continue
        must_be(server, process, layout, mapped)
        return


def prove_all(server: Server, process: Process, layout: Layout, home: Iterable[Fetched]) -> None:
    """Raises Refusal when a profile that came home is not proven to be the process's: some paths alone may lead
    elsewhere. Dumps and traces do not tell; they are believed with the rest."""
    good = [file for file in home if file.suffix == ".pprof" and not file.fault]
    of_pprof = [path for file in good for path in (file.path, *file.slices)]
    seen = Layout(layout.spans | loaded(process, server.pool.gate(server.host)), layout.twins)
    for mapped in mapped_of(of_pprof).values():
        must_be(server, process, seen, mapped)


def loaded(process: Process, gate: Gate) -> frozenset[Span]:
    """Where its code lies now: it may have loaded some since."""
    later = gate.layout(process.id.pid)
    same = any(seen.id == process.id for seen in gate.process(process.id.pid))
    return later.spans if later and same else frozenset()


def must_be(server: Server, process: Process, layout: Layout, mapped: tuple[Mapped, ...]) -> None:
    """Raises Refusal unless a profile that tells these mappings is the process's own."""
    if wrong := not_of(process, layout, mapped):
        raise Refused(
            Code.EVIDENCE_CONFLICT,
            f"{server.host}: what {server.place} answers is not proven to come from pid {process.id.pid} "
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
    name = one_line(ValueError(first.file)) if first.file else "its code"
    return f"{name} there (build id {one_line(ValueError(first.build_id))})" if first.build_id else f"{name} there"
