"""What Grafana's own alerting and Nightingale send is taken as it is: their alerts, their states, their labels."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.intake.body import alerts_in, parse_with_alerts
from app.intake.message import BadMessage
from app.model import Alert
from tests.lab.pages import ROOT

DATA = ROOT / "tests" / "data"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def body(name: str) -> bytes:
    return Path(DATA / name).read_bytes()


def alerts(name: str) -> list[Alert]:
    return parse_with_alerts(body(name))[1]


def event(**changes: Any) -> dict[str, Any]:
    return {**json.loads(body("nightingale/event.json")), **changes}


def one(**changes: Any) -> Alert:
    (alert,) = parse_with_alerts(json.dumps(event(**changes)).encode())[1]
    return alert


def test_grafanas_alerts_are_taken_with_their_own_states_and_fingerprints() -> None:
    firing, resolved = alerts("grafana/mixed.json")
    assert (firing.firing, firing.fault, firing.fingerprint) == (True, "", "c6eadffa33fcdf37")
    assert firing.labels["instance"] == "10.0.0.5:6060"
    assert firing.starts_at == datetime(2026, 11, 23, 21, 40, 10, tzinfo=UTC)
    assert (resolved.firing, resolved.fault) == (False, "")
    assert resolved.ends_at == datetime(2026, 11, 23, 21, 39, 10, tzinfo=UTC)


def test_grafanas_alert_about_missing_data_keeps_the_labels_that_tell_it_from_others() -> None:
    (alert,) = alerts("grafana/no-data.json")
    assert (alert.firing, alert.fault) == (True, "")
    assert (alert.labels["alertname"], alert.labels["rulename"]) == ("DatasourceNoData", "HighCPU")


def test_nightingales_event_becomes_an_alert_that_starts_when_the_rule_first_saw_it() -> None:
    (alert,) = alerts("nightingale/event.json")
    assert (alert.firing, alert.fault, alert.fingerprint) == (True, "", "0f6c2b9c8f3a5d6e7b8a9c0d1e2f3a4b")
    assert alert.labels["alertname"] == "HighCPU" and alert.labels["severity"] == "critical"
    assert alert.labels["query"] == "a=b" and alert.labels["instance"] == "10.0.0.5:6060"
    assert "host" not in alert.labels, "instance says it"
    assert alert.annotations["summary"] == "order-mq burns a core" and alert.annotations["value"] == "0.97310"
    assert alert.starts_at == datetime.fromtimestamp(1795470000, UTC)


def test_nightingales_recovery_resolves_the_alert_of_the_same_hash() -> None:
    (firing,), (recovered,) = alerts("nightingale/event.json"), alerts("nightingale/recovered.json")
    assert not recovered.firing and recovered.fingerprint == firing.fingerprint
    assert recovered.ends_at == datetime.fromtimestamp(1795471510, UTC)


def test_a_batch_of_nightingales_events_is_one_message_and_the_ident_is_the_host_where_nothing_else_names_it() -> None:
    first, second = alerts("nightingale/batch.json")
    assert first.labels["instance"] == "10.0.0.5:6060"
    assert second.labels["host"] == "node-7" and second.labels["severity"] == "warning"


@pytest.mark.parametrize(
    "changes",
    [
        {"trigger_time": "soon", "first_trigger_time": None},
        {"trigger_time": 10**30, "first_trigger_time": 0},
        {"rule_name": {"a": 1}},
        {"tags": [f"l{n}=v" for n in range(300)]},
        {"tags": ["a=" + "x" * 20_000]},
    ],
)
def test_an_event_that_cannot_be_taken_costs_itself_alone(changes: dict[str, Any]) -> None:
    bad, good = parse_with_alerts(json.dumps([event(**changes), event(hash="b" * 32)]).encode())[1]
    assert bad.fault and not good.fault


@pytest.mark.parametrize(
    "changes",
    [{"tags": None}, {"tags": ["no sign", 5, None]}, {"annotations": []}, {"hash": "../../x"}, {"severity": True}],
)
def test_odd_parts_of_an_event_that_only_show_cost_nothing(changes: dict[str, Any]) -> None:
    assert not one(**changes).fault


@pytest.mark.parametrize("said", ["[]", "[1]", "{}", '{"rule_name": "a"}', '[{"rule_name": "a"}]'])
def test_what_is_no_message_of_anybody_is_refused(said: str) -> None:
    with pytest.raises(BadMessage):
        parse_with_alerts(said.encode())


def test_an_event_may_be_explained_as_it_is() -> None:
    (alert,) = alerts_in(body("nightingale/event.json"), NOW)
    assert alert.labels["alertname"] == "HighCPU"
