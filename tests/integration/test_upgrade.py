"""A rolling upgrade: the release before beside this one, on one PostgreSQL, whose schema this one has brought up."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from tests.integration.scene import alert, message
from tests.lab.forked import Forked
from tests.lab.older import older
from tests.lab.postgres import NoPostgres, postgres
from tests.lab.process import Process
from tests.lab.service import TLS, Alertprof
from tests.lab.sshd import Sshd
from tests.lab.target import Service
from tests.lab.tools import Unavailable

BEFORE = "668f16dda591fe4da45999059b0a6681b62c87fc"


class Rollout:
    """One database, one sshd, and replicas of either age that share them."""

    def __init__(self, folder: Path, database: str, sshd: Sshd) -> None:
        self._engine = sa.create_engine(database, poolclass=sa.NullPool)
        way = {"user": sshd.user, "port": sshd.port, "identity_file": str(sshd.client_key)}
        self._folder, self._config = folder, {
            "ssh": way | {"known_hosts_file": str(sshd.known_hosts)},
            "storage": {"database": database, "artifacts": str(folder / "artifacts")},
            "hosts": [{"match": "host-*", "address": "127.0.0.1"}],
            "limits": {"per_host": 10, "per_service": 10, "cooldown": "0s"},
            "rules": [{"name": "every alert", "duration": "10s"}],
        }  # fmt: skip

    def record(self, replica: Alertprof, captures: Sequence[str]) -> None:
        """Until they do, and nobody works on them: no lease has to run out when that replica dies."""

        def at_rest() -> bool:
            with self._engine.connect() as connection:
                leased = connection.execute(sa.text("SELECT count(*) FROM captures WHERE lease_until IS NOT NULL"))
                free = leased.scalar_one() == 0
            rows = [replica.capture(each) for each in captures]
            return free and all(row["state"] == "recording" and told(row, "dumped") for row in rows)

        replica.process.until(at_rest, "they record, and nobody is at work", 60)

    def replica(self, name: str, run: type[Process]) -> Alertprof:
        (home := self._folder / name).mkdir()
        return Alertprof(home, self._config, run=run)


@pytest.fixture
def rollout(tmp_path: Path) -> Iterator[Rollout]:
    try:
        with postgres() as database, Sshd(tmp_path / "sshd") as sshd:
            yield Rollout(tmp_path, database, sshd)
    except NoPostgres as reason:
        pytest.skip(f"a rolling upgrade is NOT tested: {reason}")


def taken(replica: Alertprof, alerts: Sequence[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The captures that are new, and those that were known."""
    answer = httpx2.post(replica.webhook, json=message(alerts), timeout=60, verify=TLS).raise_for_status().json()
    return answer["captures"], answer["known"]


def told(row: dict[str, Any], step: str) -> bool:
    return any(event["step"] == step for event in row["timeline"])


def ended(replica: Alertprof, captures: Sequence[str]) -> list[str]:
    return [replica.wait_capture(each, timeout=90)["state"] for each in captures]


def test_the_release_before_works_beside_this_one_and_either_takes_over_from_the_other(
    rollout: Rollout, run_target: Callable[..., Service]
) -> None:
    try:
        before = older(BEFORE)
    except Unavailable as reason:
        pytest.skip(f"a rolling upgrade is NOT tested: {reason}")
    targets = [run_target(name, STANDIN_PROFILE_SECONDS="10") for name in ("toggle", "timed")]
    episodes = [[alert(f"{n}{m}", host=f"host-{m}", pid=t.pid) for m, t in enumerate(targets)] for n in range(3)]

    with ExitStack() as running:
        old = rollout.replica("old", before)
        running.callback(old.stop)
        first, _ = taken(old, episodes[0])
        rollout.record(old, first)
        new = rollout.replica("new", Forked)  # migrates while the old one works
        running.callback(new.stop)
        assert taken(new, episodes[0]) == ([], first), "they are one episode for both"
        assert ended(new, first) == ["completed"] * 2

        second, _ = taken(new, episodes[1])
        rollout.record(new, second)
        new.kill9()
        assert taken(old, episodes[1]) == ([], second)
        assert ended(old, second) == ["completed"] * 2

        new.restart()
        third, _ = taken(old, episodes[2])
        rollout.record(old, third)
        old.kill9()
        assert taken(new, episodes[2]) == ([], third)
        assert ended(new, third) == ["completed"] * 2
    assert len({*first, *second, *third}) == 6
    assert [target.count("start") for target in targets] == [3, 3], "nobody recorded twice for one capture"
