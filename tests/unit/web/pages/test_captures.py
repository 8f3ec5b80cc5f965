"""What a person sees."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from app.analysis.tree import Node, Tree
from app.errors import Code, Reason
from app.model import Artifact, Kind, State, Step, Target, Trigger
from app.web.languages import translations
from app.web.pages import words
from app.web.pages.states import reason_in_words
from tests.unit.web.web_app import CPU, EXTERNAL, WebApp, without_own_scripts

SCRIPT = re.compile(r"<script|<style|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)


def page(web: WebApp, path: str) -> str:
    answer = web.client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not SCRIPT.search(without_own_scripts(answer.text))
    return answer.text


def test_the_list_shows_every_capture_with_its_state_and_its_reason_in_words(web: WebApp) -> None:
    done, failed = web.keep_completed(), web.keep_failed()
    shown = page(web, "/")

    assert f'href="/ui/captures/{done.id}"' in shown
    assert f'href="/ui/captures/{failed.id}"' in shown
    assert '<b class="state completed">completed</b>' in shown
    assert '<b class="state failed">failed</b> <span class="reason">no process found</span>' in shown
    assert "is the instance label right?" in shown
    assert "pid 21181" in shown
    assert 'href="/alerts/8a3e2b1c4d5f6071"' in shown


@pytest.mark.parametrize("code", Code)
def test_every_reason_has_words_in_both_languages(code: Code) -> None:
    english = reason_in_words(code)
    assert english != code and translations("zh-Hans").gettext(english) != english


def test_the_list_looks_again_soon_while_something_is_active_and_later_otherwise(web: WebApp) -> None:
    web.keep_completed()
    shown = page(web, "/")
    assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in shown
    assert 'hx-trigger="every 30s"' in shown

    web.keep(state=State.RECORDING, step=Step.WAIT)
    assert 'content="5"' in page(web, "/")


def test_a_bar_of_the_chart_and_a_chip_lead_to_exactly_the_captures_they_count(web: WebApp) -> None:
    old = web.keep_completed(created_at=web.now - timedelta(hours=5))
    web.keep_completed(created_at=web.now - timedelta(days=3))
    failed, done = web.keep_failed(), web.keep_completed()
    shown = page(web, "/?service=order-mq")
    bars = dict(re.findall(r'<a href="([^"]+)"[^>]*><title>([^<]+)</title>', shown))
    assert list(bars.values()) == ["2026-11-23 07:00:00: completed 1", "2026-11-23 12:00:00: completed 1, failed 1"]
    assert listed(web, next(iter(bars))) == [old.id]

    chip = re.search(
        r'<a class="chip" href="([^"]+)"><b class="state failed">failed</b> <small>1</small>', page(web, "/")
    )
    assert chip and listed(web, chip[1]) == [failed.id]
    assert listed(web, "/?reason=process_not_found&rule=orders") == [failed.id]
    assert len(listed(web, "/?match=job%3D%22order-mq%22&until=1h")) == 2
    assert done.id in listed(web, "/?state=completed")


def listed(web: WebApp, path: str) -> list[str]:
    """The ids of the captures that a list shows."""
    return re.findall(r'<li id="c-([0-9a-f-]+)">', page(web, path.replace("&amp;", "&")))


def test_a_chip_offers_what_occurs_beside_the_other_filters(web: WebApp) -> None:
    web.keep_completed()
    web.keep_completed(rule="other", target=Target("10.0.0.6", 7, "cart"))
    shown = page(web, "/?service=cart")
    facets = shown[shown.index("<details") : shown.index("</details>")]
    assert "10.0.0.6" in facets and "10.0.0.5" not in facets
    assert "other" in facets and "orders" not in facets


def test_a_wrong_matcher_is_told_beside_the_field_that_has_it(web: WebApp) -> None:
    answer = web.client.get('/?match=job=~"(')
    assert answer.status_code == 422
    assert 'id="fault">match: at character' in answer.text and 'value="job=~&#34;("' in answer.text


def test_one_capture_looks_again_only_while_it_is_active(web: WebApp) -> None:
    assert "http-equiv" not in page(web, f"/ui/captures/{web.keep_completed().id}")
    assert 'http-equiv="refresh" content="5"' in page(web, f"/ui/captures/{web.keep().id}")


def test_the_filters_of_the_query_hold_and_stay_in_the_form(web: WebApp) -> None:
    done, waiting = web.keep_completed(), web.keep()
    shown = page(web, "/?state=completed&host=&match=job%3D%22order-mq%22")

    assert done.id in shown
    assert waiting.id not in shown
    assert '<input type="hidden" name="state" value="completed">' in shown
    assert 'value="job=&#34;order-mq&#34;"' in shown


def test_older_captures_are_a_link_away_with_the_same_filters(web: WebApp) -> None:
    kept = [web.keep() for _ in range(3)]
    shown = page(web, "/?limit=2&state=pending")

    assert kept[0].id not in shown
    link = re.search(r'<a href="([^"]+)">older</a>', shown)
    assert link
    older = page(web, link[1].replace("&amp;", "&"))
    assert kept[0].id in older
    assert kept[1].id not in re.findall(r"/ui/captures/([0-9a-f-]+)", older)
    assert "older</a>" not in older


def test_an_empty_table_says_what_to_do(web: WebApp) -> None:
    assert "No captures yet" in page(web, "/")
    assert "No capture fits these filters" in page(web, "/?host=h")


def test_one_capture_tells_what_happened_its_files_and_its_hot_functions(web: WebApp) -> None:
    capture = web.keep_completed()
    shown = page(web, f"/ui/captures/{capture.id}")

    assert "HighCPU fired: order-mq on 10.0.0.5 (pid 21181) was recorded for 30s, 1 file kept" in shown
    assert f'href="/captures/{capture.id}/artifacts/{CPU}"' in shown
    assert f"go tool pprof -http=: {EXTERNAL}/captures/{capture.id}/artifacts/{CPU}" in shown.replace("<wbr>", "")
    assert '<td class="n">70.00%</td>' in shown
    assert "main.burn&lt;T&gt;" in shown
    assert "order-mq -f &lt;etc&gt;.yaml" in shown


def test_another_kind_and_sample_type_are_a_link_away(web: WebApp) -> None:
    cpu = web.keep_completed().artifacts[0]
    heap = replace(cpu, name="order-mq-21181-heap-20261123T120000.pprof", kind=Kind.HEAP)
    capture = web.keep_completed(artifacts=(cpu, heap))
    shown = page(web, f"/ui/captures/{capture.id}?kind=heap&sample_type=samples")

    assert 'profile: <a href="?kind=cpu">cpu</a> <b>heap</b>' in shown
    assert 'sample type: <b>samples</b> <a href="?kind=heap&amp;sample_type=cpu">cpu</a>' in shown
    assert web.tops[-1][2] == "samples"


def test_a_profile_that_cannot_be_read_leaves_the_rest_of_the_page(web: WebApp) -> None:
    shown = page(web, f"/ui/captures/{web.keep_completed(b'not gzip').id}")

    assert "it is not gzip" in shown
    assert "Timeline" in shown


def test_without_a_cpu_profile_the_first_there_is_is_shown(web: WebApp) -> None:
    heap = replace(web.keep_completed().artifacts[0], name="heap.pprof", kind=Kind.HEAP)
    dump = Artifact("g.txt", Kind.GOROUTINE, 1, "0")
    capture = web.keep_completed(artifacts=(dump, heap))

    assert "Top functions: heap" in page(web, f"/ui/captures/{capture.id}")
    assert "Flame graph: heap" in page(web, f"/ui/captures/{capture.id}/flame")
    assert "kind=goroutine" not in page(web, f"/ui/captures/{capture.id}")


def test_without_any_profile_there_is_no_table(web: WebApp) -> None:
    capture = web.keep_completed(artifacts=(Artifact("g.txt", Kind.GOROUTINE, 1, "0"),))
    assert "Top functions" not in page(web, f"/ui/captures/{capture.id}")
    assert "This capture has no cpu profile" in page(web, f"/ui/captures/{capture.id}/flame")


def test_the_profile_is_read_once_for_the_page_and_for_what_its_script_asks(web: WebApp) -> None:
    capture = web.keep_completed()
    page(web, f"/ui/captures/{capture.id}/flame")
    seen = web.client.get(f"/captures/{capture.id}/flamegraph?kind=cpu&sample_type=cpu&root=0").json()
    assert (seen["sample_type"], len(web.trees)) == ("cpu", 1)


def test_the_flame_graph_is_a_link_away_and_leads_back(web: WebApp) -> None:
    capture = web.keep_completed()
    link = f"/ui/captures/{capture.id}/flame?kind=cpu&amp;sample_type=samples"
    assert f'href="{link}"' in page(web, f"/ui/captures/{capture.id}?sample_type=samples")

    shown = page(web, link.replace("&amp;", "&"))
    assert f'href="/ui/captures/{capture.id}?kind=cpu&amp;sample_type=samples"' in shown
    assert '<a href="?kind=cpu&amp;sample_type=cpu">cpu</a>' in shown
    assert "samples, 10s in all, over 30.10s." in shown
    assert web.trees[-1][1] == "samples"


def test_a_box_has_its_place_its_name_and_a_link_to_itself_in_full_width(web: WebApp) -> None:
    shown = page(web, f"/ui/captures/{web.keep_completed().id}/flame")

    title = "<title>example.com/orders/burn.Burn[T]: 8s (80.00%)</title>"
    assert f'<a href="?kind=cpu&amp;sample_type=cpu&amp;root=258">{title}' in shown
    assert '<svg x="0.0%" y="42" width="80.0%" height="20"><rect class="f' in shown
    assert '<text x="4" y="14">burn.Burn[T]</text>' in shown
    assert "main.idle&lt;T&gt;" in shown
    assert ">show all</a>" not in shown


def test_a_function_in_full_width_is_told_with_its_numbers(web: WebApp) -> None:
    shown = page(web, f"/ui/captures/{web.keep_completed().id}/flame?root=1")

    assert "<b>main.main</b><br>9s (90.00%), of which 1s (10.00%) its own" in shown
    assert '<a href="?kind=cpu&amp;sample_type=cpu">show all</a>' in shown
    assert "main.idle" not in shown


def test_a_root_that_is_no_number_is_a_problem_and_one_too_large_is_none(web: WebApp) -> None:
    path = f"/ui/captures/{web.keep_completed().id}/flame"
    assert web.client.get(f"{path}?root=x").status_code == 422
    main = [page(web, f"{path}{root}").partition("<main")[2] for root in ("", "?root=999999999999999999999")]
    assert main[0] == main[1]


def test_a_profile_without_samples_and_one_that_cannot_be_read_are_told(
    web: WebApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "it is not gzip" in page(web, f"/ui/captures/{web.keep_completed(b'not gzip').id}/flame")

    idle = Tree("cpu", "cpu", ("cpu",), "nanoseconds", None, (Node("root", 0, 0, -1),))
    monkeypatch.setattr(web, "tree", lambda *_: idle)
    web.client = web.reached_by()
    shown = page(web, f"/ui/captures/{web.keep_completed().id}/flame")
    assert "cpu, 0 in all. Nothing was sampled." in shown
    assert "<svg" not in shown


def test_a_failed_capture_says_why_in_its_first_sentence(web: WebApp) -> None:
    shown = page(web, f"/ui/captures/{web.keep_failed().id}")

    assert "HighCPU fired, but the capture failed. nothing listens on port 9100 of 10.0.0.5" in shown
    assert "Files" not in shown


def test_texts_from_outside_cannot_become_markup_or_links(web: WebApp) -> None:
    labels = {"alertname": "<script>alert(1)</script>", 'a"b': "<img src=x>"}
    trigger = Trigger("alert", labels, "8a3e2b1c4d5f6071", starts_at=web.now, generator_url="javascript:alert(1)")
    capture = web.keep(trigger=trigger)

    assert "&lt;script&gt;" in page(web, f"/ui/captures/{capture.id}")
    page(web, "/")


def test_a_pause_is_told_on_every_page(web: WebApp) -> None:
    web.ledger.pause(web.now, "ann")

    assert "Captures are paused since 2026-11-23 12:00:00 UTC by ann" in page(web, "/")


def test_the_api_is_described_without_any_script(web: WebApp) -> None:
    shown = page(web, "/docs")

    assert "POST /webhook" in shown
    assert "GET /captures/{capture_id}/top" in shown
    assert "GET /captures/{capture_id}/flamegraph" in shown


def test_an_unknown_page_is_a_problem(web: WebApp) -> None:
    assert web.client.get("/ui/captures/none").status_code == 404
    assert web.client.get("/static/..%2Fapi.py").status_code == 404


@pytest.mark.parametrize(
    ("kind", "name", "line"),
    [
        (Kind.HEAP, "f.pprof", "go tool pprof http://a/x"),
        (Kind.TRACE, "f.trace", "curl -sO http://a/x && go tool trace f.trace"),
        (Kind.GOROUTINE, "f.txt", "curl -s http://a/x"),
        (Kind.GOROUTINE, "f.pprof", "go tool pprof http://a/x"),
        (Kind.EVIDENCE, "f.json", "curl -s http://a/x"),
    ],
)
def test_each_file_has_the_line_that_opens_it(kind: Kind, name: str, line: str) -> None:
    assert words.command(name, "http://a/x") == line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0s ago"), (59, "59s ago"), (119, "119s ago"), (180, "3m ago"), (7200, "2h ago"), (200_000, "2d ago")],
)
def test_how_long_ago_is_said_in_one_unit(web: WebApp, seconds: int, text: str) -> None:
    assert words.ago(web.now, web.now + timedelta(seconds=seconds)) == text


def test_what_is_held_back_is_told_with_its_reason_and_when_it_is_looked_at_again(web: WebApp) -> None:
    reason = Reason(Code.COOLDOWN, "order-mq on 10.0.0.5 was profiled by 1; not again before 12:10:00 UTC (cooldown)")
    held = web.keep(reason=reason, due_at=web.now + timedelta(minutes=10))
    text = page(web, f"/ui/captures/{held.id}")
    assert "HighCPU fired, but the capture is held back. order-mq on 10.0.0.5 was profiled by 1" in text
    assert re.search(r"It is looked at again at <time [^>]+>2026-11-23 12:10:00</time>\.", text)
    said = web.client.get(f"/captures/{held.id}").json()
    assert (said["state"], said["reason"]["code"], said["due_at"]) == ("pending", "cooldown", "2026-11-23T12:10:00Z")
