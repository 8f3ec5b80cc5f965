"""GET /captures/{id}/bundle."""

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from app.errors import Code, Reason
from app.finding import CRITICAL, Finding
from app.model import Artifact, Event, Kind, State, Step
from app.web.bundle.zipped import Entry, zipped
from tests.unit.web.web_app import CPU, NOON, WebApp

PROFILE = b"\x1f\x8b" + bytes(range(256)) * 9
TEXT = b"goroutine 1 [running]:\n" * 900
DUMP, SCENE = "order-mq-21181-goroutine-20261123T120000Z.txt", "order-mq-21181-evidence-20261123T120000Z.json"
NAME = "order-mq-bundle-20261123T120000Z"


def artifact(name: str, kind: Kind, content: bytes) -> Artifact:
    return Artifact(name, kind, len(content), sha256(content).hexdigest())


@pytest.fixture
def address(web: WebApp) -> str:
    """Of the bundle of a capture with a profile, a dump and evidence."""
    contents = {CPU: (Kind.CPU, PROFILE), DUMP: (Kind.GOROUTINE, TEXT), SCENE: (Kind.EVIDENCE, b"{}")}
    capture = web.keep_completed(
        artifacts=tuple(artifact(name, kind, content) for name, (kind, content) in contents.items()),
        findings=(Finding(CRITICAL, "one lock is held", "main.burn <holds> it"),),
        timeline=(Event(NOON, "start", "the recording began"),),
    )
    for name, (_, content) in contents.items():
        web.store.files[f"{capture.id}/{name}"] = content
    return f"/captures/{capture.id}/bundle"


def test_a_bundle_has_every_file_and_what_opens_it_and_its_checksums_are_right(
    web: WebApp, address: str, tmp_path: Path
) -> None:
    answer = web.client.get(address)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{NAME}.zip"'
    (tmp_path / "it.zip").write_bytes(answer.content)
    for command in (["unzip", "-q", "it.zip", "-d", "unzip"], ["7z", "x", "-o7z", "it.zip"]):
        if shutil.which(command[0]):
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    archive = ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    archive.extractall(tmp_path / "python")
    for tool in ("python", "unzip", "7z"):
        if (folder := tmp_path / tool / NAME).is_dir():
            told = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)
            assert len(told.stdout.splitlines()) == 9
    folder = tmp_path / "python" / NAME
    assert (folder / "profiles" / CPU).read_bytes() == PROFILE
    assert (folder / "profiles" / DUMP).read_bytes() == TEXT
    assert (folder / "evidence" / SCENE).read_bytes() == b"{}"
    readme = (folder / "README.txt").read_text()
    assert f"go tool pprof -http=: profiles/{CPU}" in readme
    assert json.loads((folder / "alert.json").read_text())["labels"]["alertname"] == "HighCPU"
    assert "2026-11-23T12:00:00Z  start         the recording began" in (folder / "timeline.txt").read_text()


def test_the_report_in_a_bundle_is_one_file_with_findings_functions_and_a_flame_graph(
    web: WebApp, address: str
) -> None:
    made = ZipFile(io.BytesIO(web.client.get(address).content)).read(f"{NAME}/report.html")
    page = made.decode().replace("<wbr>", "")
    assert "one lock is held" in page and "main.burn &lt;holds&gt; it" in page
    assert "<td><code>main.burn&lt;T&gt;</code></td>" in page
    assert "<title>example.com/orders/burn.Burn[T]: 8s (80.00%)</title>" in page
    assert not [word for word in ("href=", "src=", "url(", "<script", "http") if word in page.replace("http-equiv", "")]


def test_head_tells_the_name_and_reads_nothing(web: WebApp, address: str) -> None:
    answer = web.client.head(address)
    assert answer.headers["content-disposition"] == f'attachment; filename="{NAME}.zip"'
    assert (answer.content, web.store.reads) == (b"", [])
    assert web.client.head("/captures/none/bundle").status_code == 404


def test_a_file_that_is_gone_costs_itself_alone_and_is_named(web: WebApp, address: str, tmp_path: Path) -> None:
    capture_id = address.split("/")[2]
    read = web.store.read

    def gone(key: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
        if key.endswith(CPU):
            raise FileNotFoundError(2, "No such file")
        return read(key, start, end)

    web.store.files[f"{capture_id}/{DUMP}"] = TEXT[:100]
    web.store.read = gone  # type: ignore[method-assign]
    archive = ZipFile(io.BytesIO(web.client.get(address).content))
    archive.extractall(tmp_path)
    told = archive.read(f"{NAME}/INCOMPLETE.txt").decode().splitlines()
    assert told == [
        f"profiles/{CPU}: The file {capture_id}/{CPU} is in the capture's list, but no longer in the store."
        "; 0 bytes are here",
        f"profiles/{DUMP}: 100 bytes are here, of {len(TEXT)}",
    ]
    checked = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / NAME, capture_output=True, text=True, check=False
    )
    assert [line.partition(":")[0] for line in checked.stdout.splitlines() if line.endswith("FAILED")] == [
        f"profiles/{CPU}", f"profiles/{DUMP}"
    ]  # fmt: skip


def test_a_skipped_capture_has_a_bundle_that_says_why(web: WebApp) -> None:
    why = Reason(Code.COOLDOWN, "it was captured 3m ago; the next one may begin in 7m")
    capture = web.keep(state=State.SKIPPED, step=Step.DONE, due_at=None, ended_at=web.now, reason=why)
    answer = web.client.get(f"/captures/{capture.id}/bundle")
    archive = ZipFile(io.BytesIO(answer.content))
    folder = answer.headers["content-disposition"].split('"')[1].removesuffix(".zip")
    assert folder == "HighCPU-bundle-20261123T120000Z"
    assert why.message in archive.read(f"{folder}/README.txt").decode()
    assert "No files were kept" in archive.read(f"{folder}/README.txt").decode()
    assert why.message in archive.read(f"{folder}/report.html").decode()


def test_a_hostile_service_gives_no_path_and_no_header(web: WebApp) -> None:
    capture = web.keep_completed()
    capture = web.keep_completed(target=replace(capture.target or pytest.fail(), service='../../x"\r\nset-cookie: a=b'))
    answer = web.client.get(f"/captures/{capture.id}/bundle")
    assert "set-cookie" not in answer.headers
    assert all(
        name.startswith("x---set-cookie--a-b-bundle-") for name in ZipFile(io.BytesIO(answer.content)).namelist()
    )


def test_no_text_in_a_bundle_moves_the_cursor_of_who_prints_it_and_json_still_says_what_was_said(web: WebApp) -> None:
    odd = "\x1b]0;title\x07\x9b2J \u202ered\u2028<script>alert(1)</script>\nnext"
    capture = web.keep_completed()
    capture = web.keep_completed(
        target=replace(capture.target or pytest.fail(), service=odd, cmdline=odd),
        trigger=replace(capture.trigger, labels={"alertname": odd, odd: odd}, annotations={odd: odd}),
        timeline=(Event(NOON, "start", odd),),
        findings=(Finding(CRITICAL, odd, odd, functions=(odd,), helps=odd, refuted_by=odd),),
    )
    archive = ZipFile(io.BytesIO(web.client.get(f"/captures/{capture.id}/bundle").content))
    texts = {name.rpartition("/")[2]: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}
    assert "<script" not in texts["report.html"]
    for name in ("README.txt", "timeline.txt", "alert.json", "capture.json", "report.md"):
        assert all(char.isprintable() or char == "\n" for char in texts[name]), name
    assert json.loads(texts["alert.json"])["labels"][odd] == odd
    assert len(texts["timeline.txt"].splitlines()) == 1


def test_a_capture_that_is_deleted_while_its_bundle_is_sent_leaves_a_whole_zip(web: WebApp, address: str) -> None:
    capture_id, reads = address.split("/")[2], list[str]()
    read = web.store.read

    def deleted_meanwhile(key: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
        reads.append(key)
        if len(reads) > 1:
            web.store.delete_all(capture_id)
            raise FileNotFoundError(2, "No such file")
        return read(key, start, end)

    web.store.read = deleted_meanwhile  # type: ignore[method-assign]
    archive = ZipFile(io.BytesIO(web.client.get(address).content))
    assert archive.testzip() is None
    assert len(archive.read(f"{NAME}/INCOMPLETE.txt").splitlines()) == 2
    assert "no longer in the store" in archive.read(f"{NAME}/report.html").decode()
    assert archive.read(f"{NAME}/profiles/{CPU}") == PROFILE


def test_a_zip_is_made_while_it_is_read_however_large_its_files_are() -> None:
    drawn = 0

    def chunks() -> Iterator[bytes]:
        nonlocal drawn
        for _ in range(48):
            drawn += 1
            yield bytes(1 << 20)

    entries = (Entry(f"{each}.pprof", chunks(), 48 << 20, packed=each == 0) for each in range(2))
    pieces = zipped("folder", entries, NOON)
    sizes = [len(next(pieces))]
    assert drawn == 1
    sizes += [len(piece) for piece in pieces]
    assert drawn == 96 and max(sizes) < 2 << 20
    assert 48 << 20 <= sum(sizes) < 50 << 20, "one is stored as it is, the other is compressed"
