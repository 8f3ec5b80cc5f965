"""README.zh-Hans.md is README.md in Chinese: the same structure, blocks, code and links, so neither lags behind."""

import re

import pytest

from tests.lab.pages import FENCE, ROOT, blocks_in

ENGLISH, CHINESE = "README.md", "README.zh-Hans.md"
STRUCTURE = re.compile(r"^ *(#+|\d+\.|\|(?=.*\|$)|!(?=\[))", re.MULTILINE)


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    return FENCE.sub("", text(page))


def test_the_blocks_are_the_same() -> None:
    both = [[(block.language, block.text) for block in blocks_in(text(page), page)] for page in (ENGLISH, CHINESE)]
    assert both[0] == both[1]


def test_headings_steps_rows_and_pictures_follow_one_another_in_the_same_order() -> None:
    assert STRUCTURE.findall(prose(ENGLISH)) == STRUCTURE.findall(prose(CHINESE))


@pytest.mark.parametrize("what", [r"`([^`]+)`", r"\]\(([^)\s]+)\)"], ids=["code", "links"])
def test_both_name_the_same(what: str) -> None:
    named = [{" ".join(each.split()) for each in re.findall(what, prose(page))} for page in (ENGLISH, CHINESE)]
    assert named[0] - {CHINESE} == named[1] - {ENGLISH}
