"""Findings of real services through the whole line, and how people and programs read them. `make faults` takes all."""

from pathlib import Path

from tests.faults.expected import FAULTS
from tests.faults.line import captured, running
from tests.integration.scene import Scene
from tests.lab import forked


def test_a_guilty_function_is_named_through_the_whole_line(tmp_path: Path) -> None:
    with Scene(tmp_path, duration="4s") as scene:
        for number, name in enumerate(("patterns", "ledger"), 1):
            fault = FAULTS[name]
            with running(name, tmp_path / name, warming=0) as service:
                capture = captured(scene, service, number)
            first = capture["findings"][0]
            assert (capture["state"], first["code"]) == ("completed", fault.code)
            assert fault.guilty[0] in first["title"]

            report = scene.ask("GET", f"/captures/{capture['id']}/report")
            assert report.headers["content-type"] == "text/markdown; charset=utf-8"
            assert len(report.content) <= 6000
            assert first["title"] in report.text and "## Top functions: cpu" in report.text

            shown = show(scene, capture["id"])
            assert f"{first['severity']}: {first['title']}" in shown
            assert "what usually helps: " in shown
            assert f"alertprof top {capture['id']} --kind heap" in shown


def test_what_has_changed_since_the_baseline_is_named_and_what_is_always_dear_is_not(tmp_path: Path) -> None:
    with (
        Scene(tmp_path, duration="8s", config={"limits": {"cooldown": "0s"}}) as scene,
        running("discounts", tmp_path / "discounts", warming=0) as service,
    ):
        calm = captured(scene, service, 1)
        (usual,) = (finding for finding in calm["findings"] if finding["code"] == "hot_function")
        assert "discounts.score" in usual["title"]
        assert scene.ask("POST", f"/captures/{calm['id']}/baseline").status_code == 200

        service.get("/load")
        capture = captured(scene, service, 2)
        first, *others = capture["findings"]
        assert (first["severity"], first["functions"][0]) == (
            "warning",
            "shop.example/faults/internal/discounts.applied",
        )
        assert "the baseline" in first["title"] and "the noise of sampling" in first["detail"]
        assert not [each for each in others if "discounts.score" in each["title"] and each["severity"] != "info"]
        assert any(f"compared with the baseline {calm['id']}" in event["message"] for event in capture["timeline"])


def show(scene: Scene, capture_id: str) -> str:
    """What `alertprof show` prints."""
    return forked.alertprof("show", capture_id, "--url", scene.service.url).stdout
