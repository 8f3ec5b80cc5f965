"""What stands in deploy/, asked of the programs that will read it."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"


def run(*argv: str | Path) -> str:
    words = [str(word) for word in argv]
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_alert_rules_fire_when_they_should_and_not_otherwise() -> None:
    run("promtool", "check", "rules", DEPLOY / "prometheus" / "rules.yml")
    run("promtool", "test", "rules", DEPLOY / "prometheus" / "rules_test.yml")


def test_prometheus_accepts_its_configuration() -> None:
    run("promtool", "check", "config", "--syntax-only", DEPLOY / "prometheus" / "prometheus.yml")


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "alertprof.service"
    text = (DEPLOY / "systemd" / "alertprof.service").read_text()
    unit.write_text(text.replace("/opt/alertprof/bin/alertprof", "/bin/true"))  # it has to exist where this runs
    assert run("systemd-analyze", "verify", unit) == ""


def test_alertmanager_accepts_what_the_compose_file_gives_it(tmp_path: Path) -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    config = tmp_path / "alertmanager.yml"
    config.write_text(compose["configs"]["alertmanager"]["content"])
    run("amtool", "check-config", config)
