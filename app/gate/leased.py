"""May this thread still act on hosts? Only while the lease on the capture that it works on holds.

A replica that was stopped for a while (SIGSTOP, a suspended machine) goes on in the middle of a step. The worker says
for how long a step may act; acts.py and pool.py ask right before they send, and what comes home asks piece by piece
(exchange.py, captures/collecting.py), so that a replica that was cut off lets go by itself. What was under way already
is refused by the target's journal, by its fence.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from app.errors import Code, Retryable

_holds: ContextVar[Callable[[], bool]] = ContextVar("holds", default=lambda: True)


@contextmanager
def leased(holds: Callable[[], bool]) -> Iterator[None]:
    """What is done within, in this thread, acts on hosts only while this is true."""
    before = _holds.set(holds)
    try:
        yield
    finally:
        _holds.reset(before)


def require_lease(host: str) -> None:
    """Raises Retryable where the lease is over. Without one (a person asks), anything may be done."""
    if not _holds.get()():
        raise Retryable(Code.TIMEOUT, f"{host}: left alone, since another replica may have taken the capture over")
