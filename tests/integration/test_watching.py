"""alertprof as its operator watches it: a real Prometheus scrapes it, the dashboard's and the alerts' queries are asked
there, and the audit log says what was done to the host."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import jq
import pytest
import yaml

from app.web.api import examples
from tests.integration.scene import Scene, alert
from tests.lab.process import eventually
from tests.lab.prometheus import Prometheus
from tests.lab.receiver import Receiver
from tests.lab.target import Service

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alertprof.yml").read_text())
TABLES = json.loads((DEPLOY / "grafana" / "captures.json").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana" / "alertprof.json").read_text())
CAPTURE: dict[str, Any] = examples.CAPTURE
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
            scene.captured(alert("00000000000000ab", host="10.9.9.9", pid=4242))  # refused: such a host is not allowed
            assert capture["state"] == "completed", capture["reason"]
            for title, queries in panels():
                found = list(map(prometheus.query, queries))
                if title not in CALM and not all(found):
                    eventually(partial(all_answered, prometheus, queries), f"{title} has data")
            for rule in RULES["groups"][0]["rules"]:
                prometheus.query(rule["expr"])
            assert prometheus.alert_states() == {}
        check_tables(scene, capture)
        assert scene.ask("POST", "/-/reload").status_code == 200
    check_audit([json.loads(line) for line in audit.read_text().splitlines()], capture)
    log = [
        line for line in (tmp_path / "alertprof" / "alertprof.log").read_text().splitlines() if "event=capture" in line
    ]
    assert log, "the log tells of captures"
    assert all("capture_id=" in line for line in log)


def check_tables(scene: Scene, capture: dict[str, Any]) -> None:
    """The queries of the dashboard for Grafana's Infinity data source find this capture, and their links open it."""
    times = {"${__from:date:iso}": capture["created_at"], "${__to:date:iso}": datetime.now(UTC).isoformat()}
    found: dict[str, list[dict[str, Any]]] = {}
    for panel in TABLES["panels"]:
        (query,) = panel["targets"]
        params = {each["key"]: times.get(each["value"], each["value"]) for each in query["url_options"]["params"]}
        answer = scene.ask("GET", query["url"], params=params)
        assert answer.status_code == 200, answer.text
        found[panel["title"]] = rows(query, answer.json())
    assert [row["Capture"] for row in found["Captures"]][-1] == capture["id"]
    assert {row["State"] for row in found["Captures"]} == {"completed", "failed"}
    assert found["Why not"] == [{"Reason": "host_not_allowed", "Captures": 1}]
    (link,) = re.findall(r'"url": "\$\{alertprof\}([^"]+)"', json.dumps(TABLES["panels"][1]))
    page = scene.ask("GET", link.replace("${__data.fields.Capture}", capture["id"]))
    assert capture["id"] in page.text


def rows(query: dict[str, Any], document: dict[str, Any]) -> list[dict[str, Any]]:
    """What Infinity's parser jq-backend makes of an answer: the root selector, and of its objects the columns."""
    objects = jq.compile(query["root_selector"]).input_value(document).first()
    return [{column["text"]: each[column["selector"]] for column in query["columns"]} for each in objects]


def test_the_table_of_findings_has_a_row_for_each() -> None:
    finding = {"severity": "warning", "title": "main.find is hot", "detail": "98 % of the CPU time"}
    document = {"captures": [{**CAPTURE, "findings": [finding]}, {**CAPTURE, "findings": []}]}
    (row,) = rows(TABLES["panels"][0]["targets"][0], document)
    assert (row["Capture"], row["Severity"], row["Finding"]) == (CAPTURE["id"], "warning", "main.find is hot")


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
    signalled = [line for line in lines if line["event"] == "verb" and token in line.get("words", ())]
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


@pytest.mark.parametrize("dashboard", [DASHBOARD, TABLES], ids=["alertprof", "captures"])
def test_no_two_panels_lie_on_each_other(dashboard: dict[str, Any]) -> None:
    taken = Counter(
        (x, y)
        for panel in dashboard["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    )
    assert max(taken.values()) == 1
    assert max(x for x, _ in taken) < 24
