"""`doctor`: proves the way to a host step by step, from the name to the processes.

Called by the command line. Nothing is changed on the host and no signal is sent. The sentences and their remedies are
those of the modules that would meet the same obstacle during a capture.
"""

import time
from collections.abc import Iterator
from contextlib import closing

from app.errors import AlertprofError
from app.explain.doctor_login import LoginSteps, with_remedy
from app.explain.doctor_ports import forwarding, forwards, opened
from app.explain.doctor_processes import LOOKS, BlockedBuild, busiest, busiest_processes, one_process
from app.explain.doctor_shell import IS_INSTALLED, shell
from app.explain.explanation import Check, Mark
from app.explain.wording import way_to
from app.gate.pool import HostPool
from app.hosts import wire
from app.hosts.route import Route
from app.hosts.settings import HostsSettings
from app.hosts.ssh import Connector
from app.redaction import BUILT_IN, Redaction

TIMEOUT = 10.0  # seconds for a name
IS_A_NAME = "Add it to DNS or to /etc/hosts, or say under hosts: by which address it is reached"


def examined(
    settings: HostsSettings,
    host: str,
    pid: int | None = None,
    blocked: BlockedBuild = lambda build: None,
    redaction: Redaction = BUILT_IN,
) -> Iterator[Check]:
    """The steps as they are taken, until one fails that the next ones need. pid: a process to look at in detail;
    blocked: the blocked executable of a build; redaction: of command lines."""
    steps = LoginSteps()
    connector = Connector(settings, steps)
    try:
        route = connector.route(host)
    except AlertprofError as fault:
        yield Check(Mark.NO, "allowed and known", fault.reason.message)
        return
    steps.route = route
    yield Check(Mark.OK, "allowed and known", f"{route.host}, {way_to(route)}")
    name = resolved(route)
    yield name
    if name.mark is Mark.NO:
        return
    try:
        connection = connector.connect(host)
    except AlertprofError as fault:
        yield from steps.succeeded.values()
        yield steps.failed(route, fault)
        return
    yield from steps.succeeded.values()
    with closing(connection):
        yield from shell(connection, time.time)
        why_not = forwards(connection, route.port)
    with closing(HostPool(connector, redaction=redaction)) as pool:
        yield from gate_and_processes(pool, route, pid, why_not, blocked)


def resolved(route: Route) -> Check:
    """The addresses of the name that this machine looks up: the first jump host's, if there is one."""
    first = route.hops[0]
    try:
        found = wire.look_up(first.address, first.port, TIMEOUT)
    except OSError as fault:
        message = f"{first.address} is not resolved ({fault.strerror or fault}). {IS_A_NAME}"
        return Check(Mark.NO, "name", message)
    addresses = ", ".join(dict.fromkeys(str(each[4][0]) for each in found))
    further = f"; {route.address} is looked up by the jump host" if route.jump else ""
    return Check(Mark.OK, "name", f"{first.address} is {addresses}{further}")


def gate_and_processes(
    pool: HostPool, route: Route, pid: int | None, refused: str, blocked: BlockedBuild
) -> Iterator[Check]:
    """Port forwarding, the gate and the processes.

    refused: why sshd's own port cannot be reached through a tunnel, "" if it can.
    """
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
            yield from one_process(pool, gate, pid, blocked)
        else:
            yield from busiest_processes(pool, gate, processes, blocked)
    except AlertprofError as fault:
        yield Check(Mark.NO, "processes", fault.reason.message)
