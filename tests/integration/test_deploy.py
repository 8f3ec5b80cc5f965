"""What stands in deploy/, asked of the programs that will read it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from app.plugins import kind_of
from app.resolvers.order import RESOLVERS
from tests.lab.pages import section, text_of
from tests.unit.resolvers.host import Host

DEPLOY = Path(__file__).parents[2] / "deploy"
EXAMPLE = DEPLOY.parent / "alertmanager-example.yml"


def run(*argv: str | Path) -> str:
    words = [str(word) for word in argv]
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} is NOT tested: it is not installed")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("rules", ["rules", "exporters", "alertprof"])
def test_the_alert_rules_fire_when_they_should_and_not_otherwise(rules: str) -> None:
    run("promtool", "check", "rules", DEPLOY / "prometheus" / f"{rules}.yml")
    run("promtool", "test", "rules", DEPLOY / "prometheus" / f"{rules}_test.yml")


@pytest.mark.parametrize("rules", ["rules", "exporters"])
def test_every_alert_rule_is_tested_and_its_labels_say_which_process(rules: str) -> None:
    there = yaml.safe_load((DEPLOY / "prometheus" / f"{rules}.yml").read_text())["groups"]
    fired = alerts_of(rules)
    assert (
        {name for name, _ in fired} == {rule["alert"] for group in there for rule in group["rules"]} == set(BY[rules])
    )
    for name, labels in fired:
        assert first_addressed(labels) == BY[rules][name], name


def alerts_of(rules: str) -> list[tuple[str, dict[str, str]]]:
    """The alerts that the rules' own tests let them fire, which promtool has compared."""
    tests = yaml.safe_load((DEPLOY / "prometheus" / f"{rules}_test.yml").read_text())["tests"]
    return [
        (case["alertname"], alert["exp_labels"])
        for test in tests
        for case in test["alert_rule_test"]
        for alert in case.get("exp_alerts", [])
    ]


# Which resolver takes up what the rule keeps. A host alert names an exporter's port: a rule of alertprof's says `top`.
BY = {
    "rules": {"ProcessCpuHigh": "port", "ProcessMemoryHigh": "port"},
    "exporters": {
        **{"HostCpuHigh": "port", "HostMemoryHigh": "port"},
        **{"ProcessGroupCpuHigh": "name", "ProcessGroupMemoryHigh": "name"},
        **{"UnitCpuHigh": "systemd", "UnitMemoryHigh": "systemd"},
        **{"ContainerCpuHigh": "container", "ContainerMemoryHigh": "container"},
        **{"ServiceCgroupCpuHigh": "container", "ServiceCgroupMemoryHigh": "container"},
        **{"PodCpuHigh": "pod", "PodMemoryHigh": "pod"},
    },
}


def first_addressed(labels: dict[str, str]) -> str:
    at = Host(known_as=("10.0.0.5", "fd00::5", "fd00::6", "worker-1"))
    return next(kind_of(resolver) for resolver in RESOLVERS if resolver.find(labels, at.reach) is not None)


def test_prometheus_accepts_its_configuration() -> None:
    run("promtool", "check", "config", "--syntax-only", DEPLOY / "prometheus" / "prometheus.yml")


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "alertprof.service"
    text = (DEPLOY / "systemd" / "alertprof.service").read_text()
    unit.write_text(text.replace("/opt/alertprof/bin/alertprof", "/bin/true"))  # it has to exist where this runs
    assert run("systemd-analyze", "verify", unit) == ""
    run("systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)  # exposure of 2.0 at most


@pytest.fixture(params=["example", "compose"])
def alertmanager(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Alertmanager's configuration: the example that README names, and what the compose file gives it."""
    if request.param == "example":
        return EXAMPLE
    made = tmp_path / "alertmanager.yml"
    made.write_text(yaml.safe_load((DEPLOY / "compose.yaml").read_text())["configs"]["alertmanager"]["content"])
    return made


def receivers(config: Path, labels: dict[str, str]) -> list[str]:
    """Where Alertmanager would send an alert with these labels."""
    words = [f"{name}={json.dumps(value)}" for name, value in labels.items()]
    said = run("amtool", "config", "routes", "test", f"--config.file={config}", *words)
    return said.splitlines()[0].split(",")  # a warning may follow on stderr


def test_alertmanager_accepts_its_configuration(alertmanager: Path) -> None:
    run("amtool", "check-config", alertmanager)


@pytest.mark.parametrize("rules", ["rules", "exporters"])
def test_every_alert_that_a_shipped_rule_fires_is_sent_to_alertprof(rules: str, alertmanager: Path) -> None:
    for name, labels in alerts_of(rules):
        assert "alertprof" in receivers(alertmanager, {"alertname": name, **labels}), name


def test_alerts_about_alertprof_itself_are_all_tested_documented_and_not_sent_to_it(alertmanager: Path) -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alertprof.yml").read_text())["groups"][0]["rules"]
    fired = alerts_of("alertprof")
    assert {rule["alert"] for rule in rules} == {name for name, _ in fired}
    table = section(text_of("docs/metrics.md"), "## Alerts and dashboard")
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [rule["alert"] for rule in rules]
    for name, labels in fired:
        assert "alertprof" not in receivers(alertmanager, {"alertname": name, **labels}), name


@pytest.mark.parametrize("said", [{}, {"profile": "no"}, {"severity": "critical"}])
def test_an_alert_that_asks_for_no_profile_is_not_sent_to_alertprof(said: dict[str, str]) -> None:
    assert receivers(EXAMPLE, {"alertname": "DiskFull", "severity": "warning", **said}) == ["nobody"]


def test_the_unit_reloads_by_the_signal_that_reads_the_configuration_again() -> None:
    unit = (DEPLOY / "systemd" / "alertprof.service").read_text()
    assert "ExecReload=/bin/kill -HUP $MAINPID\n" in unit


@pytest.mark.parametrize("name", ["links", "slack.text", "dingtalk.content"])
def test_the_links_in_alertmanagers_templates_lead_to_the_alert(name: str) -> None:
    message = DEPLOY.parent / "tests" / "data" / "alertmanager" / "0.25-firing.json"
    glob = f"--template.glob={DEPLOY / 'alertmanager' / 'alertprof.tmpl'}"
    text = f'--template.text={{{{ template "alertprof.{name}" . }}}}'
    said = run("amtool", "template", "render", glob, f"--template.data={message}", text)
    alert = json.loads(message.read_text())["alerts"][0]
    assert re.search(rf"http://alertprof\.example\.com:9911/alerts/{alert['fingerprint']}\b", said), said
