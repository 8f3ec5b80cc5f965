"""Two replicas on one PostgreSQL: what one of them cannot go on with the other has taken over within seconds."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from tests.integration.scene import alert, message
from tests.lab import ports
from tests.lab.forked import Forked
from tests.lab.postgres import NoPostgres, cluster
from tests.lab.process import eventually
from tests.lab.proxy import Cut, Line
from tests.lab.service import Alertprof
from tests.lab.sshd import Sshd
from tests.lab.target import Service


class Fleet:
    """`first` reaches its host and the database over lines that can be cut; `second` reaches both."""

    def __init__(self, folder: Path, ends: ExitStack) -> None:
        port = ports.free()
        server = ends.enter_context(cluster(port))
        self._rows = sa.create_engine(server.url)
        ends.callback(self._rows.dispose)
        self.sshd = ends.enter_context(Sshd(folder / "sshd"))
        self.to_host, self.to_database = (ends.enter_context(Line(to)) for to in (self.sshd.port, port))
        key = self.sshd.known_hosts.read_text().partition(" ")[2]
        known = [f"[127.0.0.1]:{each} {key}" for each in (self.sshd.port, self.to_host.port)]
        self.sshd.known_hosts.write_text("".join(known))
        self._folder = folder
        self.first = ends.enter_context(self._replica("first", self.to_database.port, self.to_host.port))
        self.second = ends.enter_context(self._replica("second", port, self.sshd.port))

    def _replica(self, name: str, database: int, host: int) -> Alertprof:
        (self._folder / name).mkdir()
        ssh = {
            "user": self.sshd.user,
            "port": host,
            "identity_file": str(self.sshd.client_key),
            "known_hosts_file": str(self.sshd.known_hosts),
        }
        storage = {
            "database": f"postgresql+psycopg://postgres@127.0.0.1:{database}/postgres",
            "artifacts": str(self._folder / "artifacts"),
        }
        rules = [{"name": "every alert", "duration": "1s", "cooldown": "0s"}]
        return Alertprof(self._folder / name, {"ssh": ssh, "storage": storage, "rules": rules}, run=Forked)

    def owner(self, capture: str) -> str | None:
        """Who holds it, as the database has it."""
        with self._rows.connect() as connection:
            asked = sa.text("SELECT owner FROM captures WHERE id = :id")
            found: str | None = connection.execute(asked, {"id": capture}).scalar()
        return found

    def told(self, words: str) -> int:
        """How often the first replica's log has these words."""
        return self.first.process.log.read_text(errors="replace").count(words)

    def held_by_first(self, number: int, target: Service) -> str:
        """A new capture that the first replica has claimed, and with which it does not get on."""
        self.to_host.cut(Cut.STALL)
        said = message([alert(f"{number:016x}", host="127.0.0.1", pid=target.pid)])
        with frozen(self.second):
            answer = httpx2.post(self.first.webhook, json=said, timeout=60).raise_for_status()
            (capture,) = answer.json()["captures"]
            eventually(lambda: self.owner(capture), "the first replica works on it")
        return str(capture)


@contextmanager
def frozen(service: Alertprof) -> Iterator[None]:
    os.kill(service.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(service.pid, signal.SIGCONT)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as ends:
        try:
            made = Fleet(tmp_path, ends)
        except NoPostgres as reason:
            pytest.skip(f"replicas on PostgreSQL are NOT tested: {reason}")
        yield made


def test_what_a_frozen_or_cut_off_or_killed_replica_works_on_is_taken_over_within_seconds_and_signalled_once(
    fleet: Fleet, run_target: Callable[..., Service]
) -> None:
    target = run_target("toggle")

    def taken_over(capture: str, times: int) -> None:
        eventually(lambda: target.count("start") == times, "the second replica records")
        assert fleet.second.wait_capture(capture)["state"] == "completed"

    capture = fleet.held_by_first(1, target)
    with frozen(fleet.first):
        taken_over(capture, 1)
    fleet.to_host.restore()
    eventually(lambda: fleet.told("silent for too long"), "the first replica knows")
    eventually(lambda: fleet.told("the capture over"), "its thread is busy with the host no more", within=60)

    capture = fleet.held_by_first(2, target)
    fleet.first.kill9()
    taken_over(capture, 2)
    fleet.to_host.restore()
    fleet.first.restart()

    capture = fleet.held_by_first(3, target)
    before = fleet.told("is not told that this replica lives")
    fleet.to_database.cut(Cut.HOLE)
    taken_over(capture, 3)
    fleet.to_host.restore()
    eventually(lambda: fleet.told("is not told that this replica lives") > before, "the first replica knows")
    fleet.first.kill9()
    assert [event.what for event in target.events() if event.what != "usr1"] == ["usr2", "start", "usr2", "stop"] * 3


def test_a_replica_that_is_cut_off_from_the_database_lets_go_by_itself_of_what_it_streams_home(
    fleet: Fleet, run_target: Callable[..., Service]
) -> None:
    target = run_target("profiled", HOT="1")

    def profiled() -> bool:
        return "pprof.profileWriter" in target.get("/debug/pprof/goroutine?debug=2")

    asked = {"host": "127.0.0.1", "pid": target.pid, "duration": "10m", "profiler": "http-pprof"}
    with frozen(fleet.second):
        answer = httpx2.post(f"{fleet.first.url}/capture", json=asked, timeout=30).raise_for_status()
        fleet.first.wait_capture(answer.json()["id"], {"recording"})
        eventually(profiled, "its CPU is profiled", 60)
        fleet.to_database.cut(Cut.HOLE)
        eventually(lambda: not profiled(), "the process is left alone long before the recording's end", 60)
        fleet.first.kill9()
