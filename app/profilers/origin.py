"""Whether a profile comes from the process that is meant, or from another one that answers in its place.

The command line proves nothing: in containers every program is called /app, and a gateway forwards requests. But a
profile says where the code of its process lies in memory, and the kernel chooses another place for every program that
it starts. So a small profile is requested first, and every profile that is fetched is checked.
"""

from collections.abc import Iterable
from dataclasses import replace

from app.analysis.isolate import mapped_of
from app.analysis.profile import BadProfile, Mapped, read
from app.errors import Code, Refused
from app.gate.answers import Process
from app.gate.client import Gate
from app.gate.facts import Layout, Span
from app.hosts.http import Deadlines
from app.hosts.pipe import one_line
from app.profilers.base import Fetched
from app.profilers.servers import Server

SAMPLES = ("threadcreate", "goroutine", "heap")  # the first one that is served and small enough is checked
SAMPLE_LIMIT = 1 << 20  # bytes of a small profile, packed or unpacked: it is read in this process
RANDOM = 1 << 32  # below it, a linker may have fixed the addresses, and they are the same in every process of a program
FIXED = 1 << 63  # above it lies x86's vsyscall page, at the same place in every process


def layout_of(process: Process, gate: Gate) -> Layout:
    """Where the process's code lies in memory. Raises Refused if the process has exited."""
    if layout := gate.layout(process.id.pid):
        return layout
    raise Refused(Code.PROCESS_EXITED, f"{gate.host}: pid {process.id.pid} ({process.exe or process.comm}) has exited")


def prove(server: Server, process: Process, layout: Layout, deadlines: Deadlines) -> None:
    """Raises Refused if another process answers with this command line, or if it cannot be told which one answers.

    If no small profile is served, `prove_all` decides later."""
    for query in SAMPLES:
        reply, body = server.small(query, SAMPLE_LIMIT, deadlines)
        if reply.fault or reply.status != 200:
            continue
        try:
            mapped = read(body, limit=SAMPLE_LIMIT).mapped
        except BadProfile:
            continue
        must_be(server, process, layout, mapped)
        return


def prove_all(server: Server, process: Process, layout: Layout, fetched: Iterable[Fetched]) -> None:
    """Raises Refused if a fetched profile is not proven to be the process's: a gateway may forward some paths only.

    Dumps and traces hold no such evidence; they are accepted with the rest."""
    good = [file for file in fetched if file.suffix.endswith(".pprof") and not file.fault]
    of_pprof = [path for file in good for path in (file.path, *file.slices)]
    seen = replace(layout, spans=layout.spans | loaded(process, server.pool.gate(server.host)))
    for mapped in mapped_of(of_pprof).values():
        must_be(server, process, seen, mapped)


def loaded(process: Process, gate: Gate) -> frozenset[Span]:
    """Where the process's code lies now: it may have loaded more since."""
    later = gate.layout(process.id.pid)
    same = any(seen.id == process.id for seen in gate.process(process.id.pid))
    return later.spans if later and same else frozenset()


def must_be(server: Server, process: Process, layout: Layout, mapped: tuple[Mapped, ...]) -> None:
    """Raises Refused unless a profile with these mappings is the process's own."""
    wrong = not_of(process, layout, mapped) if not server.place.bare else ""
    if server.place.bare and told_by(layout, mapped) is False:
        wrong = f"{program_of(mapped)} is another program, or lies elsewhere in memory"
    if wrong:
        raise conflict(server, process, wrong)


def conflict(server: Server, process: Process, wrong: str) -> Refused:
    """The refusal of what a server answers. wrong: why it may be another process's."""
    return Refused(
        Code.EVIDENCE_CONFLICT,
        f"{server.host}: what {server.place} answers is not proven to come from pid {process.id.pid} "
        f"({process.exe or process.comm}): {wrong}",
    )


def not_of(process: Process, layout: Layout, mapped: tuple[Mapped, ...]) -> str:
    """Why a profile with these mappings may be another process's; "" if it is the process's own.

    A profile of a program that is not written in Go may have no mappings."""
    spans = {Span(each.start, each.limit, each.offset) for each in mapped if 0 < each.start < FIXED}
    if not spans:
        silent = "its profiles do not tell where its code lies in memory, as where it has no /proc"
        return silent if process.go_version else ""
    if not spans <= layout.spans:
        return f"{program_of(mapped)} lies elsewhere in memory. Does it pass requests on? Name the process behind it"
    if layout.twins:
        return f"the code of pid {layout.twins[0]} lies in the very same places, so that they cannot be told apart"
    return ""


def told_by(layout: Layout, mapped: tuple[Mapped, ...]) -> bool | None:
    """Whether mappings that another library than Go's wrote are those of the process with this layout: by its code's
    places in memory, else by the build id of its executable; None if they do not tell."""
    placed = [each for each in mapped if RANDOM <= each.start < FIXED]
    if placed and not layout.twins:
        return any(lies_there(each, layout) for each in placed)
    builds = {each.build_id for each in mapped if each.build_id}
    return layout.build_id in builds if builds and layout.build_id else None


def lies_there(mapped: Mapped, layout: Layout) -> bool:
    """Whether the process has this very part of a file at this address. A mapping need not begin with a page."""
    return any(
        span.start <= mapped.start < span.limit and mapped.start - span.start == mapped.offset - span.offset
        for span in layout.spans
    )


def program_of(mapped: tuple[Mapped, ...]) -> str:
    """The program that a profile was made by, as it names itself."""
    first = min(mapped, key=lambda each: (not each.start, each.start))
    name = one_line(ValueError(first.file)) if first.file else "its code"
    return f"{name} there (build id {one_line(ValueError(first.build_id))})" if first.build_id else f"{name} there"
