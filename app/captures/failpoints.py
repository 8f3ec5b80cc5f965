"""Points at which the service can be made to die: before and after every commit and every remote act.

ALERTPROF_FAILPOINT=N ends the process, as kill -9 would, at the N-th point that it passes. `make crash POINTS=all` runs
N = 1, 2, 3 … until a capture completes untouched. Called by main.py. Unless the variable is set, nothing is patched and
nothing costs time. The patched classes know nothing of it.
"""

import functools
import itertools
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from app.gate.client import Gate
from app.hosts.pipe import ChannelPipe
from app.hosts.ssh import Connection, Connector
from app.ledger.ledger import Ledger
from app.stores import Directory

VARIABLE = "ALERTPROF_FAILPOINT"
KILLED = 137  # the status of a shell's child that was killed by signal 9
PLACES: tuple[tuple[type, tuple[str, ...]], ...] = (
    (Ledger, ("migrate", "receive", "create", "claim", "save", "release")),
    (Connector, ("connect",)),
    (Connection, ("open",)),
    (ChannelPipe, ("send",)),  # after it: the request is on its way, the answer is not here
    (Gate, ("process", "look", "processes", "listeners", "start", "dump", "status", "stop", "fetch", "drop")),
    (Directory, ("put",)),
)


def arm() -> None:
    """Sets the points if the variable is set."""
    if fatal := int(os.environ.get(VARIABLE) or 0):
        passed = functools.partial(_pass, itertools.count(1), fatal)
        for owner, names in PLACES:
            for name in names:
                setattr(owner, name, _guarded(getattr(owner, name), f"{owner.__name__}.{name}", passed))


def _pass(numbers: "itertools.count[int]", fatal: int, where: str) -> None:
    if next(numbers) == fatal:
        print(f"failpoint {fatal}: {where}", file=sys.stderr, flush=True)  # noqa: T201 - the log may be a thread away
        os._exit(KILLED)


def _guarded(act: Callable[..., Any], name: str, passed: Callable[[str], None]) -> Callable[..., Any]:
    def after(_: object = None) -> None:
        passed(f"after {name}")

    @functools.wraps(act)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        passed(f"before {name}")
        came = act(*args, **kwargs)
        if isinstance(came, Future):  # a delivery: the commit is in another thread
            came.add_done_callback(after)
        else:
            after()
        return came

    return guarded
