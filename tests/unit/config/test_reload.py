"""Reading the configuration anew: all of it or nothing, and what is said."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from app.config.reload import Reload
from app.config.settings import Settings, load
from app.config.shown import without_secrets
from app.metrics import Metrics
from app.redaction import Redaction

GOOD = "limits: {per_hour: 7}\n"


class Reloaded:
    """A file, and what follows it."""

    def __init__(self, folder: Path) -> None:
        self.file, self.metrics = folder / "alertprof.yml", Metrics()
        self.file.write_text("")
        self.followed: list[Settings] = []
        self.follow: Callable[[Settings], None] = self.followed.append
        read = partial(load, self.file, folder)
        self.reload = Reload(read(), read, self._follow, self.metrics)

    def _follow(self, settings: Settings) -> None:
        self.follow(settings)

    def said(self, text: str) -> str | None:
        self.file.write_text(text)
        return self.reload.reload()

    def metric(self, name: str) -> float:
        value = self.metrics.registry.get_sample_value(f"alertprof_config_last_reload_{name}")
        assert value is not None
        return value


@pytest.fixture
def reloaded(tmp_path: Path) -> Reloaded:
    return Reloaded(tmp_path)


def test_a_good_file_is_followed_and_shown(reloaded: Reloaded) -> None:
    assert reloaded.said(GOOD) is None
    assert [settings.limits.per_hour for settings in reloaded.followed] == [7]
    assert reloaded.reload.text() == GOOD
    assert reloaded.metric("successful") == 1


def test_of_a_file_with_faults_nothing_is_taken_and_every_fault_is_told(reloaded: Reloaded) -> None:
    reloaded.said(GOOD)
    since = reloaded.metric("success_timestamp_seconds")
    said = reloaded.said("limits: {per_hour: 8, per_host: -1}\nrulez: []\n") or ""
    assert f"{reloaded.file}:1:33: limits.per_host:" in said
    assert f"{reloaded.file}:2:1: rulez: unknown key; did you mean rules?" in said
    assert (len(reloaded.followed), reloaded.reload.text()) == (1, GOOD)
    assert (reloaded.metric("successful"), reloaded.metric("success_timestamp_seconds")) == (0, since)
    assert reloaded.said(GOOD) is None
    assert reloaded.metric("successful") == 1


@pytest.mark.parametrize("key", ["database: sqlite:///other.db", "artifacts: elsewhere"])
def test_where_data_rests_is_not_changed_and_the_key_is_named(reloaded: Reloaded, key: str) -> None:
    said = reloaded.said(f"storage: {{{key}}}\nlimits: {{per_hour: 7}}\n") or ""
    assert said.startswith(f"storage.{key.partition(':')[0]} is read when the service starts: restart it, or ")
    assert (reloaded.followed, reloaded.reload.text()) == ([], "")


def test_what_the_service_cannot_follow_is_told_and_not_in_force(reloaded: Reloaded) -> None:
    def follow(settings: Settings) -> None:
        raise RuntimeError("can't start new thread")

    reloaded.follow = follow
    assert reloaded.said(GOOD) == "can't start new thread"
    assert (reloaded.reload.text(), reloaded.metric("successful")) == ("", 0)


@pytest.mark.parametrize(
    "text",
    [
        "storage: {database: 'postgresql+psycopg://u:pa/geheim@db/x'}",
        'storage: {database: "postgresql+psycopg:\\x2f/u:geheim@db/x"}',
        "storage:\n  database: >-\n    postgresql+psycopg://u:\n    geheim@db/x\n",
        "storage: {database: 'postgresql+psycopg://db/x?user=u&password=geheim'}",
        "prometheus: {url: &one 'http://u:geheim@[::1]:9090/'}\n# it was http://u:geheim@old\n",
        "rules: [{name: a, profiler: {kind: command, start: [x, --token, geheim]}}]",
        "redact: {patterns: ['pin ([a-z]+)']} # pin geheim",
    ],
)
def test_what_is_shown_of_a_configuration_has_no_secret_however_yaml_writes_it(text: str) -> None:
    redaction = Redaction(patterns=("pin ([a-z]+)",))
    shown = without_secrets(f"{text}\nlimits: {{per_hour: 7}}\n", redaction)
    assert "geheim" not in shown
    assert shown.endswith("limits: {per_hour: 7}\n")
