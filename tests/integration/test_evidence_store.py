"""Evidence that our store does not take: it stays on the host, comes home when the store is back, and is removed there.

The files of the recording are at home by then, so that nothing else makes the capture wait.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.integration.scene import Scene, alert
from tests.integration.test_faults_disks import Mount, fill, said, tmpfs
from tests.lab.process import eventually
from tests.lab.s3 import S3
from tests.lab.target import Service
from tests.lab.tools import Unavailable

__all__ = ["tmpfs"]
RunTarget = Callable[..., Service]
SAMPLED = {".json", "-samples.json", "-surroundings.json"}
PASSED_ON = frozenset({"authorization", "content-type", "range", "x-amz-content-sha256", "x-amz-date"})


class Front(ThreadingHTTPServer):
    """In front of an S3 server: it passes everything on, but for new objects with `refused` in their names."""

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.behind, self.refused, self.client = behind, "-samples", httpx2.Client(timeout=60)


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Front

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.command == "PUT" and self.server.refused and self.server.refused in self.path:
            self.say(503, b"<Error><Code>SlowDown</Code><Message>Later.</Message></Error>", {})
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
        there = self.server.client.request(self.command, self.server.behind + self.path, headers=headers, content=body)
        self.say(there.status_code, there.content, there.headers)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

    def say(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() in ("content-type", "content-range", "etag", "last-modified"):
                self.send_header(name, value)
        size = headers.get("content-length", "0") if self.command == "HEAD" else str(len(body))
        self.send_header("content-length", size)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def front(s3: S3) -> Iterator[Front]:
    with Front(s3.endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def suffixes(capture: Mapping[str, Any], *kinds: str) -> set[str]:
    """Of its evidence: what stands behind the time in the names."""
    return {each["name"].partition("Z")[2] for each in capture["artifacts"] if each["kind"] in kinds}


def on_the_host(capture: str) -> list[Path]:
    return list(Path("/run").glob(f".alertprof-*/{capture.replace('-', '')}.samples"))


def test_samples_that_an_object_store_refuses_stay_on_the_host_and_come_home_later(
    tmp_path: Path, run_target: RunTarget
) -> None:
    try:
        s3 = S3(tmp_path)
    except Unavailable as reason:
        pytest.skip(f"evidence in an object store is NOT tested: {reason}")
    target = run_target("toggle")
    with ExitStack() as running:
        running.enter_context(s3.running())
        server = running.enter_context(front(s3))
        options = {**s3.options, "endpoint": f"http://127.0.0.1:{server.server_port}"}
        storage = {"artifacts": s3.url, "object_store": options}
        scene = running.enter_context(Scene(tmp_path / "scene", config={"storage": storage}))
        (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
        eventually(lambda: said(scene.service.capture(new), "samples: our own store does not take it"), "it waits", 60)
        waiting = scene.service.capture(new)
        assert not waiting["ended_at"] and "cpu" in {each["kind"] for each in waiting["artifacts"]}
        assert on_the_host(new)
        scene.service.kill9()
        server.refused = ""
        scene.service.restart()
        capture = scene.service.wait_capture(new)
        assert capture["state"] == "completed", capture["reason"]
        assert suffixes(capture, "evidence") == SAMPLED
        assert {f"team/{new}/{each['name']}" for each in capture["artifacts"]} <= s3.stored()
        assert on_the_host(new) == [] and list(target.tmp.iterdir()) == []


def test_lines_of_a_log_that_our_disk_has_no_room_for_come_home_once_there_is(
    tmp_path: Path, run_target: RunTarget, tmpfs: Mount
) -> None:
    disk, target, log = tmpfs("16m"), run_target("toggle"), tmp_path / "logs" / "access.log"
    log.parent.mkdir()
    log.write_text(f"{datetime.now(UTC).isoformat()} {'x' * 3900}\n" * 60)
    storage = {"database": f"sqlite:///{tmp_path}/ledger.db", "artifacts": str(disk / "artifacts")}
    rules = [{"name": "every alert", "duration": "1s", "evidence": {"logs": [{"file": str(log)}]}}]
    with Scene(tmp_path / "scene", config={"storage": storage, "rules": rules}) as scene:
        filler = fill(disk, leave=300 << 10)
        (new,) = scene.deliver(alert(host="127.0.0.1", pid=target.pid))["captures"]
        eventually(lambda: said(scene.service.capture(new), "logs: our own store does not take it"), "it waits", 60)
        waiting = scene.service.capture(new)
        assert not waiting["ended_at"] and "cpu" in {each["kind"] for each in waiting["artifacts"]}
        filler.unlink()
        capture = scene.service.wait_capture(new)
        assert capture["state"] == "completed", capture["reason"]
        assert suffixes(capture, "evidence", "log") == {*SAMPLED, "-around.txt"}
        assert on_the_host(new) == [] and list(target.tmp.iterdir()) == []
