"""Where it is played: one sshd, a few targets of both semantics, one alertprof, and the judge of every capture.

With several replicas it is a fleet (fleet.py).
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2

from tests.crash import evidence, truth
from tests.crash.prometheus import Pending
from tests.crash.truth import Harm, Witness
from tests.integration.scene import alert, message
from tests.lab.process import Late, Process, eventually
from tests.lab.proxy import Line
from tests.lab.service import ENDS, TLS, Alertprof
from tests.lab.sshd import Sshd
from tests.lab.target import Event, Service

PLAN = {"toggle": 1.0, "timed": 1.5}  # seconds of a recording
TIMEOUT = 300.0  # seconds until a capture that has not ended counts as one that never does
UNLIMITED = {"per_host": 100, "per_service": 100, "at_once": 1000, "per_hour": 1000000}
GONE = (httpx2.TransportError, httpx2.HTTPStatusError)

T = TypeVar("T")
_fingerprints = itertools.count(1)


@dataclass
class Tally:
    """What one errand has counted. Rounds: captures that were under way when they were disturbed."""

    rounds: int = 0
    longest: float = 0.0  # seconds from an alert to the end of its capture
    harms: Counter[Harm] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    stories: list[str] = field(default_factory=list)
    disturbed: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        self.rounds += other.rounds
        self.longest = max(self.longest, other.longest)
        self.stories += other.stories
        for mine, theirs in ((self.ends, other.ends), (self.disturbed, other.disturbed)):
            mine.update(theirs)
        self.harms.update(other.harms)


class Actor:
    """One target and the capture it is in the middle of. The target's host has a name of its own."""

    def __init__(self, name: str, number: int, folder: Path) -> None:
        env = {"STANDIN_PROFILE_SECONDS": str(PLAN["timed"]), "HOT": "", evidence.VARIABLE: f"host-{number}"}
        self.name, self.host, self.plan = name, f"host-{number}", PLAN[name]
        self.service = Service(name, folder / f"{name}-{number}", env=env)
        self.witness = Witness(self.service)
        self.length = 0.0  # seconds from the alert to the end, undisturbed
        self.capture_id = ""
        self.promised: set[str] = set()  # ids that were answered for this episode, which has to be one
        self._past = 0

    def begin(self) -> None:
        """A new episode about this process."""
        self.witness.forget()
        self._past, self.capture_id, self.promised = len(self.service.events()), "", set()
        self._alert = alert(f"{next(_fingerprints):016x}", **self.labels)

    @property
    def labels(self) -> dict[str, Any]:
        """Of its alert, but for the name."""
        return {"host": self.host, "pid": self.service.pid, "job": self.host}

    def deliver(self, service: Alertprof) -> None:
        """As Alertmanager does; raises one of GONE when there is no 202."""
        said = message([self._alert])
        answer = httpx2.post(service.webhook, json=said, verify=TLS, timeout=30).raise_for_status().json()
        (self.capture_id,) = {*answer["captures"], *answer["known"]}
        self.promised.add(self.capture_id)

    def deliver_if_it_lives(self, service: Alertprof) -> None:
        with suppress(*GONE):
            self.deliver(service)

    def judged(self, row: Mapping[str, Any] | None, store: Path) -> Iterator[truth.Found]:
        """Once the capture has ended, or has failed to."""
        with suppress(Late):  # a recording that is still on may end in time without us
            eventually(
                lambda: not self.service.recording(), "it records no more", self.plan + truth.GRACE_MS / 1000 + 1
            )
        events = self.service.events()[self._past :]
        self._past += len(events)
        yield from truth.overdue(events, self.plan, truth.now_ms())
        yield from truth.signals(events, self.name)
        yield from truth.lost(events, row, self.promised)
        if row:
            yield from truth.damaged(row, store, self.witness.sums())
            yield from truth.litter(row, self.service.tmp)
            yield from evidence.judged(row, store, self.service.pid, self.host)

    def since_judged(self) -> Sequence[Event]:
        """What the target has noted since it was judged, while nothing was asked of anybody."""
        return self.service.events()[self._past :]

    def close(self) -> None:
        self.witness.close()
        self.service.stop()


class Stage:
    """`line`: a line between alertprof and sshd that can be cut. Every target has been captured once, undisturbed."""

    def __init__(
        self, folder: Path, names: Sequence[str], *, run: type[Process] = Process, cuttable: bool = False
    ) -> None:
        self._ends = ExitStack()
        with ExitStack() as built:
            self.sshd = built.enter_context(Sshd(folder / "sshd"))
            self.line = built.enter_context(Line(self.sshd.port)) if cuttable else None
            self.actors = [Actor(name, number, folder) for number, name in enumerate(names)]
            for actor in self.actors:
                built.callback(actor.close)
            pending = Pending([alert(**actor.labels)["labels"] for actor in self.actors])
            built.callback(pending.close)
            self._log = folder / "orders.log"
            self._log.write_text("a line without a time, which is in every log\n")
            self._serve(folder, self._config(pending.url), run, built)
            self._ends = built.pop_all()
        self.tally = Tally()

    def _serve(self, folder: Path, config: dict[str, Any], run: type[Process], built: ExitStack) -> None:
        (folder / "alertprof").mkdir()
        self.service = Alertprof(folder / "alertprof", config, run=run)
        built.callback(self.service.stop)
        self._store = folder / "alertprof" / "artifacts"

    def _config(self, prometheus: str) -> dict[str, Any]:
        port = self.line.port if self.line else self.sshd.port
        key = self.sshd.known_hosts.read_text().partition(" ")[2]
        self.sshd.known_hosts.write_text(f"[127.0.0.1]:{port} {key}")
        return {
            "ssh": {
                "user": self.sshd.user,
                "port": port,
                "identity_file": str(self.sshd.client_key),
                "known_hosts_file": str(self.sshd.known_hosts),
            },
            "hosts": [{"match": "host-*", "address": "127.0.0.1"}],
            "limits": UNLIMITED,
            "prometheus": {"url": prometheus},
            "rules": [
                {
                    "name": "every alert",
                    "duration": f"{PLAN['toggle']:g}s",
                    "cooldown": "0s",
                    "prearm": True,
                    "evidence": {"logs": [{"file": str(self._log)}], "environment": [evidence.VARIABLE]},
                }
            ],
        }

    def rehearse(self) -> None:
        """How long a capture takes here and now, all at once as later."""
        for actor in self.actors:
            actor.begin()
            self.insist(actor)
        for actor in self.actors:
            actor.length = _seconds(self.end_of(actor, TIMEOUT))
        self.judge(self.actors, disturbed_at=None)
        self.tally.ends.clear()

    def play(self, phases: Mapping[int, float]) -> None:
        """Begins a capture of every actor so that, on return, actor n is `phases[n]` seconds into its own."""
        last = max(phases.values())
        timers = [threading.Timer(last - phases[n], self.deliver, [actor]) for n, actor in enumerate(self.actors)]
        for actor in self.actors:
            actor.begin()
        began = time.monotonic()
        for timer in timers:
            timer.daemon = True
            timer.start()
        time.sleep(max(0.0, began + last - time.monotonic()))

    def settle(self) -> None:
        """Alertmanager repeats what was not acknowledged (and what was: it falls on its episode); all captures end."""
        for actor in self.actors:
            self.insist(actor)
        deadline = time.monotonic() + TIMEOUT
        for actor in self.actors:
            with suppress(Late):
                self.end_of(actor, max(1.0, deadline - time.monotonic()))

    def insist(self, actor: Actor) -> None:
        def taken() -> bool:
            self.deliver(actor)
            return bool(actor.capture_id)

        actor.capture_id = ""
        self.until(taken, f"202 for {actor.host}", TIMEOUT)

    def deliver(self, actor: Actor) -> None:
        """As Alertmanager does, which tries again when there is no answer."""
        actor.deliver_if_it_lives(self.service)

    def end_of(self, actor: Actor, within: float) -> dict[str, Any]:
        """The row of its capture once it has ended; Late otherwise."""

        def ended() -> dict[str, Any] | None:
            row = self._row(actor.capture_id)
            return row if row and row["state"] in ENDS else None

        return self.until(ended, f"capture {actor.capture_id} has ended", within)

    def until(self, condition: Callable[[], T | None], what: str, within: float) -> T:
        """As `eventually`; at once Late when alertprof is dead."""
        return self.service.process.until(condition, what, within)

    def judge(self, actors: Iterable[Actor], *, disturbed_at: datetime | None) -> None:
        """What had ended by then was not disturbed: it is judged, but is no round, and says how long a capture takes
        now."""
        for actor in actors:
            row = self._row(actor.capture_id)
            if disturbed_at and not _ended_before(row, disturbed_at):
                self.tally.rounds += 1
            elif row and row["state"] == "completed":
                actor.length = _seconds(row)
            for harm, said in actor.judged(row, self.store_of(row)):
                self.tell(harm, actor, said)
            self.tally.ends[_end(row)] += 1
            self.tally.longest = max(self.tally.longest, _seconds(row))
            names = [artifact["name"] for artifact in row["artifacts"]] if row else []
            self.tally.disturbed["with evidence of while they were pending"] += any(
                name.endswith(evidence.PENDING) for name in names
            )
            if row and row["state"] != "completed":
                self.tally.stories.append(f"ended {_end(row)}: {row['reason'] and row['reason']['message']}")

    def tell(self, harm: Harm, actor: Actor, said: str) -> None:
        self.tally.harms[harm] += 1
        self.tally.stories.append(f"{harm.value}: {actor.name} on {actor.host}, capture {actor.capture_id}: {said}")

    def store_of(self, row: Mapping[str, Any] | None) -> Path:
        """A folder with what is in the store of this row, without alertprof's help."""
        return self._store

    def _row(self, capture_id: str) -> dict[str, Any] | None:
        answer = httpx2.get(f"{self.service.url}/captures/{capture_id}", verify=TLS, timeout=30)
        found: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._ends.close()


def _ended_before(row: Mapping[str, Any] | None, moment: datetime) -> bool:
    return row is not None and bool(row["ended_at"]) and _moment(row["ended_at"]) < moment


def _seconds(row: Mapping[str, Any] | None) -> float:
    """From its alert to its end; 0 of one that has not ended."""
    if row is None or not row["ended_at"]:
        return 0.0
    return (_moment(row["ended_at"]) - _moment(row["created_at"])).total_seconds()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _end(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "no row"
    return f"{row['state']} ({row['reason']['code']})" if row["reason"] else str(row["state"])
