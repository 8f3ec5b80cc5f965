"""alertprof as its operator watches it: a real Prometheus scrapes it, the dashboard's and the alerts' queries are asked
there, and the audit log says what was done to the host."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.scene import Scene, alert
from tests.lab.process import eventually
from tests.lab.prometheus import Prometheus
from tests.lab.receiver import Receiver
from tests.lab.target import Service

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alertprof.yml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana" / "alertprof.json").read_text())
HOST = "127.0.0.1"
CALM = {"Harm and dead-man's switches"}  # panels whose first query has nothing to show of a scene without harm


def panels() -> Iterator[tuple[str, list[str]]]:
    """Titles and queries, with Grafana's variables as it would fill them in."""
    values = {"$job": "alertprof", "$instance": ".+", "[$__rate_interval]": "[10s]", "[1h]": "[10s]"}
    for panel in DASHBOARD["panels"]:
        if panel["type"] != "row":
            queries = [target["expr"] for target in panel["targets"]]
            for name, value in values.items():
                queries = [query.replace(name, value) for query in queries]
            yield panel["title"], queries


def test_every_panel_of_the_dashboard_has_data_no_alert_fires_and_the_audit_log_has_every_verb(tmp_path: Path) -> None:
    audit = tmp_path / "audit.log"
    with (
        Receiver() as told,
        Scene(tmp_path, words=[f"--audit.log={audit}"], config=notifying(told)) as scene,
        Service("toggle", tmp_path / "target") as target,
    ):
        instance = scene.service.url.removeprefix("http://")
        with Prometheus(tmp_path, instance=instance, job="alertprof", rules=RULES) as prometheus:
            eventually(lambda: prometheus.query('up{job="alertprof"} == 1'), "it was scraped")
            (capture,) = scene.captured(alert(host=HOST, pid=target.pid))
            scene.captured(alert("00000000000000ab", host="10.9.9.9", pid=1))  # refused: such a host is not allowed
            assert capture["state"] == "completed", capture["reason"]
            for title, queries in panels():
                found = list(map(prometheus.query, queries))
                if title not in CALM and not all(found):
                    eventually(partial(all_answered, prometheus, queries), f"{title} has data")
            for rule in RULES["groups"][0]["rules"]:
                prometheus.query(rule["expr"])
            assert prometheus.alert_states() == {}
        assert scene.ask("POST", "/-/reload").status_code == 200
    check_audit([json.loads(line) for line in audit.read_text().splitlines()], capture)
    log = [
        line for line in (tmp_path / "alertprof" / "alertprof.log").read_text().splitlines() if "event=capture" in line
    ]
    assert log, "the log tells of captures"
    assert all("capture_id=" in line for line in log)


def notifying(receiver: Receiver) -> dict[str, Any]:
    """Of the configuration: the end of each capture is told to this receiver."""
    url = f"http://127.0.0.1:{receiver.port}/"
    return {"notifiers": [{"name": "hook", "kind": "webhook", "url": url}], "notify": ["hook"]}


def all_answered(prometheus: Prometheus, queries: list[str]) -> bool:
    return all(map(prometheus.query, queries))


def check_audit(lines: list[dict[str, Any]], capture: dict[str, Any]) -> None:
    """Who asked, which login, which verbs in which order."""
    token = capture["id"].replace("-", "")
    assert lines[0]["event"] == "started"
    assert lines[-1]["event"] == "stopped"
    said = Counter(
        (line["event"], line.get("path") or line.get("outcome")) for line in lines if line["event"] != "verb"
    )
    assert said["request", "/webhook"] == 2
    assert said["request", "/-/reload"] == said["reload", "taken"] == said["login", "succeeded"] == 1
    signalled = [line for line in lines if line["event"] == "verb" and token in line["words"]]
    assert {line["host"] for line in signalled} == {HOST}
    assert {line["capture_id"] for line in signalled} == {capture["id"]}
    verbs = [line["verb"] for line in signalled]
    assert verbs.count("start") == 1
    assert verbs.index("start") < verbs.index("stop") < verbs.index("drop")


@pytest.mark.parametrize("kind", ["timeseries", "stat"])
def test_every_panel_names_its_unit_and_its_data_source_by_the_variable(kind: str) -> None:
    shown = [panel for panel in DASHBOARD["panels"] if panel["type"] == kind]
    assert shown
    for panel in shown:
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def test_no_two_panels_lie_on_each_other() -> None:
    taken = Counter(
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    )
    assert max(taken.values()) == 1
    assert max(x for x, _ in taken) < 24
