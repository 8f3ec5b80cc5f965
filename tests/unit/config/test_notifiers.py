"""Who is told: the keys notifiers and notify, and which captures they concern."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.config.settings import BadConfig, Settings, parse
from app.model import State, Trigger
from app.telling import recipients
from tests.lab.pages import ROOT
from tests.unit.notifiers.told import captured, failed

FILE = """\
notifiers:
  - {name: chat, kind: apprise, url_file: slack}
  - {name: keep, kind: upload, url: "http://store.example.com"}
notify: [keep, {to: chat, when: [failed]}]
rules:
  - name: orders
    matchers: ['job="orders"']
    notify: [chat]
  - name: quiet
    matchers: ['job="quiet"']
    notify: []
  - name: rest
"""


@pytest.fixture
def settings() -> Settings:
    return parse(FILE, Path("/etc/alertprof/alertprof.yml"))


def faults(text: str) -> list[str]:
    with pytest.raises(BadConfig) as bad:
        parse(text, Path("a.yml"))
    return str(bad.value).splitlines()


def test_a_rule_says_who_is_told_and_otherwise_the_configuration_for_all(settings: Settings) -> None:
    def told(rule: str, state: State = State.COMPLETED) -> list[str]:
        return sorted(recipients(lambda: settings, captured(rule=rule, state=state)))

    assert told("orders") == told("orders", State.FAILED) == ["chat"]
    assert told("quiet") == []
    assert told("rest") == ["keep"]
    assert told("rest", State.FAILED) == ["chat", "keep"]
    assert told("a rule that was removed") == ["keep"]
    assert told("orders", State.SKIPPED) == told("rest", State.CANCELED) == []


def test_what_no_alert_asked_for_goes_only_to_those_that_keep_profiles(settings: Settings) -> None:
    by_hand = replace(failed(), trigger=Trigger("manual", by="ops"), rule="")
    assert recipients(lambda: settings, by_hand) == {"keep"}
    assert recipients(lambda: settings, replace(by_hand, rule="orders")) == set()


def test_relative_files_begin_at_the_configuration(settings: Settings) -> None:
    assert getattr(settings.notifiers["chat"], "url_file") == "/etc/alertprof/slack"  # noqa: B009


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("notify: [chat]", "a.yml:1:10: notify[0]: there is no notifier 'chat'; there are: none"),
        (FILE + "    notify: [{to: chta}]", "there is no notifier 'chta'; there are: chat, keep"),
        (FILE.replace("name: keep", "name: chat").replace("keep", "chat"), "an earlier notifier is called 'chat' too"),
        (FILE.replace("kind: upload", "kind: uplaod"), "there is no notifier 'uplaod'; there are apprise, grafana"),
        (FILE.replace("url:", "ulr:"), "upload has no option 'ulr'"),
        (FILE.replace("[failed]", "[skipped]"), "Input should be 'completed' or 'failed'"),
        (FILE.replace("name: chat, ", ""), "a notifier needs a name"),
    ],
)
def test_a_fault_is_named_with_its_place_and_what_would_be_right(text: str, fault: str) -> None:
    assert any(fault in line for line in faults(text)), faults(text)


def test_the_notifiers_of_the_example_are_good_once_they_are_taken_out_of_their_comments() -> None:
    text = (ROOT / "deploy" / "alertprof.example.yml").read_text(encoding="utf-8")
    block = text[text.index("# notifiers:") : text.index("notify: []")]
    found = parse(block.replace("# ", "", 1).replace("\n# ", "\n"), Path("a.yml"))
    assert sorted(found.notifiers) == ["graphs", "incidents", "oncall", "profiles"]
