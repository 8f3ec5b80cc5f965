"""A newest sshd that shuts our address out after a refused key, and one that has no place left: it says one sentence
for both. What alertprof says to each, and how many logins the server then still sees.
"""

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from app.errors import AlertprofError
from app.hosts.ssh import Connector
from tests.lab.process import eventually
from tests.lab.sshd import Sshd, make_key
from tests.matrix import newest
from tests.matrix.servers import parts_of, version

HEAD = ("server", "set up", "what alertprof says", "logins in the next five tries")
SET_UP = {
    "PerSourcePenalties, after a refused key": "PerSourcePenalties authfail:60s min:1s",
    "MaxStartups 1, which somebody holds": "MaxStartups 1",
}


def rows() -> Iterator[tuple[str, ...]]:
    programs = newest.programs()
    for set_up, line in SET_UP.items():
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            made = Sshd(Path(folder), config=(line, *parts_of(programs)), program=str(programs / "sshd"))
            server = stack.enter_context(made)
            disturb = refused_key if "Penalties" in set_up else held_place
            disturb(server, stack)
            yield version([str(programs / "sshd"), "-V"]), set_up, *turned_away(server)


def refused_key(server: Sshd, _stack: ExitStack) -> None:
    """The penalty is counted after the connection has ended."""
    settings = server.settings()
    stranger = replace(settings.ssh, identity_files=(make_key(server.directory / "stranger"),))
    said(Connector(replace(settings, ssh=stranger)).connect, server.host)
    eventually(lambda: "penalty" in server.log(), "the penalty is counted")


def held_place(server: Sshd, stack: ExitStack) -> None:
    """The server may still hold the place of whoever looked whether it is up."""

    def greeted() -> bool:
        peer = stack.enter_context(socket.create_connection((server.host, server.port)))
        return peer.recv(4) == b"SSH-"

    eventually(greeted, "the only place is ours")


def turned_away(server: Sshd) -> tuple[str, str]:
    connect = Connector(server.settings()).connect
    first = said(connect, server.host)
    before = server.log().count("drop connection")
    for _ in range(5):
        said(connect, server.host)
    return first.partition(": ")[2], str(server.log().count("drop connection") - before)


def said(connect: Callable[[str], object], host: str) -> str:
    try:
        connect(host)
    except AlertprofError as fault:
        return fault.reason.message
    return "connected"
