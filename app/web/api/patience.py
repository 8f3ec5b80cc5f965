"""Questions that may hang, asked on behalf of somebody who does not wait for long: a probe, a scrape."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Patience(Generic[T]):
    """`ask`, in a thread of its own and one at a time: whoever asks while it hangs waits for the same answer.

    Any thread may call it. name: of the thread; within: seconds for which a caller waits."""

    def __init__(self, name: str, ask: Callable[[], T], within: float) -> None:
        self._name, self._ask, self._within = name, ask, within
        self._turn = Lock()
        self._answer: Future[T] | None = None

    def __call__(self) -> T:
        """Raises TimeoutError if there is no answer in time, and what `ask` raises."""
        with self._turn:
            if (answer := self._answer) is None:
                self._answer = answer = Future[T]()
                Thread(target=self._run, args=(answer,), name=self._name, daemon=True).start()
        return answer.result(self._within)

    def _run(self, answer: Future[T]) -> None:
        try:
            found = self._ask()
        except BaseException as fault:  # whoever asks has to be answered, and the next one has to ask again
            self._answer = None
            answer.set_exception(fault)
        else:
            self._answer = None
            answer.set_result(found)
