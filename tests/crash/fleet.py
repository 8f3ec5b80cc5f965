"""Several replicas on one PostgreSQL and one object store, each with lines to both that can be cut.

Alertmanager's messages go to one of them, drawn anew each time, or to all at once, as from a cluster of Alertmanagers
whose peers do not hear each other.
"""

import os
import random
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import httpx2

from tests.crash.stage import GONE, Actor, Stage, T
from tests.crash.truth import Harm
from tests.lab import ports
from tests.lab.forked import Forked
from tests.lab.postgres import cluster
from tests.lab.process import Late, Process, eventually
from tests.lab.proxy import Line
from tests.lab.s3 import S3
from tests.lab.service import TLS, Alertprof

READY = 180.0  # seconds until a replica to which nothing is done any more has to be ready


class Replica:
    """One alertprof; `line`: to the database."""

    def __init__(self, service: Alertprof, line: Line) -> None:
        self.service, self.line = service, line

    def revive(self) -> bool:
        """Is it ready? One that ended because it could not begin is begun again, as a supervisor does."""
        if not self.service.process.alive:
            self.service.process.start()
        return self.service.ready()


class Fleet(Stage):
    """real_store: versitygw, otherwise moto, whose process must not be killed. Raises NoPostgres, tools.Unavailable."""

    def __init__(
        self, folder: Path, names: Sequence[str], chance: random.Random, *, replicas: int, real_store: bool
    ) -> None:
        self._chance, self._wanted, self._untouched = chance, replicas, threading.Event()
        self._folder, self._real_store = folder, real_store
        super().__init__(folder, names, run=Forked)

    def _serve(self, folder: Path, config: dict[str, Any], run: type[Process], built: ExitStack) -> None:
        port = ports.free()
        self.postgres = built.enter_context(cluster(port))
        (folder / "s3").mkdir()
        self.s3 = S3(folder / "s3", real=self._real_store)
        built.enter_context(self.s3.running())
        self.store_line = built.enter_context(Line(self.s3.port))
        endpoint = {"endpoint": f"http://127.0.0.1:{self.store_line.port}"}

        def replica(number: int) -> Replica:
            line = built.enter_context(Line(port))
            (home := folder / f"alertprof-{number}").mkdir()
            storage = {
                "database": f"postgresql+psycopg://postgres@127.0.0.1:{line.port}/postgres",
                "artifacts": self.s3.url,
                "object_store": {**self.s3.options, **endpoint},
            }
            service = Alertprof(home, {**config, "storage": storage}, run=run)
            built.callback(service.stop)
            return Replica(service, line)

        with ThreadPoolExecutor(self._wanted) as pool:  # they begin together, and one of them makes the tables
            self.replicas = list(pool.map(replica, range(self._wanted)))

    def await_ready(self) -> None:
        """Nothing is done to anybody any more."""
        for number, replica in enumerate(self.replicas):
            what = f"replica {number} is ready:\n{replica.service.process.tail()}"
            eventually(replica.revive, what, READY)

    def play(self, phases: Mapping[int, float]) -> None:
        for actor in self.actors:
            if late := [event.what for event in actor.since_judged()]:
                self.tell(Harm.TWICE, actor, f"the target noted {' '.join(late)} after its capture had ended")
        self._untouched.set()
        super().play(phases)

    def touch(self) -> None:
        """From now on a message may be refused."""
        self._untouched.clear()

    def deliver(self, actor: Actor) -> None:
        chosen = self.replicas if self._chance.random() < 0.5 else [self._chance.choice(self.replicas)]
        senders = [threading.Thread(target=self._send, args=(actor, replica)) for replica in chosen]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()

    def _send(self, actor: Actor, replica: Replica) -> None:
        try:
            actor.deliver(replica.service)
        except GONE as fault:
            number = self.replicas.index(replica)
            if self._untouched.is_set():
                said = fault.response.text if isinstance(fault, httpx2.HTTPStatusError) else str(fault)
                self.tell(Harm.REFUSED, actor, f"replica {number}: {said}")

    def end_of(self, actor: Actor, within: float) -> dict[str, Any]:
        try:
            return super().end_of(actor, within)
        except Late:
            for replica in self.replicas:
                os.kill(replica.service.pid, signal.SIGUSR1)  # where all its threads are, into its log
            raise

    def until(self, condition: Callable[[], T | None], what: str, within: float) -> T:
        return eventually(condition, what, within)

    def store_of(self, row: Mapping[str, Any] | None) -> Path:
        home = self._folder / "judged"
        for key, name in [(row["id"], artifact["name"]) for artifact in row["artifacts"]] if row else ():
            if (data := self.s3.read(key, name)) is not None:
                (home / key).mkdir(parents=True, exist_ok=True)
                (home / key / name).write_bytes(data)
        return home

    def _row(self, capture_id: str) -> dict[str, Any] | None:
        """As any replica has it that answers."""

        def asked() -> tuple[dict[str, Any] | None] | None:
            replica = self._chance.choice(self.replicas)
            with suppress(httpx2.TransportError):
                answer = httpx2.get(f"{replica.service.url}/captures/{capture_id}", verify=TLS, timeout=10)
                return {200: (answer.json(),), 404: (None,)}.get(answer.status_code)
            return None

        return eventually(asked, f"a replica says what became of {capture_id}", READY)[0]

    def __enter__(self) -> Self:
        return self
