"""The whole line with artifacts in an S3 server, which is down for a while."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.scene import Scene, alert
from tests.lab.process import eventually
from tests.lab.s3 import S3
from tests.lab.target import Service
from tests.lab.tools import Unavailable


def test_while_the_store_is_down_files_stay_on_the_host_and_come_home_when_it_is_back(
    tmp_path: Path, run_target: Callable[..., Service]
) -> None:
    try:
        s3 = S3(tmp_path)
    except Unavailable as reason:
        pytest.skip(f"artifacts in an object store are NOT tested: {reason}")
    storage = {"artifacts": s3.url, "object_store": s3.options}
    target = run_target("toggle")
    with ExitStack() as running:
        with s3.running():
            scene = running.enter_context(Scene(tmp_path / "scene", config={"storage": storage}))
        (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
        eventually(lambda: "they stay on the host" in scene.ask("GET", f"/captures/{new}").text, "it waits", 60)
        eventually(lambda: not scene.service.ready(), "it is not ready")
        assert f"the object store {s3.url} cannot be written" in scene.ask("GET", "/-/ready").text
        with s3.running():
            eventually(scene.service.ready, "it is ready again", 60)
            scene.service.kill9()
            scene.service.restart()
            capture = scene.service.wait_capture(new)
            assert capture["state"] == "completed", capture["reason"]
            assert {f"team/{new}/{each['name']}" for each in capture["artifacts"]} == s3.stored()
            taken = {each["name"].partition("Z")[2] for each in capture["artifacts"] if each["kind"] == "evidence"}
            assert taken == {".json", "-samples.json", "-surroundings.json"}, "with the look that was taken meanwhile"
            assert not list(Path("/run").glob(f".alertprof-*/{new.replace('-', '')}.samples"))

            cpu = next(each for each in capture["artifacts"] if each["kind"] == "cpu")
            whole = scene.ask("GET", cpu["href"])
            part = scene.ask("GET", cpu["href"], headers={"range": "bytes=2-5"})
            assert (part.status_code, part.content) == (206, whole.content[2:6])
            assert scene.ask("GET", f"/captures/{new}/top").status_code == 200
            assert scene.ask("GET", f"/captures/{new}/bundle").status_code == 200

            assert scene.ask("DELETE", f"/captures/{new}").is_success
            assert s3.stored() == set()
