"""The captures as JSON."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.analysis.top import Row, Top
from app.analysis.tree import DEEPEST, Node, Tree
from app.model import Artifact, Kind, Target
from app.web.api.schemas.profile import FlameGraphOut
from tests.unit.web.web_app import CPU, NOON, WebApp


def ids(web: WebApp, query: str = "") -> list[str]:
    answer = web.client.get(f"/captures{query}")
    assert answer.status_code == 200, answer.text
    return [capture["id"] for capture in answer.json()["captures"]]


def test_a_capture_is_shown_as_the_contract_has_it(web: WebApp) -> None:
    capture = web.keep_completed()
    answer = web.client.get(f"/captures/{capture.id}")

    shown = answer.json()
    assert list(shown) == [
        "id", "state", "reason", "created_at", "started_at", "stopped_at", "ended_at", "trigger", "rule", "target",
        "profiler", "timeline", "artifacts", "findings", "labels", "pinned", "baseline", "due_at", "notices",
    ]  # fmt: skip
    assert (shown["state"], shown["reason"], shown["created_at"]) == ("completed", None, "2026-11-23T12:00:00Z")
    assert list(shown["trigger"]) == [
        "kind", "fingerprint", "alertname", "starts_at", "labels", "annotations", "generator_url", "resolved_at",
    ]  # fmt: skip
    assert list(shown["target"]) == [
        "host", "pid", "service", "exe", "cmdline", "started_at", "container", "unit", "go_version", "gozero_version",
        "resolved_by",
    ]  # fmt: skip
    file = shown["artifacts"][0]
    assert (file["name"], file["kind"], file["href"]) == (CPU, "cpu", f"/captures/{capture.id}/artifacts/{CPU}")
    assert web.client.get(file["href"]).status_code == 200


def test_a_capture_is_pinned_and_left_to_retention_again(web: WebApp) -> None:
    capture = web.keep_completed()

    assert web.client.post(f"/captures/{capture.id}/pin").json()["pinned"] is True
    assert web.client.get(f"/captures/{capture.id}").json()["pinned"] is True
    assert web.client.post(f"/captures/{capture.id}/unpin").json()["pinned"] is False
    assert web.client.post("/captures/019aafe2-7f4c-7e0e-9d3b-0c2f6f5a9f11/pin").status_code == 404


def test_a_failed_capture_has_its_reason(web: WebApp) -> None:
    shown = web.client.get(f"/captures/{web.keep_failed().id}").json()

    assert shown["reason"]["code"] == "process_not_found"
    assert "port 9100" in shown["reason"]["message"]


def test_an_unknown_capture_is_404_with_a_sentence(web: WebApp) -> None:
    answer = web.client.get("/captures/019aafe2-7f4c-7e0e-9d3b-0c2f6f5a9f11")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["detail"].startswith("There is no capture '019aafe2-")


def test_captures_come_newest_first_and_page_by_page(web: WebApp) -> None:
    kept = [web.keep().id for _ in range(5)][::-1]
    first = web.client.get("/captures?limit=2").json()
    second = web.client.get(f"/captures?limit=2&cursor={first['next']}").json()
    third = web.client.get(f"/captures?limit=2&cursor={second['next']}").json()

    assert [c["id"] for page in (first, second, third) for c in page["captures"]] == kept
    assert third["next"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?state=completed", True),
        ("?state=failed", False),
        ("?host=10.0.0.5", True),
        ("?host=10.0.0.6", False),
        ("?service=order-mq", True),
        ("?service=order", False),
        ("?alertname=HighCPU", True),
        ("?alertname=Other", False),
        ("?fingerprint=8a3e2b1c4d5f6071", True),
        ("?fingerprint=0000000000000000", False),
        ("?profiler=go-zero", True),
        ("?profiler=auto", False),
        ("?since=1h", True),
        ("?since=2026-11-23T12:00:01Z", False),
        ("?until=2026-11-23T13:30:00%2B01:00", True),
        ("?until=2h", False),
        ('?match=job%3D~"order-.%2B"', True),
        ('?match=job%3D~"order-.%2B"&match=severity="critical"', False),
        ('?match={job%3D"order-mq",severity=""}', True),
        ("?state=&host=&match=", True),
    ],
)
def test_each_filter_keeps_what_fits_and_nothing_else(web: WebApp, query: str, found: bool) -> None:
    capture = web.keep_completed()
    web.now = NOON + timedelta(minutes=30)

    assert ids(web, query) == ([capture.id] if found else [])


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("state=done", "state"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("cursor=x", "cursor"),
        ("since=yesterday", "write 2026-11-23T22:40:00Z"),
        ("match=job", "at character"),
        ("hots=10.0.0.5", "hots"),
    ],
)
def test_a_filter_that_is_none_is_422_and_names_it(web: WebApp, query: str, word: str) -> None:
    answer = web.client.get(f"/captures?{query}")

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert word in answer.json()["detail"]


def test_a_stop_is_asked_for_once_the_capture_is_there(web: WebApp) -> None:
    capture = web.keep()
    answer = web.client.post(f"/captures/{capture.id}/stop")

    kept = web.ledger.get(capture.id)
    assert answer.status_code == 202
    assert kept and kept.stop_requested_at == web.now


def test_an_ended_capture_cannot_be_stopped(web: WebApp) -> None:
    answer = web.client.post(f"/captures/{web.keep_completed().id}/stop")

    assert answer.status_code == 409
    assert "already ended: it is completed" in answer.json()["detail"]


def test_delete_removes_the_row_and_the_files(web: WebApp) -> None:
    capture, other = web.keep_completed(), web.keep_completed()

    assert web.client.delete(f"/captures/{capture.id}").status_code == 204
    assert ids(web) == [other.id]
    assert list(web.store.files) == [f"{other.id}/{CPU}"]
    assert web.client.delete(f"/captures/{capture.id}").status_code == 404


def test_what_has_not_ended_is_not_deleted(web: WebApp) -> None:
    capture = web.keep()
    answer = web.client.delete(f"/captures/{capture.id}")

    assert answer.status_code == 409
    assert "stop it first" in answer.json()["detail"]
    assert ids(web) == [capture.id]


def test_the_table_of_a_profile_is_given_and_made_only_once(web: WebApp) -> None:
    capture = web.keep_completed()
    first = web.client.get(f"/captures/{capture.id}/top?kind=cpu&n=300&sample_type=samples")
    second = web.client.get(f"/captures/{capture.id}/top?kind=cpu&n=300&sample_type=samples")

    assert first.status_code == 200
    assert first.json() == second.json()
    assert first.json()["rows"][0]["function"] == "main.burn<T>"
    assert first.json()["sample_type"] == "samples"
    assert web.tops == [(b"\x1f\x8bthe profile", 300, "samples")]


def test_more_or_fewer_rows_of_a_table_are_given_without_reading_the_file_again(
    web: WebApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tuple(Row(9 - n, 1.0, 1.0, 9, 1.0, f"f{n}") for n in range(9))

    def nine(path: Path, n: int, sample_type: str | None) -> Top:
        web.tops.append((path.read_bytes(), n, sample_type))
        return Top("cpu", "cpu", ("cpu",), "nanoseconds", "ns", 45, 1.0, rows[:n])

    monkeypatch.setattr(web, "top", nine)
    client, capture = web.reached_by(), web.keep_completed()
    for n in (2, 5, 30):
        answer = client.get(f"/captures/{capture.id}/top?n={n}").json()
        assert [row["function"] for row in answer["rows"]] == [row.function for row in rows[:n]]
    assert len(web.tops) == 1


def test_a_table_there_cannot_be_says_why(web: WebApp) -> None:
    capture, broken = web.keep_completed(), web.keep_completed(b"not gzip")
    text = Artifact("g.txt", Kind.GOROUTINE, 1, "0")
    with_text = web.keep_completed(b"g", artifacts=(text,))
    asked = {
        f"/captures/{capture.id}/top?kind=heap": (404, "no heap profile; it is completed and has cpu"),
        f"/captures/{with_text.id}/top?kind=goroutine": (422, "no pprof profile"),
        f"/captures/{broken.id}/top": (422, "it is not gzip"),
        f"/captures/{capture.id}/top?n=0": (422, "n:"),
        f"/captures/{capture.id}/top?kind=fast": (422, "kind:"),
        f"/captures/{capture.id}/top?base=none": (404, "base: There is no capture 'none'"),
        "/captures/none/top": (404, "There is no capture"),
        f"/captures/{capture.id}/top?kind=trace": (422, "kind: trace is no pprof profile"),
        f"/captures/{capture.id}/flamegraph?kind=heap": (404, "no heap profile; it is completed and has cpu"),
        f"/captures/{broken.id}/flamegraph": (422, "it is not gzip"),
        f"/captures/{capture.id}/flamegraph?kind=fast": (422, "kind:"),
        f"/captures/{capture.id}/flamegraph?base=baseline": (404, "'order-mq' has no baseline"),
        "/captures/none/flamegraph": (404, "There is no capture"),
    }
    for address, (status, words) in asked.items():
        answer = web.client.get(address)
        assert answer.status_code == status, address
        assert words in answer.json()["detail"], address


def test_the_call_tree_of_a_profile_is_given_and_made_only_once(web: WebApp) -> None:
    capture = web.keep_completed()
    first = web.client.get(f"/captures/{capture.id}/flamegraph?kind=cpu&sample_type=samples")
    second = web.client.get(f"/captures/{capture.id}/flamegraph?sample_type=samples")

    assert first.status_code == 200
    assert first.json() == second.json() == FlameGraphOut.model_validate(first.json()).model_dump(mode="json")
    assert (first.json()["sample_type"], first.json()["total"]) == ("samples", 10_000_000_000)
    root = first.json()["root"]
    assert [child["name"] for child in root["children"]] == ["main.main", "main.idle<T>"]
    (burn,) = root["children"][0]["children"]
    assert (burn["name"], burn["value"], burn["self"], burn["children"]) == (
        "example.com/orders/burn.Burn[T]", 8_000_000_000, 8_000_000_000, [],
    )  # fmt: skip
    assert web.trees == [(b"\x1f\x8bthe profile", "samples")]


def test_table_and_tree_of_a_file_are_two_answers(web: WebApp) -> None:
    capture = web.keep_completed()
    for _ in range(2):
        assert "rows" in web.client.get(f"/captures/{capture.id}/top").json()
        assert "root" in web.client.get(f"/captures/{capture.id}/flamegraph").json()
    assert (len(web.tops), len(web.trees)) == (1, 1)


def test_a_tree_as_deep_as_they_come_is_written(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = Tree(
        "cpu", "cpu", ("cpu",), "nanoseconds", None, tuple(Node("f", 1, 0, at - 1) for at in range(DEEPEST + 1))
    )
    monkeypatch.setattr(web, "tree", lambda *_: deep)
    node, depth = web.reached_by().get(f"/captures/{web.keep_completed().id}/flamegraph").json()["root"], 0
    while node["children"]:
        (node,), depth = node["children"], depth + 1
    assert depth == DEEPEST


@pytest.mark.parametrize("what", ["top", "flamegraph"])
def test_of_goroutines_the_profile_is_shown_and_not_the_dump(web: WebApp, what: str) -> None:
    dump = Artifact("g.txt", Kind.GOROUTINE, 1, "0")
    both = web.keep_completed(artifacts=(dump, Artifact("g.pprof", Kind.GOROUTINE, 1, "1")))
    web.store.files[f"{both.id}/g.txt"] = b"goroutine 1 [running]:"
    only_dump = web.keep_completed(b"g", artifacts=(dump,))

    assert web.client.get(f"/captures/{both.id}/{what}?kind=goroutine").status_code == 200
    assert web.store.reads[-1][0] == f"{both.id}/g.pprof"
    refused = web.client.get(f"/captures/{only_dump.id}/{what}?kind=goroutine")
    assert (refused.status_code, refused.json()["detail"]) == (
        422, "kind: goroutine is here as g.txt only, which is no pprof profile; read it as it is.",
    )  # fmt: skip


@pytest.mark.parametrize("what", ["top", "flamegraph"])
def test_of_another_profilers_file_the_converted_profile_is_shown(web: WebApp, what: str) -> None:
    text = Artifact("o.folded", Kind.OTHER, 1, "0")
    both = web.keep_completed(artifacts=(text, Artifact("o.pprof", Kind.OTHER, 1, "1")))
    web.store.files[f"{both.id}/o.folded"] = b"main 3"
    only_text = web.keep_completed(b"m", artifacts=(text,))

    assert web.client.get(f"/captures/{both.id}/{what}?kind=other").status_code == 200
    assert web.store.reads[-1][0] == f"{both.id}/o.pprof"
    assert "no pprof profile" in web.client.get(f"/captures/{only_text.id}/{what}?kind=other").json()["detail"]


def test_allocations_are_a_kind_of_their_own(web: WebApp) -> None:
    heap, allocs = Artifact("h.pprof", Kind.HEAP, 1, "0"), Artifact("a.pprof", Kind.ALLOCS, 1, "1")
    capture = web.keep_completed(artifacts=(heap, allocs))
    assert web.client.get(f"/captures/{capture.id}/top?kind=allocs").status_code == 200
    assert web.store.reads[-1][0] == f"{capture.id}/a.pprof"


@pytest.mark.parametrize("what", ["top", "flamegraph"])
def test_allocations_are_shown_as_bytes_also_where_the_file_names_no_default(web: WebApp, what: str) -> None:
    """`allocs?seconds=N` loses it, and would be shown as inuse_space."""
    kinds = (Artifact("h.pprof", Kind.HEAP, 1, "0"), Artifact("a.pprof", Kind.ALLOCS, 1, "1"))
    capture = web.keep_completed(artifacts=kinds)
    shown = [
        web.client.get(f"/captures/{capture.id}/{what}?kind={query}").json()["sample_type"]
        for query in ("allocs", "allocs&sample_type=inuse_space", "heap")
    ]
    assert shown == ["alloc_space", "inuse_space", "cpu"]


def test_pause_and_resume_are_told_and_kept(web: WebApp) -> None:
    paused = web.client.post("/-/pause")

    assert paused.json()["paused"] is True
    assert (web.ledger.paused() or "").startswith("paused since 2026-11-23 12:00:00 UTC by ")
    assert web.client.post("/-/resume").json()["paused"] is False
    assert web.ledger.paused() is None


def test_the_description_has_every_route_with_an_example(web: WebApp) -> None:
    described = web.client.get("/openapi.json").json()

    assert set(described["paths"]) == {
        "/webhook", "/capture", "/captures", "/captures/{capture_id}", "/captures/{capture_id}/stop",
        "/captures/{capture_id}/pin", "/captures/{capture_id}/unpin",
        "/captures/{capture_id}/links", "/captures/{capture_id}/baseline", "/captures/{capture_id}/report",
        "/captures/{capture_id}/artifacts/{name}", "/captures/{capture_id}/top", "/captures/{capture_id}/peek",
        "/captures/{capture_id}/flamegraph", "/captures/{capture_id}/bundle", "/-/config", "/-/reload",
        "/-/healthy", "/-/ready", "/-/pause", "/-/blocked", "/-/blocked/{blocked_id}",
        "/-/resume", "/metrics", "/explain", "/messages", "/messages/{message_id}",
    }  # fmt: skip
    schemas = described["components"]["schemas"]
    shapes = (
        "CaptureOut",
        "CapturesOut",
        "TopOut",
        "FlameGraphOut",
        "PausedOut",
        "LinksOut",
        "ExplainedOut",
        "MessagesOut",
    )
    assert all(schemas[name]["examples"] for name in shapes)
    assert described["paths"]["/capture"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert described["paths"]["/webhook"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert "WireAlert" in schemas


def test_a_manual_capture_shows_who_asked(web: WebApp) -> None:
    capture = web.keep()
    manual = replace(capture.trigger, kind="manual", fingerprint=None, by="ann", note="why")
    made = web.keep(trigger=manual, target=Target("h"))

    assert web.client.get(f"/captures/{made.id}").json()["trigger"] == {
        "kind": "manual",
        "by": "ann",
        "note": "why",
    }
