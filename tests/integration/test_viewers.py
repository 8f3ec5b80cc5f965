"""Viewers open what alertprof keeps: a browser's page of another origin, speedscope, and `go tool pprof`."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from app.analysis.convert import Format
from app.analysis.isolate import convert_file
from app.model import Artifact, Kind
from app.web.auth.links import SignedLinks
from app.web.auth.tokens import Tokens
from tests.integration.guarded import Guarded
from tests.lab import golang, npm, ports
from tests.lab.browser import CHROMIUM, chromium, served
from tests.lab.process import eventually
from tests.unit.web.web_app import WebApp

WRITTEN = Path(__file__).parents[1] / "data"
TEXTS = {  # a file in each format, and a function in it
    Format.FOLDED: ("profilers/py-spy.folded", "leaf"),
    Format.PERF_SCRIPT: ("profilers/perf-script.txt", "_PyEval_EvalFrameDefault"),
    Format.JFR: ("profiles/async-profiler-4.5-cpu-alloc-lock.jfr", "Burn.leaf"),
    Format.OTLP: ("profiles/async-profiler-4.5-cpu.otlp", "Burn.leaf"),
    Format.CPUPROFILE: ("profiles/node-20.cpuprofile", "lazyModule"),
    Format.SPEEDSCOPE: ("profiles/py-spy-0.4.3.speedscope", "namedtuple"),
    Format.CHROME_TRACE: ("profiles/py-spy-0.4.3.chrometrace", "_path_stat"),
}
PEOPLE = {"authorization": "Bearer people"}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebApp]:
    """Where a token is asked for, and pages of this machine may read artifacts."""
    (file := tmp_path / "operator.token").write_text("people")
    made = WebApp(tmp_path, Tokens(operator_file=file), cors_origin=r"http://127\.0\.0\.1:[0-9]+")
    yield made
    made.ledger.close()


def profile(format: Format, folder: Path) -> bytes:
    """What alertprof makes of the text of another profiler."""
    convert_file(format, WRITTEN / TEXTS[format][0], out := folder / "converted.pprof")
    return out.read_bytes()


def link_to(web: WebApp, content: bytes) -> str:
    """The path of a signed link to this profile."""
    file = Artifact("worker-7-cpu-20261123T120000.pprof", Kind.CPU, len(content), sha256(content).hexdigest())
    capture = web.keep_completed(content, artifacts=(file,))
    answer = web.client.get(f"/captures/{capture.id}/links", headers=PEOPLE).json()
    return str(answer["links"][0]["href"])


# --- a browser ---


@pytest.fixture(scope="module")  # no longer: see browser.chromium
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Of somebody who was never here."""
    with browser.new_context() as context:
        yield context.new_page()


def page_that_fetches(url: str) -> Starlette:
    script = (
        f"fetch({url!r}).then(r => r.text()).then(t => document.title = 'read ' + t)"
        ".catch(e => document.title = 'refused')"
    )
    page = HTMLResponse(f"<!doctype html><title>waiting</title><script>{script}</script>")
    return Starlette(routes=[Mount("/", page)])


def test_a_page_of_another_origin_reads_an_artifact_where_its_origin_is_allowed_and_only_there(
    web: WebApp, page: Page
) -> None:
    link = link_to(web, b"the profile")
    for allowed, title in (
        (web.cors_origin, "read the profile"),
        ("https://viewer.example", "refused"),
        ("", "refused"),
    ):
        web.cors_origin = allowed
        with served(web.reached_by().app) as ours, served(page_that_fetches(ours + link)) as other:
            page.goto(other)
            expect(page, allowed).to_have_title(title)


def test_a_page_of_another_origin_reads_nothing_but_artifacts(web: WebApp, page: Page) -> None:
    web.tokens, web.cors_origin = Tokens(), ".*"
    web.keep_completed()
    with served(web.reached_by().app) as ours, served(page_that_fetches(f"{ours}/captures")) as other:
        page.goto(other)
        expect(page).to_have_title("refused")


@pytest.mark.parametrize("format", [Format.FOLDED, Format.JFR])
def test_speedscope_shows_a_profile_behind_a_signed_link(
    web: WebApp, page: Page, tmp_path: Path, format: Format
) -> None:
    try:
        viewer = StaticFiles(directory=npm.package(*npm.SPEEDSCOPE) / "dist" / "release", html=True)
    except npm.Unavailable as reason:
        pytest.skip(str(reason))
    link = link_to(web, profile(format, tmp_path))
    with served(web.reached_by().app) as ours, served(viewer) as theirs:
        page.goto(f"{theirs}/#profileURL={quote(ours + link, safe='')}")
        expect(page).to_have_title("worker-7-cpu-20261123T120000.pprof - speedscope", timeout=120_000)


# --- go tool pprof ---


@contextmanager
def pprof_http(url: str, folder: Path) -> Iterator[str]:
    """`go tool pprof -http` on this file, without `go`; where it listens."""
    at = f"127.0.0.1:{ports.free()}"
    command = [str(golang.tool_path("pprof")), f"-http={at}", "-no_browser", url]
    env = {**golang.environment(), "PPROF_TMPDIR": str(folder)}
    with subprocess.Popen(command, env=env, start_new_session=True, stderr=subprocess.PIPE) as started:
        try:
            yield f"http://{at}"
        finally:
            os.killpg(started.pid, signal.SIGTERM)


@pytest.mark.parametrize("format", list(Format))
def test_pprofs_pages_open_a_converted_profile_by_its_line(web: WebApp, tmp_path: Path, format: Format) -> None:
    link = link_to(web, profile(format, tmp_path))
    with served(web.reached_by().app) as ours, pprof_http(ours + link, tmp_path) as pages:

        def answered() -> str | None:
            try:
                return httpx2.get(f"{pages}/ui/top", timeout=60, follow_redirects=True).raise_for_status().text
            except httpx2.TransportError:
                return None

        shown = eventually(answered, "pprof shows its table", within=90)
        assert TEXTS[format][1] in shown


# --- the log ---


def test_a_signature_is_in_no_log_no_metric_and_no_answer(tmp_path: Path) -> None:
    (key := tmp_path / "link.key").write_text("0" * 64)
    (tmp_path / "operator.token").write_text("people")
    auth = {"operator_token_file": str(tmp_path / "operator.token"), "link_key_file": str(key)}
    path = "/captures/019aafe2-7f4c-7e0e-9d3b-0c2f6f5a9f11/artifacts/x-1-cpu-20261123T120000.pprof"
    with Guarded(tmp_path / "service", {"auth": auth}) as service:
        links = SignedLinks(key)
        now = WebApp.now.replace(year=2099)
        good, old = links.signed(path, now), links.signed(path, now.replace(year=2020))
        asked = [good, good + "?x=1", good[:80], old, old.replace("pprof", "trace"), good + "\x80"]
        answers = [httpx2.get(service.url() + link, timeout=60) for link in asked]
        answers.append(httpx2.post(service.url() + good, timeout=60))
        answers.append(httpx2.get(f"{service.url()}/metrics", headers=PEOPLE, timeout=60))
        assert [answer.status_code for answer in answers] == [404, 404, 403, 403, 403, 403, 405, 200]
        told = "".join(answer.text for answer in answers) + service.log()
    for link in (good, old):
        assert link.partition(".")[2][:20] not in told
