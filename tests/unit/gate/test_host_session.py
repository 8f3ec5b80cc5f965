"""Two gates on one connection: what becomes of one when the other cannot be opened."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.errors import Code, Retryable
from app.gate.host_session import HostSession
from app.hosts.ssh import NoSession, NotReached

SILENT = Retryable(Code.HOST_UNREACHABLE, "10.0.0.5: no session was opened (no answer within 10 s)")
NO_HOME = Retryable(Code.HOST_UNREACHABLE, "10.0.0.5: the gate does not let us work there: '.0 nohome'")
NOBODY = NotReached(Code.HOST_UNREACHABLE, "10.0.0.5: nothing takes connections there")
NO_MORE = NoSession(Code.HOST_UNREACHABLE, "10.0.0.5: sshd gives no further one")


class Host:
    """A host that takes connections, and opens a gate on each as `opens` says."""

    def __init__(self) -> None:
        self.connections: list[Any] = []
        self.opens: Callable[[], object] = lambda: None
        connector = cast(Any, SimpleNamespace(connect=self._connect, pace=SimpleNamespace(turn=nullcontext)))
        self.session = HostSession("10.0.0.5", connector, self._enter)

    def _connect(self, host: str) -> Any:
        connection = SimpleNamespace(alive=True, user="profiler", tunnel=lambda *_: SimpleNamespace(open=False))
        connection.close = lambda: setattr(connection, "alive", False)
        self.connections.append(connection)
        return connection

    def _enter(self, connection: Any, *, fresh: bool = False, ahead: Any = ()) -> Any:
        if not connection.alive:
            raise Retryable(Code.HOST_UNREACHABLE, "10.0.0.5: the connection was lost")
        self.opens()
        return SimpleNamespace(connection=connection, lost=False, sent=None, answers=lambda: True)

    def fails(self, fault: Retryable) -> None:
        """From now on no gate opens."""

        def fail() -> None:
            raise fault

        self.opens = fail


@pytest.mark.parametrize("fault", [SILENT, NO_HOME])
def test_a_recording_s_connection_stays_while_no_second_session_can_be_opened(fault: Retryable) -> None:
    host = Host()
    gate = host.session.gate()
    host.fails(fault)
    with pytest.raises(Retryable, match=re.escape(str(fault))):
        host.session.files()
    assert host.connections[0].alive
    assert host.session.gate() is gate


def test_where_sshd_opens_one_session_it_is_the_one_for_files_too() -> None:
    host = Host()
    gate = host.session.gate()
    host.fails(NO_MORE)
    assert host.session.files() is gate


def test_a_connection_that_nobody_else_is_on_makes_way_for_a_new_one() -> None:
    host = Host()
    host.session.gate().lost = True
    faults = [SILENT]
    host.opens = lambda: faults and (_ for _ in ()).throw(faults.pop())
    host.session.gate()
    assert [connection.alive for connection in host.connections] == [False, True]


@pytest.mark.parametrize("asked", [lambda host: host.files(), lambda host: host.tunnel("127.0.0.1", 6060)])
def test_a_connection_that_opens_nothing_and_whose_gate_is_silent_makes_way_for_a_new_one(
    asked: Callable[[HostSession], object],
) -> None:
    host = Host()

    def falls_silent() -> bool:
        gate.lost = True
        return False

    gate: Any = host.session.gate()
    gate.answers = falls_silent
    faults = [SILENT]
    host.opens = lambda: faults and (_ for _ in ()).throw(faults.pop())
    host.connections[0].tunnel = lambda *_: (_ for _ in ()).throw(SILENT)
    asked(host.session)
    assert [connection.alive for connection in host.connections] == [False, True]


def test_a_host_that_says_that_nothing_listens_keeps_its_connection() -> None:
    host = Host()
    host.session.gate().answers = pytest.fail  # type: ignore[method-assign]
    host.connections[0].tunnel = lambda *_: (_ for _ in ()).throw(NOBODY)
    with pytest.raises(NotReached):
        host.session.tunnel("127.0.0.1", 6060)
    assert [connection.alive for connection in host.connections] == [True]


def test_after_a_restart_of_the_host_no_gate_of_the_earlier_connection_is_asked() -> None:
    host = Host()
    host.session.gate()
    host.session.files()
    host.connections[0].alive = False
    files, gate = host.session.files(), host.session.gate()
    assert len(host.connections) == 2
    assert {files.connection is host.connections[1], gate.connection is host.connections[1]} == {True}  # type: ignore[attr-defined]
