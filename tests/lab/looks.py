"""What a page looks like in a real browser: whether it fits, whether its words are whole, what axe-core says of it."""

from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.lab import npm

AXE = ("axe-core", "4.14.1", "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745")  # MPL-2.0
SERIOUS = {"serious", "critical"}

BROKEN = """() => {
  const found = [], seen = (rects) => [...rects].filter((r) => r.width > 0).map((r) => Math.round(r.top));
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    if (!node.parentElement.checkVisibility()) continue;
    for (const word of node.data.matchAll(/(?<![A-Za-z])[A-Za-z]{2,20}(?![A-Za-z])/g)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      if (new Set(seen(range.getClientRects())).size > 1) found.push(word[0]);
    }
  }
  return found;
}"""
WIDE = """() => {
  const own = (e) => [e.tagName.toLowerCase(), ...e.classList].join(".");
  const wide = [...document.body.querySelectorAll("*")].filter(
    (e) => e.checkVisibility() && !e.closest("pre, svg, textarea, select, .skip") &&
      (e.getBoundingClientRect().right > innerWidth + 1 ||
       (getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1)));
  const page = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
  return [...page, ...wide.map((e) => `${own(e)}: ${e.textContent.trim().slice(0, 40)}`)];
}"""


def too_wide(page: Page) -> list[str]:
    """What reaches beyond the screen, or is cut off or scrolls sideways in its place; code blocks may scroll."""
    found: list[str] = page.evaluate(WIDE)
    return found


def broken_words(page: Page) -> list[str]:
    """Words of up to 20 letters of which the letters stand on two lines."""
    found: list[str] = page.evaluate(BROKEN)
    return found


def serious(page: Page) -> list[str]:
    """What axe-core finds serious or critical, one sentence an element. Skips the test where it cannot be had."""
    try:
        page.evaluate(_axe())
    except npm.Unavailable as reason:
        pytest.skip(str(reason))
    report: dict[str, Any] = page.evaluate("() => axe.run({ resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {each['help']}: {node['target']} {node['any'][0]['message'] if node['any'] else ''}"
        for each in report["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@cache
def _axe() -> str:
    return (npm.package(*AXE) / "axe.min.js").read_text()
