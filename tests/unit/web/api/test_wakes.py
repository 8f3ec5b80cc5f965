"""Waiting on the event loop for what another thread does."""

import asyncio
from concurrent.futures import Future

import pytest

from app.web.api.wakes import Wakes


def test_what_is_done_together_wakes_the_loop_once_and_everybody_has_their_own_answer() -> None:
    asked: list[Future[int]] = [Future() for _ in range(50)]
    woken = 0

    async def wait_for_all() -> list[int]:
        loop, wakes = asyncio.get_running_loop(), Wakes()
        soon = loop.call_soon_threadsafe

        def counting(*what: object) -> object:
            nonlocal woken
            woken += 1
            return soon(*what)  # type: ignore[arg-type]

        loop.call_soon_threadsafe = counting  # type: ignore[assignment, method-assign]
        waiting = [asyncio.ensure_future(wakes.result(each)) for each in asked]
        await asyncio.sleep(0)  # all of them wait now
        for number, each in enumerate(asked):
            each.set_result(number)
        return await asyncio.gather(*waiting)

    assert asyncio.run(wait_for_all()) == [*range(50)]
    assert woken == 1


def test_a_failure_reaches_only_who_waits_for_it_and_one_who_went_away_holds_up_nobody() -> None:
    async def wait() -> int:
        wakes, gone, failed, good = Wakes(), Future[int](), Future[int](), Future[int]()
        left = asyncio.ensure_future(wakes.result(gone))
        refused, answered = asyncio.ensure_future(wakes.result(failed)), asyncio.ensure_future(wakes.result(good))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.to_thread(gone.set_result, 1)
        await asyncio.to_thread(failed.set_exception, OSError("the disk is full"))
        await asyncio.to_thread(good.set_result, 3)
        with pytest.raises(OSError, match="the disk is full"):
            await refused
        return await answered

    assert asyncio.run(wait()) == 3
