"""What would become of an alert, told without contacting anybody: each rule, resolver, host and limit in words."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from app.cli import render
from app.errors import Code, Refused
from app.explain.explainer import Explainer
from app.explain.explanation import Explanation, Line, Mark
from app.explain.unasked import UnaskedGate
from app.gate.answers import Mode
from app.gate.pool import HostPool
from app.hosts.settings import HostsSettings, SshOptions
from app.hosts.ssh import Connector
from app.intake.rules import Relabel, Rule, parse_matchers
from app.ledger.ledger import Bounds, Ledger, open_reader
from app.model import Alert, Blocked, Target, Trigger
from app.profilers.harm import id_of
from app.resolvers.inventory import Inventory
from app.resolvers.order import RESOLVERS
from app.resolvers.top import Top
from tests.unit.captures.story_host import Host, OpenPool
from tests.unit.ledger.builders import LEASE, ME, NOON, admission, completed, firing, manual, process, recording
from tests.unit.ledger.builders import resolved as resolved_alert

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEx"
ORDERS = Rule("orders", parse_matchers('job=~"order-.+", severity="critical"'))
CONTAINER = "0123456789ab" * 5 + "0123"


class NoPool(HostPool):
    """Nobody may go through it."""

    def __init__(self) -> None:
        pass

    def gate(self, host: str, pid: int = 0) -> Any:
        raise AssertionError(f"{host} was contacted")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(f"sqlite:///{tmp_path}/ledger.db", decide=admission(), bounds=Bounds(), clock=lambda: NOON)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def ask(tmp_path: Path, ledger: Ledger) -> Any:
    """ask(alert, …, rules=, ledger=, pool=, connect=): the explanations. One host is known: 10.0.0.5."""
    (known := tmp_path / "known_hosts").write_text(f"10.0.0.5 {KEY}\nnode-1 {KEY}\n")
    (config := tmp_path / "ssh_config").touch()
    ssh = SshOptions(user="ops", known_hosts_files=(known,))
    route = Connector(HostsSettings(ssh=ssh, ssh_config_file=config)).route

    def explained(*alerts: Alert, rules: tuple[Rule, ...] = (), connect: bool = False, **more: Any) -> Any:
        given: dict[str, Any] = {"pool": NoPool(), "ledger": ledger} | more
        explainer = Explainer(lambda: rules, RESOLVERS, route, **given)
        return explainer.explain(alerts, NOON, connect=connect)

    return explained


def one(ask: Any, alert: Alert | None = None, **more: Any) -> Explanation:
    (only,) = ask(alert or firing(instance="10.0.0.5:9100"), **more)
    assert isinstance(only, Explanation)
    return only


def lines(explanation: Explanation, title: str = "") -> list[Line]:
    return [line for section in explanation.sections if title in section.title for line in section.lines]


def says(explanation: Explanation, mark: Mark, text: str) -> bool:
    return any(line.mark is mark and text in line.text for line in lines(explanation))


# rules


def test_without_rules_every_alert_has_the_default_one(ask: Any) -> None:
    said = one(ask)
    assert said.would
    assert lines(said, "Rules") == [Line("«default» matches: it has no matchers", Mark.OK)]


def test_of_a_rule_that_does_not_match_every_matcher_that_did_not_is_told(ask: Any) -> None:
    alert = firing(instance="10.0.0.5:9100", job="pay")
    said = one(ask, alert, rules=(ORDERS,))
    assert not said.would
    (first, last) = lines(said, "Rules")
    assert 'job=~"order-.+", but job is "pay"' in first.text
    assert 'severity="critical", but there is no label severity' in first.text
    assert last.mark is Mark.NO and "none of the 1 rules" in last.text
    assert said.verdict == f"No capture: {last.text}"


def test_a_matcher_that_holds_is_not_among_the_reasons(ask: Any) -> None:
    said = one(ask, firing(job="order-mq"), rules=(ORDERS,))
    assert "job=~" not in lines(said, "Rules")[0].text


def test_a_rule_that_takes_baselines_says_so(ask: Any) -> None:
    rule = Rule("r", baseline_every=timedelta(hours=24))
    said = lines(one(ask, firing(job="order-mq"), rules=(rule,)), "Rules")
    assert "also takes calm captures of such processes, 24 h or more apart" in said[-1].text


def test_the_first_rule_that_matches_answers_and_a_later_one_is_told_of(ask: Any) -> None:
    alert = firing(instance="10.0.0.5:9100", job="order-mq", severity="critical")
    said = lines(one(ask, alert, rules=(Rule("pay", parse_matchers('job="pay"')), ORDERS, Rule("rest"))), "Rules")
    assert [line.mark for line in said] == [Mark.NOTE, Mark.OK, Mark.NOTE]
    assert said[2].text == "«rest» would match too, but an earlier rule answers"


def test_what_relabelling_makes_of_the_labels_is_told(ask: Any) -> None:
    entries = (
        Relabel(source_labels=("instance",), regex=r"(.+):\d+", target_label="instance", replacement="$1:8888"),
        Relabel(source_labels=("alertname",), target_label="why"),
        Relabel(action="labeldrop", regex="secret"),
    )
    said = one(ask, firing(instance="10.0.0.5:9100", secret="x"), rules=(Rule("r", relabel=entries),))
    assert [line.text for line in lines(said, "Labels")] == [
        'instance is "10.0.0.5:8888"; it was "10.0.0.5:9100"',
        'secret is gone; it was "x"',
        'why is "HighCPU", which is new',
    ]
    assert says(said, Mark.OK, "listening on port 8888")


def test_the_entry_that_drops_an_alert_is_named(ask: Any) -> None:
    drop = Relabel(action="drop", source_labels=("env",), regex="dev")
    said = one(ask, firing(env="dev", instance="10.0.0.5:9100"), rules=(Rule("r", relabel=(drop,)),))
    assert not said.would and "relabel_configs[0] (drop): env 'dev' matches 'dev'" in said.verdict


# resolvers and hosts


@pytest.mark.parametrize(
    ("labels", "kind", "sought"),
    [
        ({"host": "10.0.0.5", "pid": "77"}, "labels", "pid 77"),
        ({"instance": "10.0.0.5:9100"}, "port", "listening on port 9100"),
        ({"instance": "10.0.0.5:9100", "groupname": "order-mq"}, "name", "called 'order-mq'"),
        ({"instance": "10.0.0.5:9100", "name": "x.service"}, "systemd", "the main process of x.service"),
        ({"instance": "10.0.0.5:9100", "container_id": CONTAINER}, "container", "of the container 0123456789ab"),
        ({"instance": "10.0.0.5:9100", "id": "/docker/x"}, "container", "of the cgroup /docker/x"),
        ({"host": "10.0.0.5", "name": "web", "image": "i"}, "container", "of a container with image=i, name=web"),
        ({"node": "node-1", "namespace": "shop", "pod": "orders-1"}, "pod", "of pod shop/orders-1"),
    ],
)  # fmt: skip
def test_each_resolver_tells_what_it_would_look_for_and_where(
    ask: Any, labels: dict[str, Any], kind: str, sought: str
) -> None:
    said = one(ask, firing(**labels))
    host = labels.get("node", "10.0.0.5")
    assert says(said, Mark.OK, f"{kind}: would look on {host}: {sought}"), lines(said)
    assert said.would, said.verdict


def test_a_ranking_of_a_host_is_not_waited_for(ask: Any) -> None:
    said = one(ask, rules=(Rule("r", resolvers=(Top(),)),))
    assert says(said, Mark.OK, "top: would look on 10.0.0.5: using most processor time")


def test_resolvers_that_are_not_addressed_are_told_and_those_behind_the_one_that_is_are_not(ask: Any) -> None:
    said = [line.text.partition(":")[0] for line in lines(one(ask), "Which process")]
    assert said == ["labels", "container", "pod", "systemd", "name", "port", "10.0.0.5 may be contacted"]
    said = [line.text.partition(":")[0] for line in lines(one(ask, firing(host="10.0.0.5", pid="7")), "Which process")]
    assert said == ["labels", "10.0.0.5 may be contacted"]


def test_labels_that_address_nobody_are_told_what_would(ask: Any) -> None:
    said = one(ask, firing())
    assert not said.would and "none of the resolvers labels, container" in said.verdict


def test_labels_that_make_no_sense_are_told(ask: Any) -> None:
    said = one(ask, firing(host="10.0.0.5", pid="all of them"))
    assert "No capture: labels: the label pid='all of them' is no process number" in said.verdict


def test_a_host_that_may_not_be_contacted_is_told_with_the_remedy(ask: Any) -> None:
    said = one(ask, firing(instance="10.0.0.6:9100"))
    assert not said.would and "ssh-keyscan 10.0.0.6" in said.verdict


def test_a_second_host_that_may_be_contacted_is_found_behind_a_first_that_may_not(ask: Any) -> None:
    said = one(ask, firing(instance="10.9.9.9:9100", node="node-1"))
    assert says(said, Mark.NOTE, "not there: host 10.9.9.9 is not known")
    assert says(said, Mark.OK, "node-1 may be contacted: as ops@node-1; 1 key known in")


def test_an_inventory_over_http_is_not_asked(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "sd.json").write_text('[{"targets": ["db:1"], "labels": {"host": "10.0.0.5"}}]')
    ways = (Inventory(urls=("http://127.0.0.1:9/sd",)), Inventory(files=(str(tmp_path / "sd.json"),)), RESOLVERS[-1])
    said = one(ask, firing(instance="db:1"), rules=(Rule("r", resolvers=ways),))
    assert says(said, Mark.NOTE, "inventory: asks http://127.0.0.1:9/sd, which is not done")
    assert says(said, Mark.NOTE, "inventory: instance=db:1 is on 10.0.0.5")
    assert says(said, Mark.OK, "port: would look on 10.0.0.5: listening on port 1")


def test_the_gate_of_a_host_that_is_not_asked_sends_nothing() -> None:
    gate = UnaskedGate("h")
    with pytest.raises(Refused):
        gate.fetch("0" * 32, {"cpu": lambda data: None}, 1, 1.0)
    assert gate.start(replace(process(), image="1:1"), Mode.TOGGLE, 1, "0" * 32).code == "unasked"
    gate.close()


# what the ledger knows


def test_a_resolved_alert_leads_to_nothing(ask: Any) -> None:
    said = one(ask, resolved_alert())
    assert not said.would and "it is resolved" in said.verdict


def test_a_repeat_falls_on_its_capture(ask: Any, ledger: Ledger) -> None:
    alert = firing(instance="10.0.0.5:9100")
    (id_,) = ledger.receive([alert]).result(60).created
    said = one(ask, alert)
    assert not said.would and f"a repeat: capture {id_} (pending)" in said.verdict
    assert says(said, Mark.OK, "port: would look"), "what it would be is told all the same"


def test_an_alert_whose_episode_is_over_is_new(ask: Any, ledger: Ledger) -> None:
    alert = firing(instance="10.0.0.5:9100")
    ledger.receive([alert, replace(alert, firing=False, ends_at=NOON)]).result(60)
    assert one(ask, alert).would


def test_while_captures_are_paused_none_begins(ask: Any, ledger: Ledger) -> None:
    ledger.pause(NOON, "alice")
    assert "paused since" in one(ask).verdict and "by alice" in one(ask).verdict
    assert one(ask).verdict.endswith(
        "; the service holds it back, and takes it up when that has passed and it still fires"
    )
    ledger.resume()
    assert one(ask).would


def test_the_same_alert_twice_in_a_message_is_a_repeat(ask: Any) -> None:
    first, second = ask(firing(instance="10.0.0.5:9100"), firing(instance="10.0.0.5:9100"))
    assert first.would and not second.would
    assert "a repeat of an alert before it in this message" in second.verdict


def profiled(ledger: Ledger, ago: timedelta) -> str:
    target = Target("10.0.0.5", 7, "order-mq")
    asked = Trigger("alert", {"job": "order-mq"}, "a9")
    capture = replace(manual(1), trigger=asked, process=process(), target=target, started_at=NOON - ago)
    ledger.create(completed(capture, NOON - ago))
    return capture.id


def test_a_service_that_was_just_profiled_is_left_alone(ask: Any, ledger: Ledger) -> None:
    id_ = profiled(ledger, timedelta(minutes=9))
    said = one(ask, firing(instance="10.0.0.5:9100", job="order-mq"))
    assert not said.would and f"was profiled by {id_}; not again before 12:01:00 UTC" in said.verdict
    assert one(ask, firing(instance="10.0.0.5:9100", job="pay")).would


def test_after_its_cooldown_it_is_profiled_again(ask: Any, ledger: Ledger) -> None:
    id_ = profiled(ledger, timedelta(minutes=11))
    said = one(ask, firing(instance="10.0.0.5:9100", job="order-mq"))
    assert said.would and says(said, Mark.OK, f"order-mq on 10.0.0.5 was last profiled by {id_}")


def records(ledger: Ledger) -> None:
    ledger.create(manual(1))
    claim = ledger.claim(NOON, ME, LEASE)
    assert claim
    ledger.save(claim, recording(claim.capture))


def test_for_a_place_that_will_be_free_an_alert_waits(ask: Any, ledger: Ledger) -> None:
    records(ledger)
    said = one(ask)
    assert said.would and said.verdict.endswith(", once there is room for it")
    assert says(said, Mark.NOTE, "it would wait: 1 recording on 10.0.0.5 (limits.per_host is 1)")


def test_the_budget_of_the_hour_is_told_as_what_it_would_be_held_back_for(ask: Any, ledger: Ledger) -> None:
    profiled(ledger, timedelta(minutes=11))
    ledger.bounds = Bounds(per_hour=1)
    assert "limits.per_hour is 1" in one(ask).verdict and "holds it back" in one(ask).verdict
    ledger.bounds = Bounds(per_hour=2)
    assert one(ask).would


def test_without_a_ledger_what_is_not_known_is_said(ask: Any) -> None:
    said = one(ask, ledger=None, no_ledger="there is no database at sqlite:///x")
    assert said.would
    assert [line.text for line in lines(said) if "not known:" in line.text] == [
        "not known: there is no database at sqlite:///x"
    ] * 2


def test_a_ledger_that_goes_away_is_told_and_stops_nothing(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_text("no database" * 100)
    broken = open_reader(f"sqlite:///{tmp_path}/broken.db", Bounds())
    said = one(ask, ledger=broken)
    assert said.would and says(said, Mark.NOTE, "not known: the ledger")
    broken.close()


def test_asking_writes_nothing(ask: Any, ledger: Ledger) -> None:
    ledger.receive([firing("old")]).result(60)
    before = ledger.counts(), ledger.next_due(), ledger.episodes(["old", "a1"])
    ask(firing(instance="10.0.0.5:9100"), firing("old"), resolved_alert("old"))
    assert (ledger.counts(), ledger.next_due(), ledger.episodes(["old", "a1"])) == before


# on the command line


def test_what_came_from_outside_moves_no_cursor(ask: Any) -> None:
    said = one(ask, firing(instance="10.0.0.5:9100", evil="\x1b[2J\nforged", process="\x1b]0;x\x07"))
    printed = list(render.explanations([said]))
    assert all(line.isprintable() for line in printed)
    assert "\\x1b[2J\\nforged" in printed[0]


def test_an_alert_of_a_long_story_is_shortened(ask: Any) -> None:
    said = one(ask, firing(job="x" * 5000), rules=(ORDERS,))
    assert max(len(line.text) for line in lines(said)) < 400


def test_a_host_that_refuses_to_be_looked_at_is_told(ask: Any) -> None:
    class Refusing(NoPool):
        def gate(self, host: str, pid: int = 0) -> Any:
            raise Refused(Code.AUTH_FAILED, f"user ops may not log in to host {host}")

    said = one(ask, pool=Refusing(), connect=True)
    assert said.verdict == "No capture: user ops may not log in to host 10.0.0.5"
    assert not lines(said, "What would be sent")


def test_a_blocked_executable_is_told_and_another_way_is_taken_where_there_is_one(ask: Any, ledger: Ledger) -> None:
    blocked = Blocked(id_of("go:orders"), "go:orders", "/x", "h2", 9, "c1", NOON, "SIGUSR2", "h2: pid 9 (x) ended")
    ledger.block(blocked)
    alert = firing(host="10.0.0.5", pid="7")
    said = one(ask, alert, pool=cast(HostPool, OpenPool(Host())), connect=True)
    assert not said.would
    assert f"`alertprof unblock {blocked.id}` allows it again" in said.verdict
    ledger.unblock(blocked.id)
    assert one(ask, alert, pool=cast(HostPool, OpenPool(Host())), connect=True).would
