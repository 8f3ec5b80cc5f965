"""`python -m tests.crash kill|points|cut|fleet [--rounds N] [--seed S]`: disturbs, counts, prints a table; exit code 1
unless every count is zero."""

import argparse
import random
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tests.crash.disturbances import Disturber
from tests.crash.errands import Walk, cut, kill
from tests.crash.fleet import Fleet
from tests.crash.report import report
from tests.crash.stage import Stage, Tally
from tests.lab.forked import Forked

BOTH = ("toggle", "timed")
STORES = ("versitygw", "moto")  # the first keeps its objects as files, and is killed too; the second is had sooner
LIFE = 120  # rounds until a stage is built anew, with new targets, a new database and a new sshd

Disturb = Callable[[Any, random.Random], None]
Staged = Callable[[Path, random.Random], Stage]


class Rounds:
    """How many are still wanted, over all stages."""

    def __init__(self, wanted: int) -> None:
        self.wanted, self.total = wanted, Tally()
        self._lock = threading.Lock()

    def add(self, tally: Tally) -> bool:
        """Are more wanted?"""
        with self._lock:
            before = self.total.rounds
            self.total.add(tally)
            for story in tally.stories:
                print(f"· {story}", file=sys.stderr, flush=True)
            if self.total.rounds != before:
                said = f"{self.total.rounds} of {self.wanted} rounds, {sum(self.total.harms.values())} harmed"
                print(said, file=sys.stderr, flush=True)
            return self.total.rounds < self.wanted


def play(rounds: Rounds, disturb: Disturb, folder: Path, staged: Staged, seed: str) -> None:
    chance, more = random.Random(seed), True  # noqa: S311 - to be repeatable is the point
    while more:
        place = Path(tempfile.mkdtemp(dir=folder))
        with staged(place, chance) as stage:
            stage.rehearse()
            done = 0
            while more and done < LIFE:
                stage.tally, tally = Tally(), stage.tally
                more = rounds.add(tally)
                if more:
                    disturb(stage, chance)
                    done += stage.tally.rounds
            more = rounds.add(stage.tally) and more


def at_random(rounds: Rounds, job: Callable[[str], None], seed: int, stages: int) -> None:
    with ThreadPoolExecutor(stages) as pool:
        try:
            for done in [pool.submit(job, f"{seed}-{number}") for number in range(stages)]:
                done.result()
        finally:
            rounds.wanted = 0  # one that broke, or Ctrl-C: the others end with the round they are in


def points(total: Tally, folder: Path, stages: int) -> None:
    """Both semantics, each walked by all stages together."""
    walks, lock = {name: Walk() for name in BOTH}, threading.Lock()

    def walk(number: int) -> None:
        with Stage(folder / str(number), BOTH, run=Forked) as stage:
            stage.rehearse()
            try:
                for actor in stage.actors:
                    walks[actor.name].steps(stage, actor)
            finally:
                with lock:
                    total.add(stage.tally)

    for number in range(stages):
        (folder / str(number)).mkdir()
    with ThreadPoolExecutor(stages) as pool:
        try:
            list(pool.map(walk, range(stages)))
        finally:
            for name, walked in walks.items():
                total.stories.append(f"{name}: untouched at point {walked.untouched_at}")
                walked.untouched_at = 0


def alone(folder: Path, _chance: random.Random, *, cuttable: bool) -> Stage:
    return Stage(folder, BOTH * 3, run=Forked, cuttable=cuttable)


def fleet(replicas: int, store: str, folder: Path, chance: random.Random) -> Stage:
    return Fleet(folder, BOTH * 6, chance, replicas=replicas, real_store=store == STORES[0])


def disturbed(asked: argparse.Namespace, rounds: Rounds, folder: Path) -> None:
    if asked.errand == "points":
        points(rounds.total, folder, asked.stages)
    elif asked.errand == "fleet":
        staged = partial(fleet, asked.replicas, asked.store)
        at_random(rounds, lambda seed: play(rounds, Disturber(), folder, staged, seed), asked.seed, asked.stages)
    else:
        cuttable = asked.errand == "cut"
        staged = partial(alone, cuttable=cuttable)
        at_random(rounds, partial(play, rounds, cut if cuttable else kill, folder, staged), asked.seed, asked.stages)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("errand", choices=("kill", "points", "cut", "fleet"))
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--stages", type=int, default=3, help="so many scenes at a time")
    parser.add_argument("--replicas", type=int, default=3, help="of a fleet")
    parser.add_argument("--store", choices=STORES, default=STORES[0], help="of a fleet")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends a long run is told what it has counted
    began, rounds, finished = time.monotonic(), Rounds(asked.rounds), False
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    try:
        disturbed(asked, rounds, folder)
        finished = True
    except (Exception, KeyboardInterrupt):
        traceback.print_exc()
    if finished and not rounds.total.harms.total():
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"logs, events and databases are in {folder}", file=sys.stderr)
    where = f" of {asked.replicas} replicas on PostgreSQL and {asked.store}" if asked.errand == "fleet" else ""
    print(report(asked.errand + where, rounds.total, asked.seed, time.monotonic() - began))
    return 0 if finished and not rounds.total.harms.total() else 1


if __name__ == "__main__":
    sys.exit(main())
