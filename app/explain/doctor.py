"""Is the way to a host open, and if not, where does it end? Every step from the name to the processes, each looked at.

Called by cli.py (`doctor`). Nothing is changed on the host and no signal is sent. The sentences and their remedies are
those of the rooms that would meet the same obstacle on the way to a capture.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from app.captures.specs import spec_of
from app.errors import AlertprofError, Code, Refused
from app.explain.doctor_ports import forwarding, forwards, opened
from app.explain.explanation import Check, Mark, about, because, shown, way_to
from app.gate.asked import answer
from app.gate.client import HIDDEN, Gate, Process
from app.gate.facts import SHELLS, Seen
from app.gate.pool import HostPool
from app.hosts import wire
from app.hosts.route import Route
from app.hosts.settings import HostsSettings
from app.hosts.ssh import Connection, Connector, NoAlgorithm, Step
from app.model import Blocked

Known = Callable[[str], Blocked | None]

# Asked of the account's own shell; the words in which it answers are read by SHELL_SAYS.
SHELL_ASKED = "exec /bin/sh -c 'echo; echo alertprof $(id -u) $(id -un) $(date +%s) $(readlink /proc/$$/exe)'"
SHELL_SAYS = re.compile(r"^alertprof (?P<uid>\d{1,10}) (?P<name>\S{1,64}) (?P<at>\d{1,12}) ?(?P<sh>\S{0,200})$", re.M)
GATE_SAYS = re.compile(r"^ready \d+ ", re.M)
TIMEOUT = 10.0  # seconds for a name
CLOCKS_APART = 5  # seconds
LOOKS = 100  # at processes, those first that keep a processor most busy
LOOKING = 15.0  # seconds for them
LISTED = 20  # of those that are Go programs

IS_SSHD = "Does sshd run there, on this port, and does a firewall let us through?"
IS_A_NAME = "Add it to DNS or to /etc/hosts, or say under hosts: by which address it is reached"
IS_BOUND = "The key seems to be bound to a gate there: set gate: installed for this host"
IS_INSTALLED = (
    "Is the gate installed there, and is the key bound to it (`alertprof gate` tells how)? Else set gate: sent"
)


@dataclass(slots=True)
class _Login:
    """Hears the steps of a login that succeed, and knows which was next."""

    route: Route | None = None
    heard: dict[tuple[str, Step], Check] = field(default_factory=dict)

    def __call__(self, route: Route, step: Step, said: str) -> None:
        self.heard.setdefault((route.host, step), Check(Mark.OK, self.name(route, step.value), said))

    def name(self, route: Route, what: str) -> str:
        is_jump = self.route is not None and route.host in [hop.host for hop in self.route.hops[:-1]]
        return f"{what} (jump host {route.host})" if is_jump else what

    def ended(self, route: Route, fault: AlertprofError) -> Check:
        """The step that did not succeed."""
        steps = [(hop, step) for hop in route.hops for step in Step if (hop.host, step) not in self.heard]
        hop, step = steps[0] if steps else (route, Step.AUTHENTICATION)
        what = "algorithms" if isinstance(fault, NoAlgorithm) else step.value
        return Check(Mark.NO, self.name(hop, what), with_remedy(fault, IS_SSHD if step is Step.TCP else ""))


def examined(
    settings: HostsSettings, host: str, pid: int | None = None, blocked: Known = lambda build: None
) -> Iterator[Check]:
    """The steps as they are taken; after one without which there is no next, no more. `blocked`: what is known against
    signalling an executable, by its build."""
    login = _Login()
    connector = Connector(settings, login)
    try:
        route = connector.route(host)
    except AlertprofError as fault:
        yield Check(Mark.NO, "allowed and known", fault.reason.message)
        return
    login.route = route
    yield Check(Mark.OK, "allowed and known", f"{route.host}, {way_to(route)}")
    name = resolved(route)
    yield name
    if name.mark is Mark.NO:
        return
    try:
        connection = connector.connect(host)
    except AlertprofError as fault:
        yield from login.heard.values()
        yield login.ended(route, fault)
        return
    yield from login.heard.values()
    with closing(connection):
        yield from shell(connection, time.time)
        why_not = forwards(connection, route.port)
    with closing(HostPool(connector)) as pool:
        yield from beyond(pool, route, pid, why_not, blocked)


def resolved(route: Route) -> Check:
    """Where the name leads that this machine has to look up: the first jump host's, where there is one."""
    first = route.hops[0]
    try:
        found = wire.look_up(first.address, first.port, TIMEOUT)
    except OSError as fault:
        said = f"{first.address} is not resolved ({fault.strerror or fault}). {IS_A_NAME}"
        return Check(Mark.NO, "name", said)
    addresses = ", ".join(dict.fromkeys(str(each[4][0]) for each in found))
    further = f"; {route.address} is looked up by the jump host" if route.jump else ""
    return Check(Mark.OK, "name", f"{first.address} is {addresses}{further}")


def shell(connection: Connection, clock: Callable[[], float]) -> Iterator[Check]:
    """What the key opens: the account's shell, or only the gate."""
    try:
        before = clock()
        said, why = answer(connection, SHELL_ASKED, understood)
        after = clock()
    except AlertprofError as fault:
        yield Check(Mark.NO, "shell", fault.reason.message)
        return
    installed = connection.options.gate == "installed"
    if account := SHELL_SAYS.search(said):
        sh = f", sh is {account['sh']}" if account["sh"] else ""
        beside = "; with gate: installed the key should be bound to the gate, and open none" if installed else ""
        yield Check(Mark.OK, "shell", f"the key opens one, as {account['name']} (uid {account['uid']}){sh}{beside}")
        yield clocks(int(account["at"]), before, after)
    elif GATE_SAYS.search(said) and installed:
        yield Check(Mark.OK, "shell", "the key opens none: it runs the gate, whatever is asked")
    elif GATE_SAYS.search(said):
        yield Check(Mark.NO, "shell", f"the key opens none, it runs a gate. {IS_BOUND}")
    else:
        instead = f": {why}" if why else f", but {said[:200]!r}"
        yield Check(Mark.NO, "shell", f"no POSIX shell and no gate answers{instead}. {IS_INSTALLED}")


def understood(said: bytes) -> bool:
    text = said.decode("utf-8", "replace")
    return text.endswith("\n") and bool(SHELL_SAYS.search(text) or GATE_SAYS.search(text))


def clocks(there: int, before: float, after: float) -> Check:
    """`there`: the host's seconds, read between the two of ours."""
    apart = there - (before if there < before else min(float(there), after))
    if abs(apart) <= CLOCKS_APART:
        return Check(Mark.OK, "clock", "it agrees with ours")
    way = "ahead of" if apart > 0 else "behind"
    return Check(Mark.TOLD, "clock", f"{abs(apart):.0f} s {way} ours; all times that alertprof tells are ours")


def beyond(pool: HostPool, route: Route, pid: int | None, refused: str, blocked: Known) -> Iterator[Check]:
    """What lies behind the login: the gate and the processes. refused: why sshd's own port is not reached."""
    installed, sudo = route.options.gate == "installed", route.options.become == "sudo"
    try:
        gate = pool.gate(route.host)
        processes = gate.processes()
    except AlertprofError as fault:
        yield forwarding(refused)
        yield Check(Mark.NO, "gate", with_remedy(fault, IS_INSTALLED if installed else ""))
        return
    pids = [pid] if pid else [each.id.pid for each in busiest(processes)[:LOOKS]] if refused else []
    yield forwarding(refused, tuple(opened(pool, gate, pids)) if refused else ())
    how = "the installed one answers" if installed else "it is sent, and answers"
    yield Check(Mark.OK, "gate", f"{how}, as uid {gate.user}{' by sudo' if sudo else ''}; {len(processes)} processes")
    try:
        if pid is not None:
            yield from one(pool, gate, pid, blocked)
        else:
            yield from several(pool, gate, processes, blocked)
    except AlertprofError as fault:
        yield Check(Mark.NO, "processes", fault.reason.message)


def looked(gate: Gate, pid: int, blocked: Known) -> Process | None:
    process = gate.look(pid)
    return process and replace(process, blocked=blocked(process.build))


def one(pool: HostPool, gate: Gate, pid: int, blocked: Known) -> Iterator[Check]:
    process = looked(gate, pid, blocked)
    if process is None:
        said = f"it is not shown: {HIDDEN}" if gate.hides() else f"there is no such process on {gate.host}"
        yield Check(Mark.NO, f"pid {pid}", said)
        return
    for line in about(process):
        yield Check(Mark.TOLD, f"pid {pid}", line)
    if process.live:
        yield Check(Mark.TOLD, f"pid {pid}", f"it is being profiled just now ({' '.join(process.live)})")
    try:
        yield can_be(pool, gate, process)
    except Refused as refused:
        yield Check(Mark.NO, f"pid {pid}", refused.reason.message)


def several(pool: HostPool, gate: Gate, processes: tuple[Seen, ...], blocked: Known) -> Iterator[Check]:
    """The busiest Go programs, and how each could be profiled or why it could not."""
    end, listed, others = time.monotonic() + LOOKING, 0, 0
    wanted = busiest(processes)[:LOOKS]
    for number, each in enumerate(wanted):
        if listed == LISTED or time.monotonic() > end:
            wanted = wanted[:number]
            break
        if (process := looked(gate, each.id.pid, blocked)) is None:
            continue
        check = judged(pool, gate, process)
        listed, others = listed + bool(check), others + (not check)
        if check:
            yield check
    rest = f" (of {len(processes)} the {len(wanted)} busiest were looked at; --pid looks at another)"
    if not listed:
        yield Check(Mark.TOLD, "processes", f"none can be profiled, and none is a Go program{rest}")
    elif others or len(wanted) < len(processes):
        yield Check(Mark.TOLD, "processes", f"{others} more are no Go programs{rest}")
    if gate.hides():
        yield Check(Mark.TOLD, "processes", HIDDEN)
    elif gate.user != "0" and (hidden := sum(not each.exe for each in processes)):
        said = (
            f"{hidden} belong to accounts into which uid {gate.user} cannot look: log in as root, or set become: sudo"
        )
        yield Check(Mark.TOLD, "processes", said)


def busiest(processes: tuple[Seen, ...]) -> list[Seen]:
    """Programs other than shells, those first that keep a processor most busy."""
    newest = max((each.id.start for each in processes), default=0)
    seen = sorted((each for each in processes if each.exe), key=lambda each: load(each, newest), reverse=True)
    return [each for each in seen if name_of(each.exe) not in SHELLS]


def load(seen: Seen, newest: int) -> float:
    """Which part of a core it has used since it was started; `newest`: the latest start there is, about now."""
    return seen.ticks / (newest - seen.id.start + 100)


def judged(pool: HostPool, gate: Gate, process: Process) -> Check | None:
    """None for a program of which nothing was to be expected."""
    try:
        return can_be(pool, gate, process)
    except Refused as refused:
        mark = Mark.NO if refused.reason.code is Code.NOT_PERMITTED else Mark.TOLD
        return Check(mark, named(process), refused.reason.message) if process.go_version else None


def can_be(pool: HostPool, gate: Gate, process: Process) -> Check:
    """How it would be profiled. Raises Refusal."""
    selection = spec_of("auto").choose(process, gate.host, pool)
    room = "" if process.free_bytes is None else f"; {process.free_bytes >> 20} MiB are free where its files would go"
    return Check(Mark.OK, named(process), f"can be profiled by {selection.name}{because(selection.why)}{room}")


def named(process: Process) -> str:
    return f"pid {process.id.pid} ({shown(process.exe or process.comm)})"


def name_of(exe: str) -> str:
    return exe.rpartition("/")[2]


def with_remedy(fault: AlertprofError, remedy: str) -> str:
    return f"{fault.reason.message}. {remedy}" if remedy else fault.reason.message
