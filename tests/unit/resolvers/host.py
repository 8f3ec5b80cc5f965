"""A host in memory, as its gate tells of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from app.errors import Code, Refused
from app.gate.answers import Mode, Process
from app.gate.client import Gate
from app.gate.facts import Named, Pod, Ports, Seen
from app.model import ProcessId
from app.resolvers.base import Candidates, Resolver

ID = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4


def seen(
    pid: int,
    exe: str = "/srv/orders",
    *groups: str,
    parent: int = 1,
    inner: int = 0,
    addresses: Iterable[str] = (),
    argv0: str = "",
) -> Seen:
    identity, comm = ProcessId("boot", pid, pid, "1:1"), exe.rpartition("/")[2][:15]
    return Seen(
        identity, comm, exe, parent=parent, inner=inner or pid, groups=groups, addresses=tuple(addresses), argv0=argv0
    )


@dataclass
class Host:
    """`listening`: port -> who; `words`: pid -> its arguments; `go_zero`: pids; `own`: its addresses; `known_as`: its
    names, of which whoever asks uses the first that is known."""

    processes_: tuple[Seen, ...] = ()
    listening: Mapping[int, tuple[Seen, ...]] | None = None
    words: Mapping[int, str] | None = None
    go_zero: tuple[int, ...] = ()
    pods_: tuple[Pod, ...] = ()
    named_: tuple[Named, ...] = ()
    own: tuple[str, ...] = ("127.0.0.1", "10.0.0.5")
    known_as: tuple[str, ...] = ("h", "10.0.0.5")
    host: str = "h"

    def reach(self, host: str, _pid: int = 0) -> Gate:
        if host not in self.known_as:
            raise Refused(Code.HOST_NOT_ALLOWED, f"{host!r} is no host of ours")
        return cast(Gate, replace(self, host=host))

    def processes(self) -> tuple[Seen, ...]:
        return self.processes_

    def process(self, pid: int) -> tuple[Seen, ...]:
        return tuple(each for each in self.processes_ if each.id.pid == pid)

    def listeners(self, port: int) -> tuple[Seen, ...]:
        return (self.listening or {}).get(port, ())

    def ports(self, pid: int) -> Ports:
        pids = {port: {each.id.pid for each in who} for port, who in (self.listening or {}).items()}
        return Ports(tuple(("0.0.0.0", port) for port in pids if pid in pids[port]))

    def addresses(self) -> tuple[str, ...]:
        return self.own

    def pods(self) -> tuple[Pod, ...]:
        return self.pods_

    def named(self) -> tuple[Named, ...]:
        return self.named_

    def look(self, pid: int) -> Process | None:
        words = tuple((self.words or {}).get(pid, "").split())
        mode = Mode.TOGGLE if pid in self.go_zero else Mode.NONE
        return Process(
            id=ProcessId("boot", pid, pid, "1:1"), comm="", exe="", cmdline=words, state="S", uid=0, nspid=pid,
            traced=False, mode=mode, gozero_version="", go_version="", catches=False, listens=False,
            readable=True, live=(), free_bytes=None, age=1.0,
        )  # fmt: skip


def found(resolver: Resolver, asked: Host, /, **labels: str) -> list[int] | None:
    """The pids of the candidates; None when the resolver does not feel addressed."""
    answer = resolver.find(labels, asked.reach)
    assert answer is None or isinstance(answer, Candidates)
    return [each.id.pid for each in answer.processes] if answer else None
