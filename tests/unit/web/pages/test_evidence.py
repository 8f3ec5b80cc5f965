"""The evidence of a capture as a person sees it."""

import json
from hashlib import sha256

from app.evidence.scene import scene_in
from app.evidence.series import document_of, series_in
from app.evidence.surroundings import around_in
from app.model import Artifact, Kind
from tests.unit.evidence.test_scene import LINES
from tests.unit.evidence.test_verdict import KILL, lines
from tests.unit.web.pages.test_captures import page
from tests.unit.web.web_app import WebApp

AROUND = ("descriptors socket 3", "waits futex_do_wait 7", "biggest 10 S 1500 16 31 <b>post</b>")


def shown(web: WebApp, *documents: object) -> str:
    """The page of a capture that has these documents as its evidence."""
    files = {f"orders-7-evidence-{n}.json": json.dumps(document).encode() for n, document in enumerate(documents)}
    listed = (Artifact(name, Kind.EVIDENCE, len(data), sha256(data).hexdigest()) for name, data in files.items())
    capture = web.keep_completed()
    capture = web.keep(**{**_fields(capture), "id": f"{capture.id[:-4]}0000", "artifacts": tuple(listed)})
    web.store.files |= {f"{capture.id}/{name}": data for name, data in files.items()}
    return page(web, f"/ui/captures/{capture.id}")


def _fields(capture: object) -> dict[str, object]:
    return {name: getattr(capture, name) for name in ("state", "step", "due_at", "target", "started_at", "ended_at")}


def test_samples_are_drawn_and_the_first_look_is_readable(web: WebApp) -> None:
    samples = document_of(series_in([*lines(throttled=20, memory=50, other=310), KILL], 7))
    seen = shown(
        web,
        {"schema": "alertprof/first-look/1", **scene_in(LINES, 3000)},
        {"schema": "alertprof/surroundings/1", **around_in(AROUND)},
        {"schema": "alertprof/samples/1", **samples},
    )
    assert seen.count("<polyline") == 7 and seen.count('class="limit"') == 1
    assert "processor time, % of a core: at most 100, at last 100" in seen
    assert "4.8 s of processor time in 10 s, 34 threads" in seen
    assert "postgres (pid 55) 310.0 %" in seen and "Killed process 7" in seen
    assert "&lt;b&gt;post" in seen and "<b>post" not in seen


def test_everything_that_we_say_of_a_capture_is_in_the_readers_language(web: WebApp) -> None:
    web.ledger.pause(web.now, "alice")
    web.client.headers["accept-language"] = "zh-CN"
    seen = shown(
        web,
        {"schema": "alertprof/first-look/1", **scene_in(LINES, 3000)},
        {"schema": "alertprof/surroundings/1", **around_in(AROUND)},
        {"schema": "alertprof/samples/1", **document_of(series_in([*lines(memory=50, other=310), KILL], 7))},
    )
    ours = ("processor", "resident", "threads", "available", "fired", "recorded", "kept", "paused", "busy")
    assert [word for word in ours if word in seen] == []
    assert "HighCPU 已触发" in seen and "alice" in seen and "<polyline" in seen


def test_evidence_that_cannot_be_read_costs_the_page_nothing_else(web: WebApp) -> None:
    seen = shown(web, ["no document"], {"schema": "of/another"}, {"schema": "alertprof/samples/1", "seconds": [0.0]})
    assert "<polyline" not in seen and "Timeline" in seen


def test_a_capture_without_evidence_shows_none(web: WebApp) -> None:
    assert "What the scene shows" not in page(web, f"/ui/captures/{web.keep_completed().id}")
