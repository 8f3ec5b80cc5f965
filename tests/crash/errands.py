"""The three ways to disturb: kill -9 at a random moment, at every known point, and cut connections."""

import itertools
import random
import time
from contextlib import suppress
from datetime import UTC, datetime

from app.captures.failpoints import KILLED, VARIABLE
from tests.crash.stage import GONE, Actor, Stage
from tests.lab.process import Late, eventually
from tests.lab.proxy import Cut
from tests.lab.service import ENDS

UNRESTORED = 0.3  # of the cuts
DEAD_MAN = 5.0  # seconds after its plan the target's own stop acts


def at_random(stage: Stage, chance: random.Random) -> dict[int, float]:
    """For every actor a moment within the whole of its capture, each moment as likely as any other. A few are later
    than its end was the last time: it may take longer now."""
    return {n: chance.uniform(0.0, 1.2 * actor.length) for n, actor in enumerate(stage.actors)}


# ---------------------------------------------------------------------- kill -9 at a random moment


def kill(stage: Stage, chance: random.Random) -> None:
    """One service life: every capture is killed at its own random moment. Now and then the restart is killed too, or
    does not come before the targets had to help themselves."""
    stage.play(at_random(stage, chance))
    killed_at = datetime.now(UTC)
    stage.service.kill9()
    how = chance.choices(["restarted at once", "killed twice", "dead for long"], [6, 3, 1])[0]
    if how == "killed twice":
        stage.service.process.start()
        time.sleep(chance.uniform(0.0, 4.0))
        stage.service.kill9()
    if how == "dead for long":
        await_own_stops(stage)
    stage.service.restart()
    stage.settle()
    stage.judge(stage.actors, disturbed_at=killed_at)
    stage.tally.disturbed[how] += 1


def await_own_stops(stage: Stage) -> None:
    """Nobody is there to stop them. Whoever does not stop is found by the judge."""
    longest = max(actor.plan for actor in stage.actors)
    with suppress(Late):
        eventually(lambda: not any(a.service.recording() for a in stage.actors), "they stop", longest + DEAD_MAN + 6)


# ---------------------------------------------------------------------- kill at every point


def point(stage: Stage, actor: Actor, number: int) -> str | None:
    """A capture in a service that dies at its `number`-th point: that point's name. None: it came through untouched."""
    stage.service.process.stop()
    stage.service.process.env[VARIABLE] = str(number)
    actor.begin()
    killed_at = datetime.now(UTC)
    stage.service.process.start()
    try:
        fatal = _lived(stage, actor)
    finally:
        del stage.service.process.env[VARIABLE]
    if fatal:
        stage.service.restart()
        stage.insist(actor)
        with suppress(Late):
            stage.service.wait_capture(actor.capture_id)
    stage.judge([actor], disturbed_at=killed_at if fatal else None)
    return fatal


def _lived(stage: Stage, actor: Actor) -> str | None:
    """Until the service dies of its point, or the capture has ended."""
    process = stage.service.process

    def over() -> bool:
        if not actor.capture_id:
            actor.deliver_if_it_lives(stage.service)
        with suppress(*GONE):
            return bool(actor.capture_id) and stage.service.capture(actor.capture_id)["state"] in ENDS
        return False

    with suppress(Late):
        eventually(lambda: not process.alive or over(), "it dies or ends", 90)
    if process.alive:
        return None
    assert process.status == KILLED, f"alertprof died of {process.status}:\n{process.tail()}"
    said = process.log.read_text(errors="replace").splitlines()
    return next(line for line in reversed(said) if line.startswith("failpoint ")).partition(": ")[2]


class Walk:
    """The numbers 1, 2, 3 … for one semantics, taken by several stages, until one of them passes untouched."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.untouched_at: int | None = None

    def steps(self, stage: Stage, actor: Actor) -> None:
        for number in self._numbers:
            if self.untouched_at is not None:
                return
            fatal = point(stage, actor, number)
            if fatal is None:
                self.untouched_at = number
            else:
                stage.tally.disturbed[fatal] += 1


# ---------------------------------------------------------------------- cut connections


def cut(stage: Stage, chance: random.Random, how: Cut | None = None) -> None:
    """The service lives; its line to the hosts does not. In a share of the rounds it is not restored before the
    toggling processes had to stop by themselves."""
    assert stage.line
    how = how or chance.choice(list(Cut))
    stage.play(at_random(stage, chance))
    cut_at = datetime.now(UTC)
    stage.line.cut(how)
    if chance.random() < UNRESTORED:
        alone = [actor for actor in stage.actors if actor.name == "toggle" and actor.service.recording()]
        await_own_stops(stage)
        stage.tally.disturbed[f"{how}, not restored while they recorded"] += 1
        stage.tally.disturbed["toggling processes that had to stop by themselves"] += len(alone)
    else:
        time.sleep(chance.uniform(0.1, 4.0))
        stage.tally.disturbed[f"{how}, restored"] += 1
    stage.line.restore()
    stage.settle()
    stage.judge(stage.actors, disturbed_at=cut_at)
