"""Several replicas on PostgreSQL against one on SQLite: messages acknowledged a second, and the time from a POST to the
signal. Then what a claim costs under many rows, on both databases.

Everything shares this machine's cores: the replicas, the database, the targets and what sends. So a second replica adds
no processors here, as it would elsewhere; the ratios say what it costs to share.
"""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import httpx2
import sqlalchemy as sa

from tests.bench import throughput, wide_claims
from tests.bench.bell import Bell, Bells, Ear
from tests.bench.line import CONFIG, QUIET, Poster, milliseconds
from tests.bench.openssh import needed
from tests.bench.rounds import Group, Unmeasured, Variant, rounds
from tests.bench.throughput import CONNECTIONS, lua
from tests.integration.scene import alert, message
from tests.lab.postgres import NoPostgres, postgres
from tests.lab.process import eventually
from tests.lab.service import Alertprof
from tests.lab.sshd import Sshd

ALONE, TWIN = "1 replica on SQLite", "1 replica on SQLite (again)"
FLEETS = {ALONE: 1, "1 replica on PostgreSQL": 1, "2 replicas on PostgreSQL": 2, "3 replicas on PostgreSQL": 3}


def measure(folder: Path, *, quick: bool) -> tuple[Group, ...]:
    try:
        with postgres() as server:
            return (
                *_replicas(folder, server, quick=quick),
                *wide_claims.measure(folder / "claims", database(server, "claims"), quick=quick),
            )
    except NoPostgres as reason:
        raise Unmeasured(str(reason)) from reason


def _replicas(folder: Path, server: str, *, quick: bool) -> Iterator[Group]:
    wrk = needed("wrk", "wrk")
    with ExitStack() as within:
        sshd = within.enter_context(Sshd(folder / "sshd"))
        bells, ear = Bells(folder / "bells"), Ear()
        fleets = {
            name: within.enter_context(Fleet(folder / f"fleet-{n}", storage(server, name), count, sshd, bells))
            for n, (name, count) in enumerate(FLEETS.items())
        }
        yield _to_the_signal(fleets, ear, 5 if quick else 25)
        yield from _acknowledged(fleets, wrk, folder, quick=quick)


def storage(server: str, name: str) -> Mapping[str, str]:
    """Of a fleet: a database of its own, or the default."""
    return {} if name == ALONE else {"database": database(server, f"fleet{FLEETS[name]}")}


def database(server: str, name: str) -> str:
    """The URL of a new database."""
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    return server.replace("/postgres?", f"/{name}?")


class Fleet:
    """Replicas on one database, and processes of their own that are profiled in turn."""

    def __init__(self, folder: Path, storage: Mapping[str, str], count: int, sshd: Sshd, bells: Bells) -> None:
        self._folder, self._count, self._storage, self._ends = folder, count, storage, ExitStack()
        self._sshd, self._bells = sshd, bells
        self._begun: list[tuple[str, Bell]] = []
        self._alerts = 0

    def __enter__(self) -> "Fleet":
        with ExitStack() as begun:
            self.services = [begun.enter_context(self._replica(number)) for number in range(self._count)]
            self._bell = cycle([begun.enter_context(self._bells.fresh("toggle")) for _ in range(2)])
            self._turn = cycle([Poster(service.port) for service in self.services])
            self._ends = begun.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ends.close()

    def _replica(self, number: int) -> Alertprof:
        (home := self._folder / str(number)).mkdir(parents=True)
        ssh = {"user": self._sshd.user, "port": self._sshd.port, "identity_file": str(self._sshd.client_key)}
        storage = {"database": f"sqlite:///{home}/alertprof.db", "artifacts": str(self._folder / "artifacts")}
        ssh["known_hosts_file"] = str(self._sshd.known_hosts)
        return Alertprof(home, {**CONFIG, "ssh": ssh, "storage": {**storage, **self._storage}})

    def to_the_signal(self, ear: Ear) -> float:
        """Milliseconds from the POST of a new alert, to each replica in turn, until the handler ran."""
        self._alerts += 1
        bell, poster = next(self._bell), next(self._turn)
        body = json.dumps(message([alert(f"{self._alerts:016x}", host="127.0.0.1", pid=bell.pid)])).encode()
        said: list[bytes] = []
        poster.connect()
        moments = ear.moments(bell, lambda: said.append(poster.post(body)))
        self._begun.append((json.loads(said[0])["captures"][0], bell))
        time.sleep(QUIET)
        return milliseconds(moments)

    def end(self) -> None:
        """Every recording of this round."""
        one = self.services[0]
        for capture, bell in self._begun:
            one.wait_capture(capture, {"recording", "failed"})
            httpx2.post(f"{one.url}/captures/{capture}/stop").raise_for_status()
            if (ended := one.wait_capture(capture, timeout=120))["state"] != "completed":
                raise Unmeasured(f"a capture ended as {ended['state']}: {ended['reason']}")
            eventually(lambda bell=bell: not bell.service.recording(), "no recording any more")  # type: ignore[misc]
        self._begun.clear()


def _to_the_signal(fleets: Mapping[str, Fleet], ear: Ear, count: int) -> Group:
    def value(name: str) -> Variant:
        return lambda: fleets[name].to_the_signal(ear)

    def end() -> None:
        for fleet in fleets.values():
            fleet.end()

    series = rounds({**{name: value(name) for name in fleets}, TWIN: value(ALONE)}, count, end, unkept=6)
    title = "From the POST of an alert until the handler ran, the connection open, by replicas"
    return Group(title, "ms", series, ALONE, (), ALONE, TWIN)


def _acknowledged(fleets: Mapping[str, Fleet], wrk: str, folder: Path, *, quick: bool) -> Iterator[Group]:
    seconds = 1 if quick else 3
    for new in (True, False):

        def value(name: str, *, new: bool = new) -> Variant:
            return lambda: acknowledged(wrk, folder, fleets[name].services, seconds, new=new)

        series = rounds({**{name: value(name) for name in fleets}, TWIN: value(ALONE)}, 3 if quick else 6)
        what = "each alert a new row" if new else "repeats"
        title = f"Acknowledgement, {what}: messages of one alert a second, {CONNECTIONS} connections a replica"
        yield Group(title, "req/s", series, ALONE, (), ALONE, TWIN)


def acknowledged(wrk: str, folder: Path, services: Sequence[Alertprof], seconds: int, *, new: bool) -> float:
    """Messages a second by all of these, each asked by a wrk of its own."""
    words = (wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s")
    running: list[subprocess.Popen[str]] = []
    for number, service in enumerate(services):
        (script := folder / f"wrk-{number}.lua").write_text(lua(new=new))
        argv = [*words, str(script), service.webhook]
        running.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
    return sum(throughput.acknowledged(each.communicate()[0]) for each in running) / seconds
