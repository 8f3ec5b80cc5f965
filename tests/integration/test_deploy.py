"""What stands in deploy/, asked of the programs that will read it."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.plugins import kind_of
from app.resolvers.order import RESOLVERS
from tests.lab import golang
from tests.lab.forked import alertprof
from tests.lab.pages import section, text_of
from tests.unit.resolvers.host import Host

DEPLOY = Path(__file__).parents[2] / "deploy"
EXAMPLE = DEPLOY.parent / "alertmanager-example.yml"
COMPOSITIONS = ("compose", "compose-replicas")


def composition(name: str) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((DEPLOY / f"{name}.yaml").read_text())
    return made


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


@pytest.fixture(params=["example", *COMPOSITIONS])
def alertmanager(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Alertmanager's configuration: the example that README names, and what the compose file gives it."""
    if request.param == "example":
        return EXAMPLE
    made = tmp_path / "alertmanager.yml"
    made.write_text(composition(request.param)["configs"]["alertmanager"]["content"])
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


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_everything_that_a_composition_names_is_there(name: str) -> None:
    compose = composition(name)
    for each, service in compose["services"].items():
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), each
        assert {config["source"] for config in service.get("configs", [])} <= set(compose["configs"]), each
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (DEPLOY / source).is_dir() if source.startswith(".") else source in compose["volumes"], each
    for said in compose["configs"].values():
        assert yaml.safe_load(said["content"])


def test_the_service_of_the_composition_is_a_go_zero_that_compiles() -> None:
    try:
        binary = golang.build("compose")
    except golang.Unavailable as reason:
        pytest.skip(str(reason))
    assert b"go-zero/core/proc" in binary.read_bytes()


def test_the_secrets_of_the_compositions_are_made_once_and_alertprof_accepts_every_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "secrets.sh").write_text((DEPLOY / "secrets.sh").read_text())
    run("sh", tmp_path / "secrets.sh")
    compositions = [composition(name) for name in COMPOSITIONS]
    made = {name: tmp_path / said["file"] for each in compositions for name, said in each["secrets"].items()}
    before = {name: file.read_bytes() for name, file in made.items()}
    run("sh", tmp_path / "secrets.sh")
    assert {name: file.read_bytes() for name, file in made.items()} == before
    assert made["id_ed25519"].stat().st_mode & 0o077 == 0
    run("ssh-keygen", "-F", "orders", "-f", made["known_hosts"])
    texts = [each["configs"]["alertprof"]["content"] for each in compositions]
    for n, text in enumerate((*texts, (DEPLOY / "kustomize" / "alertprof.yml").read_text(), of_three_replicas())):
        (config := tmp_path / f"alertprof-{n}.yml").write_text(
            re.sub(r"/(run|etc)/(\w+/)+(?=\w+$)", f"{tmp_path}/secrets/", text, flags=re.MULTILINE)
        )
        done = alertprof("check-config", config)
        assert done.returncode == 0, done.stderr


def of_three_replicas() -> str:
    """The chart's configuration with the values for three, as Helm merges maps."""
    chart = DEPLOY / "helm" / "alertprof"
    one, three = (
        yaml.safe_load((chart / f"{name}.yaml").read_text())["config"] for name in ("values", "values-replicas")
    )
    return str(yaml.safe_dump({key: {**said, **three.get(key, {})} for key, said in one.items()}))


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


def test_the_base_and_the_chart_give_alertprof_the_same_configuration() -> None:
    base = (DEPLOY / "kustomize" / "alertprof.yml").read_text()
    values = yaml.safe_load((DEPLOY / "helm" / "alertprof" / "values.yaml").read_text())
    assert values["config"] == yaml.safe_load(base)


def test_the_base_names_every_file_beside_it() -> None:
    folder = DEPLOY / "kustomize"
    base = yaml.safe_load((folder / "kustomization.yaml").read_text())
    named = {*base["resources"], *base["configMapGenerator"][0]["files"], "kustomization.yaml"}
    assert named == {file.name for file in folder.iterdir()}
