"""A capture compared with another one over HTTP: which base, which faults, and what is said besides the table."""

import gzip
from dataclasses import replace
from typing import Any

import pytest

from app.model import Artifact, Capture, Kind, State, Target
from app.web.api.schemas.difference import DifferenceGraphOut
from tests.unit.analysis.synthetic import Maker, contention, cpu
from tests.unit.web.web_app import WebApp

TARGET = Target("10.0.0.5", 21181, "order-mq", go_version="go1.26.8")
BEFORE = {"main.price": 200, "main.search": 700}
AFTER = {"main.price": 900, "main.search": 700}


def recorded(samples: dict[str, int], seconds: float = 30, build: str = "aa11") -> bytes:
    made = Maker(("samples", "count"), ("cpu", "nanoseconds"))
    for name, count in samples.items():
        made.sample([name, "main.main"], count, count * 10_000_000)
    made.message.duration_nanos = int(seconds * 1e9)
    made.message.mapping[0].build_id = made.string(build)
    return made.data()


def keep(web: WebApp, samples: dict[str, int] | bytes, target: Target = TARGET, **more: Any) -> Capture:
    content = samples if isinstance(samples, bytes) else recorded(samples, **more)
    return web.keep_completed(content, target=target)


def asked(web: WebApp, capture: Capture, base: str, **query: Any) -> Any:
    answer = web.client.get(f"/captures/{capture.id}/top", params={"base": base, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_table_has_the_differences_what_was_before_and_what_is_more_than_noise(web: WebApp) -> None:
    base, capture = keep(web, BEFORE), keep(web, AFTER)
    found = asked(web, capture, base.id)
    assert found["rows"][0] == {
        "function": "main.price", "flat": 7_000_000_000, "cum": 7_000_000_000, "base_flat": 2_000_000_000,
        "base_cum": 2_000_000_000, "flat_changed": True, "cum_changed": True,
        **dict.fromkeys(("flat_percent", "cum_percent", "sum_percent"), pytest.approx(77.8, abs=0.1)),
    }  # fmt: skip
    assert [(row["function"], row["flat"], row["flat_changed"]) for row in found["rows"][1:]] == [
        ("main.main", 0, False)
    ]
    assert (found["total"], found["capture_total"], found["unjudged"]) == (9_000_000_000, 16_000_000_000, "")
    assert found["base"] == {"id": base.id, "total": 9_000_000_000, "duration_seconds": 30.0, "build_id": "aa11"}
    assert {change["function"] for change in found["changes"]} == {"main.price"}
    assert len(asked(web, capture, base.id, n=1)["rows"]) == 1


def test_a_longer_recording_is_scaled_unless_told_otherwise(web: WebApp) -> None:
    base = keep(web, BEFORE)
    capture = keep(web, {name: 2 * count for name, count in BEFORE.items()}, seconds=60)
    found = asked(web, capture, base.id)
    assert (found["normalize"], found["rows"], found["capture_total"]) == ("duration", [], 9_000_000_000)
    assert asked(web, capture, base.id, normalize="none")["capture_total"] == 18_000_000_000
    by_share = asked(web, keep(web, AFTER), base.id, normalize="total")
    assert by_share["capture_total"] == 9_000_000_000
    assert {row["function"]: row["flat"] < 0 for row in by_share["rows"]} == {"main.price": False, "main.search": True}


def test_the_baseline_of_the_service_is_found_by_itself(web: WebApp) -> None:
    base, capture = keep(web, BEFORE), keep(web, AFTER)
    stranger = keep(web, AFTER, replace(TARGET, service="pay"))
    assert web.client.post(f"/captures/{base.id}/baseline").json()["baseline"] is True
    assert asked(web, capture, "baseline")["base"]["id"] == base.id
    answer = web.client.get(f"/captures/{stranger.id}/top?base=baseline")
    assert answer.status_code == 404 and "'pay' has no baseline" in answer.json()["detail"]
    assert web.client.delete(f"/captures/{base.id}/baseline").json()["baseline"] is False
    assert web.client.get(f"/captures/{capture.id}/top?base=baseline").status_code == 404


def test_what_has_not_completed_is_no_baseline(web: WebApp) -> None:
    for capture, words in (
        (web.keep_failed(), "This capture is failed"),
        (keep(web, BEFORE, replace(TARGET, service="")), "not known of which service"),
    ):
        answer = web.client.post(f"/captures/{capture.id}/baseline")
        assert answer.status_code == 409 and words in answer.json()["detail"]
    assert web.client.post("/captures/none/baseline").status_code == 404
    assert web.keep(state=State.PENDING).baseline is False


def test_another_build_another_go_and_another_service_are_said(web: WebApp) -> None:
    capture = keep(web, AFTER)
    assert asked(web, capture, keep(web, BEFORE).id)["warnings"] == []
    other = keep(web, recorded(BEFORE, build="bb22"), replace(TARGET, service="pay", go_version="go1.27.3"))
    said = " ".join(asked(web, capture, other.id)["warnings"])
    assert "another service: pay" in said and "another build (bb22, now aa11)" in said
    assert "built with go1.27.3, the capture with go1.26.8" in said
    assert asked(web, capture, capture.id)["warnings"] == ["The capture is compared with itself."]


@pytest.mark.parametrize("what", ["top", "flamegraph"])
def test_what_cannot_be_compared_says_which_file_and_why(web: WebApp, what: str) -> None:
    capture, broken = keep(web, AFTER), keep(web, b"no profile")
    other = keep(web, contention().data())
    heap = web.keep_completed(b"", artifacts=(Artifact("h.pprof", Kind.HEAP, 0, "0"),))
    untimed = keep(web, gzip.compress(cpu([(["main"], 5)]).plain()))
    asked = {
        f"{capture.id}/{what}?base={broken.id}": (422, "its base cannot be compared with: not a pprof profile"),
        f"{broken.id}/{what}?base={capture.id}": (422, f"{broken.id}/{broken.artifacts[0].name}: not a pprof profile"),
        f"{capture.id}/{what}?base={other.id}": (422, "no sample type cpu in nanoseconds to compare with; it has cont"),
        f"{capture.id}/{what}?base={heap.id}": (404, "base: This capture has no cpu profile"),
        f"{capture.id}/{what}?base={untimed.id}&normalize=duration": (422, "its base does not say how long"),
        f"{capture.id}/{what}?base=none": (404, "base: There is no capture 'none'"),
        f"{capture.id}/{what}?base={other.id}&normalize=x": (422, "normalize:"),
    }
    for address, (status, words) in asked.items():
        answer = web.client.get(f"/captures/{address}")
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


def test_the_call_tree_has_both_and_no_child_is_larger_than_its_caller(web: WebApp) -> None:
    base, capture = (
        keep(web, {"main.price": 3, "gone": 4}, seconds=30),
        keep(web, {"main.price": 5, "new": 1}, seconds=20),
    )
    found = web.client.get(f"/captures/{capture.id}/flamegraph?base={base.id}&sample_type=samples").json()
    assert DifferenceGraphOut.model_validate(found).model_dump(mode="json") == found
    assert (found["normalize"], found["total"]) == ("duration", 7)
    (main,) = found["root"]["children"]
    assert (main["name"], main["value"], main["base_value"]) == ("main.main", 10, 7)
    children = {child["name"]: (child["value"], child["base_value"]) for child in main["children"]}
    assert children == {"main.price": (8, 3), "gone": (0, 4), "new": (2, 0)}
