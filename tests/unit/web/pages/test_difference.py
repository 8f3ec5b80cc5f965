"""The page of a capture that is compared with another one."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from app.analysis.diff.normalize import Normalize
from app.analysis.diff.tree import DifferenceTree, Node
from app.web.pages.difference_flame import difference_flame
from tests.unit.web.api.test_differences import AFTER, BEFORE, TARGET, keep, recorded
from tests.unit.web.web_app import WebApp, without_own_scripts


def page(web: WebApp, path: str) -> str:
    answer = web.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text.replace("<wbr>", "")


def test_a_captures_page_offers_the_baseline_first_then_earlier_captures_of_its_service(web: WebApp) -> None:
    web.now -= timedelta(hours=2)
    calm, other = keep(web, BEFORE), keep(web, BEFORE, replace(TARGET, service="pay"))
    web.now += timedelta(hours=1)
    earlier = keep(web, BEFORE)
    web.now += timedelta(hours=1)
    capture = keep(web, AFTER)
    web.client.post(f"/captures/{calm.id}/baseline")
    shown = page(web, f"/ui/captures/{capture.id}")
    assert re.findall(r'<option value="([^"]+)"', shown) == [calm.id, earlier.id]
    assert "baseline, 2026-11-23 10:00:00" in shown
    assert "It is the baseline: other captures of order-mq" in page(web, f"/ui/captures/{calm.id}")
    assert "compare with" not in page(web, f"/ui/captures/{other.id}")


def test_the_page_names_what_changed_and_shows_what_was_before(web: WebApp) -> None:
    base, capture = keep(web, BEFORE), keep(web, AFTER)
    shown = page(web, f"/ui/captures/{capture.id}/diff?base={base.id}")
    assert "<b><code>main.price</code></b> itself: 2s → 9s, more than noise" in shown
    assert '<td class="n">+7s</td>' in shown and "<b><code>main.search</code></b>" not in shown
    assert "main.price: 9s, was 2s: +7s" in shown
    assert 'class="more3"' in shown
    assert f"?kind=cpu&amp;sample_type=cpu&amp;base={base.id}&amp;normalize=total" in shown


def test_where_nothing_changed_the_page_says_so(web: WebApp) -> None:
    base, capture = keep(web, BEFORE), keep(web, BEFORE)
    shown = page(web, f"/ui/captures/{capture.id}/diff?base={base.id}")
    assert "No function changed by more than the noise of sampling." in shown
    assert 'class="more' not in shown.replace('class="key more3"', "")


@pytest.mark.parametrize("content", [b"no profile", recorded({"<script>alert(1)</script>": 900})])
def test_what_a_base_says_cannot_become_markup_and_its_faults_are_told(web: WebApp, content: bytes) -> None:
    base, capture = keep(web, content), keep(web, AFTER)
    shown = page(web, f"/ui/captures/{capture.id}/diff?base={base.id}")
    assert "<script" not in without_own_scripts(shown)
    assert ("its base cannot be compared with" in shown) == (content == b"no profile")


def test_a_base_that_is_not_there_is_a_problem(web: WebApp) -> None:
    assert web.client.get(f"/ui/captures/{keep(web, AFTER).id}/diff").status_code == 404


def test_a_box_is_as_wide_as_both_and_its_colour_is_the_part_of_the_whole_that_differs() -> None:
    nodes = (
        Node("root", 1000, 0, 1000, 0, -1),
        Node("same", 500, 500, 500, 500, 0),
        Node("less", 100, 100, 400, 400, 0),
        Node("more", 396, 396, 100, 100, 0),
        Node("pale", 4, 4, 0, 0, 0),
    )
    tree = DifferenceTree("cpu", "cpu", ("cpu",), "count", 1000, 30.0, 30.0, Normalize.NONE, nodes)
    drawn = difference_flame(tree, 0)
    assert [(box.look, box.width) for box in drawn.boxes] == [
        ("other", 100.0), ("other", 50.0), ("less3", 25.0), ("more3", 24.8), ("other", 0.2),
    ]  # fmt: skip
