"""From labels to one process: which resolver answers, which of several is taken, and what is told of the choice."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from app.captures.search import Resolution, Search
from app.errors import Code, Refused
from app.gate.answers import Mode, Process
from app.gate.facts import Seen
from app.gate.pool import HostPool
from app.intake.rules import DEFAULT, Relabel
from app.model import Blocked, ProcessId
from app.profilers.base import ProfilerSpec, Selection
from app.resolvers.base import Candidates, Enriched, Reach, Resolver
from tests.unit.ledger.builders import NOON

NOW_GONE = frozenset({99})


def seen(pid: int, *, start: int = 1, ticks: int = 0, rss: int = 0) -> Seen:
    return Seen(ProcessId("boot", pid, start, "1:1"), "orders", f"/srv/orders-{pid}", ticks=ticks, rss=rss)


def process(pid: int, start: int = 1) -> Process:
    return Process(
        id=ProcessId("boot", pid, start, "1:1"), comm="orders", exe=f"/srv/orders-{pid}", cmdline=("orders",),
        state="S", uid=0, nspid=pid, traced=False, mode=Mode.TOGGLE, gozero_version="", go_version="go1.27",
        catches=True, listens=True, readable=True, live=(), free_bytes=None, age=60.0,
    )  # fmt: skip


class Gate:
    """A host, and the door to it. Whoever is asked for is there; those of the list use as much between two looks as
    they say."""

    host = "h"

    def __init__(self, *listed: Seen) -> None:
        self.listed, self.looks = listed, 0

    def gate(self, host: str, pid: int = 0) -> "Gate":
        return self

    def look(self, pid: int) -> Process | None:
        mine = {each.id.pid: each for each in self.listed}
        return None if pid in NOW_GONE else process(pid, mine[pid].id.start if pid in mine else 1)

    def processes(self) -> tuple[Seen, ...]:
        self.looks += 1
        return tuple(replace(each, ticks=each.ticks * self.looks) for each in self.listed)


@dataclass(frozen=True)
class Says(Resolver):
    """Answers so, whatever the labels are; `heard` is what it was asked with."""

    answer: Candidates | Enriched | None
    heard: list[Mapping[str, str]]

    def find(self, labels: Mapping[str, str], reach: Reach) -> Candidates | Enriched | None:
        self.heard.append(labels)
        return self.answer


class Only(ProfilerSpec):
    """Profiles these pids, and refuses all others."""

    def __init__(self, *pids: int) -> None:
        self.pids = pids

    def choose(self, process: Process, host: str, pool: HostPool) -> Selection:
        if process.id.pid not in self.pids:
            raise Refused(Code.NO_PROFILER, f"pid {process.id.pid} is a database")
        return Selection(cast(Any, None), "it", "because it fits")


def candidates(*candidates: Seen, ranked: bool = False) -> Candidates:
    return Candidates("h", candidates, "called orders", ranked)


def searched(answer: Candidates, spec: ProfilerSpec, gate: Gate | None = None, **rule: Any) -> Resolution:
    search = Search(cast(HostPool, gate or Gate(*answer.processes)), (Says(answer, []),))
    return search.process({"alertname": "Hot"}, replace(DEFAULT, **rule), spec)


def test_the_first_resolver_that_feels_addressed_answers_and_the_rest_are_not_asked() -> None:
    silent, first, second = Says(None, []), Says(candidates(seen(7)), []), Says(candidates(seen(8)), [])
    search = Search(cast(HostPool, Gate()), (silent, first, second))
    resolution = search.candidates({"a": "1"}, DEFAULT)
    assert resolution.processes == (seen(7),)
    assert (len(silent.heard), len(first.heard), second.heard) == (1, 1, [])


def test_what_one_resolver_tells_the_next_ones_hear() -> None:
    told, last = Says(Enriched({"host": "h", "a": "1"}, "a=1 is on h"), []), Says(candidates(seen(7)), [])
    answer = Search(cast(HostPool, Gate()), (told, last)).candidates({"a": "1"}, DEFAULT)
    assert (last.heard, answer.labels) == ([{"host": "h", "a": "1"}], {"host": "h", "a": "1"})


def test_labels_are_relabelled_before_anybody_hears_them() -> None:
    one = Says(candidates(seen(7)), [])
    rule = replace(DEFAULT, relabel=(Relabel(source_labels=("node",), target_label="host"),))
    Search(cast(HostPool, Gate()), (one,)).candidates({"node": "worker-1"}, rule)
    assert one.heard == [{"node": "worker-1", "host": "worker-1"}]


def test_an_alert_that_a_new_configuration_drops_is_told_by_which_entry() -> None:
    rule = replace(DEFAULT, name="hot", relabel=(Relabel(action="drop", source_labels=("env",), regex="dev"),))
    with pytest.raises(Refused, match=r"«hot» drops this alert: relabel_configs\[0\] \(drop\)"):
        Search(cast(HostPool, Gate()), ()).candidates({"env": "dev"}, rule)


def test_labels_that_address_nobody_are_told_what_would() -> None:
    with pytest.raises(Refused, match="none of the resolvers") as refused:
        Search(cast(HostPool, Gate()), (Says(None, []),)).candidates({}, DEFAULT)
    assert refused.value.reason.code is Code.PROCESS_NOT_FOUND


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"instance": "627cc493-f310-47de-96bd-71410b7dec09", "pid": "7"}, "is an id and no place: keep host_name"),
        ({"instance": "10.0.0.5", "pod": "cart-0"}, "The pod cart-0 is in some namespace"),
    ],
)
def test_labels_that_nearly_say_it_are_told_what_is_missing(labels: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        Search(cast(HostPool, Gate()), (Says(None, []),)).candidates(labels, DEFAULT)


def test_several_candidates_are_refused_with_the_list_and_the_remedy() -> None:
    with pytest.raises(Refused, match=r"7 \(/srv/orders-7\), 8 \(/srv/orders-8\).*take: newest") as refused:
        searched(candidates(seen(7), seen(8)), Only(7, 8))
    assert refused.value.reason.code is Code.PROCESS_AMBIGUOUS


@pytest.mark.parametrize(("take", "pid"), [("oldest", 8), ("newest", 9), ("cpu", 7), ("memory", 8)], ids=str)
def test_the_rule_says_which_of_several_is_taken(take: str, pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.resolvers.loads.time.sleep", lambda seconds: None)
    three = (seen(7, start=5, ticks=900, rss=1), seen(8, start=1, ticks=10, rss=9), seen(9, start=7, ticks=5, rss=2))
    resolution = searched(candidates(*three), Only(7, 8, 9), take=take)
    assert (resolution.process.id.pid, resolution.rest) == (pid, ())
    assert "chosen from" in " ".join(resolution.messages), "what it was chosen from is told"


def test_all_of_them_may_be_taken() -> None:
    resolution = searched(candidates(seen(7, start=5), seen(8, start=1), seen(9, start=7)), Only(7, 8, 9), take="all")
    assert (resolution.process.id.pid, [each.id.pid for each in resolution.rest]) == (8, [7, 9])


def test_of_a_ranking_the_first_that_can_be_profiled_is_taken_and_who_was_passed_over_is_told() -> None:
    resolution = searched(candidates(seen(99), seen(7), seen(8), seen(9), ranked=True), Only(8))
    assert resolution.process.id.pid == 8
    assert "passed over: h: pid 99 exited while it was looked at; pid 7 is a database" in resolution.messages


def test_a_ranking_in_which_nothing_can_be_profiled_says_why_of_each() -> None:
    with pytest.raises(Refused, match="pid 7 is a database; pid 8 is a database") as refused:
        searched(candidates(seen(7), seen(8), ranked=True), Only())
    assert refused.value.reason.code is Code.NO_PROFILER


def test_a_process_that_became_another_is_not_taken() -> None:
    with pytest.raises(Refused, match="exited while it was looked at"):
        searched(candidates(seen(7, start=5)), Only(7), Gate(seen(7, start=6)))


def test_a_process_is_chosen_with_what_is_known_against_signalling_its_executable() -> None:
    one = Blocked("1", "", "/x", "h2", 9, "c1", NOON, "SIGUSR2", "h2: it ended")
    search = Search(cast(HostPool, Gate(seen(7))), (Says(candidates(seen(7)), []),), blocked=lambda build: one)
    assert search.process({}, DEFAULT, Only(7)).process.blocked == one
