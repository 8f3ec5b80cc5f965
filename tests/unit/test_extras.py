"""The extras of the distribution: what each installs is used, documented, and named to whoever lacks it."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from app.config.settings import BadConfig, parse
from tests.lab.pages import ROOT, section, text_of

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
SOURCES = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "app").rglob("*.py"))
MODULES = {
    name: [module for module, named in packages_distributions().items() if name in named]
    for name in ("apprise", "mcp", "obstore", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http", "psycopg")
}


@pytest.mark.parametrize("extra", EXTRAS)
def test_what_an_extra_installs_is_used_and_whoever_lacks_it_is_told(extra: str) -> None:
    names = [re.split(r"[\[><=]", requirement)[0] for requirement in EXTRAS[extra]]
    assert names
    for name in names:
        used = [module for module in MODULES[name] if re.search(rf"\b{module}\b", SOURCES)]
        assert used, f"{name} is installed by the extra {extra}, and not used"
    assert f"pip install 'alertprof[{extra}]'" in SOURCES


def test_every_extra_is_documented_and_no_other_is() -> None:
    table = section(text_of("docs/installing.md"), "## Extras")
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(EXTRAS)


def test_a_notifier_that_needs_an_extra_is_a_fault_of_the_configuration_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "notifiers: [{name: oncall, kind: apprise, url_file: slack.url}]\nnotify: [oncall]\n"
    assert sorted(parse(text, Path("a.yml")).notifiers) == ["oncall"]
    monkeypatch.setattr("app.notifiers.apprise.find_spec", lambda name: None)
    with pytest.raises(BadConfig, match=r"a\.yml:1:\d+: .*pip install 'alertprof\[notify\]'"):
        parse(text, Path("a.yml"))
