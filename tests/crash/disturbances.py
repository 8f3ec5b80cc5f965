"""What is done to a fleet: replicas are killed, frozen and cut off from the database; the database crashes; the store
is cut off. Each disturbance has an end, and they overlap as chance has it.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from app.ledger.presence import LEASE
from tests.crash.errands import at_random
from tests.crash.fleet import Fleet, Replica
from tests.lab.proxy import Cut

WITHIN = 3.0  # seconds in which the disturbances of a round begin
DATABASE_EVERY = 60.0  # seconds
STORE = 0.3  # of the rounds
LONGEST_OUTAGE = 8.0  # seconds


@dataclass(frozen=True)
class Disturbance:
    """what: as the report counts it. at, lasts: seconds. end: None where it ends by itself."""

    what: str
    at: float
    begin: Callable[[], object]
    lasts: float = 0.0
    end: Callable[[], object] | None = None


Fate = Callable[[Replica, random.Random], Disturbance]


class Disturber:
    """Disturbs a fleet, round after round."""

    def __init__(self) -> None:
        self._database_at = time.monotonic()

    def __call__(self, fleet: Fleet, chance: random.Random) -> None:
        disturb(fleet, chance, list(self._draw(fleet, chance)))

    def _draw(self, fleet: Fleet, chance: random.Random) -> Iterator[Disturbance]:
        fates: list[Fate | None] = [None]
        while not any(fates):
            fates = chance.choices([None, killed, frozen, cut_off], [3, 3, 3, 2], k=len(fleet.replicas))
        for replica, fate in zip(fleet.replicas, fates, strict=True):
            if fate:
                yield fate(replica, chance)
        if chance.random() < STORE:
            yield store_killed(fleet, chance) if fleet.s3.real and chance.random() < 0.5 else store_cut(fleet, chance)
        if time.monotonic() - self._database_at > DATABASE_EVERY:
            self._database_at = time.monotonic()
            yield database_crashed(fleet, chance)


def disturb(fleet: Fleet, chance: random.Random, drawn: Sequence[Disturbance]) -> None:
    """A capture of every actor, each at a moment of its own when the first of these may begin."""
    fleet.play(at_random(fleet, chance))
    disturbed_at = datetime.now(UTC)
    fleet.touch()
    endure(fleet, drawn)
    fleet.await_ready()
    fleet.settle()
    fleet.judge(fleet.actors, disturbed_at=disturbed_at)


def endure(fleet: Fleet, drawn: Sequence[Disturbance]) -> None:
    """Until all of them are over."""
    acts = [(each.at, each.begin) for each in drawn]
    acts += [(each.at + each.lasts, each.end) for each in drawn if each.end]
    began = time.monotonic()
    for at, act in sorted(acts, key=lambda pair: pair[0]):
        time.sleep(max(0.0, began + at - time.monotonic()))
        act()
    fleet.tally.disturbed.update(each.what for each in drawn)


def killed(replica: Replica, chance: random.Random) -> Disturbance:
    process = replica.service.process
    lasts = chance.uniform(0.0, LONGEST_OUTAGE)
    return Disturbance("replicas killed (kill -9)", chance.uniform(0, WITHIN), process.kill9, lasts, process.start)


def frozen(replica: Replica, chance: random.Random) -> Disturbance:
    """With its children, as a machine that is paused."""
    if chance.random() < 0.7:
        what, lasts = "replicas stopped for longer than a lease, and continued", LEASE + chance.uniform(1.0, 5.0)
    else:
        what, lasts = "replicas stopped for less than a lease, and continued", chance.uniform(0.2, LEASE)
    stop, go_on = (partial(os.killpg, replica.service.pid, how) for how in (signal.SIGSTOP, signal.SIGCONT))
    return Disturbance(what, chance.uniform(0, WITHIN), stop, lasts, go_on)


def cut_off(replica: Replica, chance: random.Random) -> Disturbance:
    how, lasts = chance.choice(list(Cut)), chance.uniform(0.5, LEASE + 5.0)
    what, cut = f"replicas cut off from the database: {how}", partial(replica.line.cut, how)
    return Disturbance(what, chance.uniform(0, WITHIN), cut, lasts, replica.line.restore)


def store_cut(fleet: Fleet, chance: random.Random, how: Cut | None = None) -> Disturbance:
    how, line = how or chance.choice(list(Cut)), fleet.store_line
    lasts = chance.uniform(0.5, LONGEST_OUTAGE)
    return Disturbance(f"store cut off: {how}", chance.uniform(0, WITHIN), partial(line.cut, how), lasts, line.restore)


def store_killed(fleet: Fleet, chance: random.Random) -> Disturbance:
    server, lasts = fleet.s3.server, chance.uniform(0.5, LONGEST_OUTAGE)
    return Disturbance("store killed (kill -9)", chance.uniform(0, WITHIN), server.kill9, lasts, server.start)


def database_crashed(fleet: Fleet, chance: random.Random) -> Disturbance:
    return Disturbance("PostgreSQL restarted in immediate mode", chance.uniform(0, WITHIN), fleet.postgres.restart)
