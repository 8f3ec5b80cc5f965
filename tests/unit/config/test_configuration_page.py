"""docs/configuration.md has every key of the configuration, as the code has it, with an example."""

from typing import Any

import jsonschema_rs
import pytest
import yaml

from app.config.descriptions import DESCRIPTIONS
from app.config.file import Whole
from app.config.schema import blocks, schema
from tests.lab.configuration import tables
from tests.lab.pages import ROOT

PAGE = (ROOT / "docs" / "configuration.md").read_text()
EXAMPLES = [yaml.safe_load(text.partition("```")[0]) for text in PAGE.split("```yaml\n")[1:]]


def keys(value: Any, name: str = "") -> set[str]:
    """The keys in an example, as DESCRIPTIONS has them."""
    if isinstance(value, list):
        return {key for each in value for key in keys(each, f"{name}[]")}
    there = value if isinstance(value, dict) else {}
    return {f"{name}.{key}".removeprefix(".") for key in there} | {
        inner for key, each in there.items() for inner in keys(each, f"{name}.{key}".removeprefix("."))
    }


@pytest.mark.parametrize("block", tables())
def test_the_page_has_each_key_with_its_type_and_default(block: str) -> None:
    """`python -m tests.lab.configuration` prints the tables."""
    assert "\n".join(tables()[block]) + "\n" in PAGE


def test_the_page_has_an_example_of_each_key() -> None:
    shown = {key for example in EXAMPLES for key in keys(example or {})}
    assert set(DESCRIPTIONS) <= shown


def test_each_key_is_described_and_nothing_else_is() -> None:
    assert set(DESCRIPTIONS) == {
        f"{name}.{key}".removeprefix(".") for name, block in blocks(Whole) for key in block.model_fields
    }


def test_the_schema_takes_the_examples_and_the_example_file() -> None:
    example = yaml.safe_load((ROOT / "deploy" / "alertprof.example.yml").read_text())
    for each in (*EXAMPLES, example):
        jsonschema_rs.validate(schema(), each or {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"rulez": []},
        {"limits": {"hold": 30}},
        {"ssh": {"port": "22"}},
        {"rules": [{"name": "a", "profiler": "nosuch"}]},
        {"rules": [{"name": "a", "resolvers": [{"kind": "top", "by": "disk"}]}]},
        {"rules": [{"matchers": []}]},
    ],
)
def test_the_schema_refuses_what_check_config_refuses(wrong: Any) -> None:
    assert not jsonschema_rs.is_valid(schema(), wrong)
