"""Which processes of a host could be profiled, and how? For doctor.py."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from app.captures.specs import spec_of
from app.errors import AlertprofError, Code, Refused
from app.explain.explanation import Check, Mark
from app.explain.wording import about, because, shown
from app.gate.answers import Process
from app.gate.client import HIDDEN, Gate
from app.gate.facts import SHELLS, Seen
from app.gate.pool import HostPool
from app.model import Blocked

BlockedBuild = Callable[[str], Blocked | None]  # the blocked executable of a build

LOOKS = 100  # processes that are looked at, those with the highest load first
LOOKING = 15.0  # seconds for them
LISTED = 20  # Go programs


def look_at(gate: Gate, pid: int, blocked: BlockedBuild) -> Process | None:
    """The process, and whether signals harm its executable; None if there is no such process."""
    process = gate.look(pid)
    return process and replace(process, blocked=blocked(process.build))


def one_process(pool: HostPool, gate: Gate, pid: int, blocked: BlockedBuild) -> Iterator[Check]:
    """Everything about one process, and how it could be profiled."""
    process = look_at(gate, pid, blocked)
    if process is None:
        message = f"it is not shown: {HIDDEN}" if gate.hides() else f"there is no such process on {gate.host}"
        yield Check(Mark.NO, f"pid {pid}", message)
        return
    for line in about(process):
        yield Check(Mark.NOTE, f"pid {pid}", line)
    if process.live:
        yield Check(Mark.NOTE, f"pid {pid}", f"it is being profiled just now ({' '.join(process.live)})")
    try:
        yield how_profiled(pool, gate, process)
    except Refused as refused:
        yield Check(Mark.NO, f"pid {pid}", refused.reason.message)


def busiest_processes(
    pool: HostPool, gate: Gate, processes: tuple[Seen, ...], blocked: BlockedBuild
) -> Iterator[Check]:
    """The busiest Go programs, and how each could be profiled or why it cannot."""
    end, listed, others = time.monotonic() + LOOKING, 0, 0
    wanted = busiest(processes)[:LOOKS]
    for number, each in enumerate(wanted):
        if listed == LISTED or time.monotonic() > end:
            wanted = wanted[:number]
            break
        if (process := look_at(gate, each.id.pid, blocked)) is None:
            continue
        check = if_profilable(pool, gate, process)
        listed, others = listed + bool(check), others + (not check)
        if check:
            yield check
    rest = f" (of {len(processes)} the {len(wanted)} busiest were looked at; --pid looks at another)"
    if not listed:
        yield Check(Mark.NOTE, "processes", f"none can be profiled, and none is a Go program{rest}")
    elif others or len(wanted) < len(processes):
        yield Check(Mark.NOTE, "processes", f"{others} more are no Go programs{rest}")
    if gate.hides():
        yield Check(Mark.NOTE, "processes", HIDDEN)
    elif gate.user != "0" and (hidden := sum(not each.exe for each in processes)):
        message = (
            f"{hidden} belong to accounts into which uid {gate.user} cannot look: log in as root, or set become: sudo"
        )
        yield Check(Mark.NOTE, "processes", message)


def busiest(processes: tuple[Seen, ...]) -> list[Seen]:
    """The programs that are no shells, those with the highest load first."""
    newest = max((each.id.start for each in processes), default=0)
    seen = sorted((each for each in processes if each.exe), key=lambda each: load(each, newest), reverse=True)
    return [each for each in seen if name_of(each.exe) not in SHELLS]


def load(seen: Seen, newest: int) -> float:
    """The part of a core that the process has used since its start. newest: the latest start of all, which is about now
    (in ticks since the boot)."""
    return seen.ticks / (newest - seen.id.start + 100)


def if_profilable(pool: HostPool, gate: Gate, process: Process) -> Check | None:
    """As how_profiled, with a reason for a Go program that cannot be; None for any other program.

    A fault that may pass is this process's alone: it may have ended while it was looked at."""
    try:
        return how_profiled(pool, gate, process)
    except AlertprofError as fault:
        final = isinstance(fault, Refused) and fault.reason.code is Code.NOT_PERMITTED
        check = Check(Mark.NO if final else Mark.NOTE, named(process), fault.reason.message)
        return check if process.go_version else None


def how_profiled(pool: HostPool, gate: Gate, process: Process) -> Check:
    """How the process would be profiled. Raises Refused, or Retryable if the host does not answer."""
    selection = spec_of("auto").choose(process, gate.host, pool)
    free = "" if process.free_bytes is None else f"; {process.free_bytes >> 20} MiB are free where its files would go"
    return Check(Mark.OK, named(process), f"can be profiled by {selection.name}{because(selection.why)}{free}")


def named(process: Process) -> str:
    """The process for a sentence: its pid and executable."""
    return f"pid {process.id.pid} ({shown(process.exe or process.comm)})"


def name_of(exe: str) -> str:
    """The last part of a path."""
    return exe.rpartition("/")[2]
