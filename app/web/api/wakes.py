"""Waiting on the event loop for what other threads do. Used by the webhook."""

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


class Wakes:
    """Awaits futures of other threads. Those that are done together wake the loop once, where asyncio.wrap_future wakes
    it for each."""

    def __init__(self) -> None:
        self._of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Wakes] = WeakKeyDictionary()

    async def result(self, future: Future[T]) -> T:
        """The result of `future`. Raises what it raises."""
        if not future.done():
            loop = asyncio.get_running_loop()
            mine = self._of_loops.get(loop) or self._of_loops.setdefault(loop, _Wakes())
            waiter = loop.create_future()
            future.add_done_callback(lambda _: mine.wake(loop, waiter))
            await waiter
        return future.result()


class _Wakes:
    """Of one loop."""

    def __init__(self) -> None:
        self._ready: deque[asyncio.Future[None]] = deque()
        self._woken = False

    def wake(self, loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None]) -> None:
        """Lets the waiter go on. Called in any thread."""
        self._ready.append(waiter)
        if not self._woken:
            self._woken = True
            loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        self._woken = False  # first: who comes from now on wakes the loop again
        while self._ready:
            waiter = self._ready.popleft()
            if not waiter.done():
                waiter.set_result(None)
