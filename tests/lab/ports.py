"""Loopback ports for the lab's servers: known before the server starts, and the same after its restart."""

import os
import random
import socket
from collections.abc import Iterator
from functools import cache
from itertools import cycle

BELOW_EPHEMERAL = range(20000, 32000)  # the kernel hands these to nobody's outgoing connection


def _mine() -> range:
    """Of several test workers each draws from its own: between the draw and the server's start a port is free."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw").removeprefix("gw")
    return BELOW_EPHEMERAL[int(worker) % 8 * 1500 :][:1500] if worker else BELOW_EPHEMERAL


@cache
def _drawn() -> Iterator[int]:
    """Of those that are ours, in an order of chance: none comes again before all others have."""
    mine = _mine()
    return cycle(random.sample(mine, len(mine)))


def free() -> int:
    """A port on 127.0.0.1 that nobody listens on, and that nobody of us was just given."""
    return next(port for port in _drawn() if not is_open(port) and _can_listen(port))


def is_open(port: int) -> bool:
    """Does somebody on 127.0.0.1 answer here?"""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _can_listen(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
