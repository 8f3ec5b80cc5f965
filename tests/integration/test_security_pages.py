"""What alerts, hosts and profiles say is shown as text: a real browser runs none of it, and finds no element of it."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from urllib.parse import quote
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser
from starlette.responses import HTMLResponse

from app.analysis.top import Row, Top
from app.analysis.tree import Node, Tree
from app.errors import Code, Reason
from app.model import Capture, Event, State, Step, Target, Trigger
from app.web.auth.guard import HEADERS
from tests.lab.browser import CHROMIUM, chromium, served
from tests.unit.web.web_app import WebApp

ACT = "document.documentElement.dataset.pwned=1"
PLANTED = [
    f"<script>{ACT}</script>",
    f'"><img src=x onerror="{ACT}">',
    f"' onmouseover='{ACT}' autofocus onfocus='{ACT}' x='",
    f"</title></textarea></style><svg onload={ACT}>",
    f'</td></table><iframe srcdoc="<script>parent.{ACT}</script>"></iframe>',
    f'<meta http-equiv="refresh" content="0;url=javascript:{ACT}"><base href="http://evil.example/">',
    f"<a href='javascript:{ACT}'>x</a><form action='http://evil.example/'><button>x</button></form>",
    "&lt;script&gt;&#60;script&#62;\x00\x1b[31m\u202e{{7*7}}{% raw %}",
]
ALL = " ".join(PLANTED)
FLAME = {
    "class",
    "width",
    "height",
    "role",
    "aria-label",
    "aria-hidden",
    "tabindex",
    "x",
    "y",
    "viewbox",
    "preserveaspectratio",
}  # what the svg elements of our drawings have
FORBIDDEN = {"script", "img", "svg", "iframe", "object", "embed", "base", "textarea", "applet", "math", "style"}


def own_script(tag: str, attrs: list[tuple[str, str | None]]) -> bool:
    """Whether it is one of our own files, and nothing else."""
    has = dict(attrs)
    return (
        tag == "script"
        and (set(has) == {"src", "defer"} or (set(has) == {"src", "type"} and has["type"] == "module"))
        and re.fullmatch(r"/static/[\w./-]+\.js", has["src"] or "") is not None
    )


class Elements(HTMLParser):
    """What of a page is markup and no text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.wrong: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if (
            tag in FORBIDDEN
            and not (tag == "svg" and {name for name, _ in attrs} <= FLAME)
            and not own_script(tag, attrs)
        ):
            self.wrong.append(tag)
        for name, value in attrs:
            text = (value or "").strip().lower()
            if name == "href" and text.startswith(("?", "/?", "/ui/")):
                text = text.partition("?")[0]  # our own page: what is asked of it may be any text
            if name == "href" and text.startswith("/ui/services/"):
                text = "/ui/services/"  # likewise the name of a service
            if name.startswith("on") or name in ("srcdoc", "style", "data-pwned", "autofocus", "formaction"):
                self.wrong.append(f"{tag} {name}")
            if name in ("href", "src", "action", "content") and ("javascript:" in text or "evil.example" in text):
                self.wrong.append(f"{tag} {name}={value}")
            if name == "href":
                self.links.append(value or "")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebApp]:
    made = WebApp(tmp_path)
    yield made
    made.ledger.close()


def hostile(web: WebApp) -> Capture:
    """A capture in which everything that comes from outside is as bad as can be."""
    trigger = Trigger(
        "alert",
        {"alertname": ALL, "instance": ALL, ALL: ALL},
        "8a3e2b1c4d5f6071",
        {"summary": ALL, ALL: ALL, "runbook_url": f"javascript:{ACT}"},
        web.now - timedelta(minutes=4),
        f"javascript:{ACT}",
    )
    target = Target("10.0.0.5", 21181, ALL, ALL, ALL, web.now, ALL, ALL, ALL, ALL, ALL)
    return web.keep_completed(
        trigger=trigger,
        target=target,
        rule=ALL,
        profiler=ALL,
        labels={ALL: ALL},
        timeline=(Event(web.now, ALL, ALL),),
    )


@pytest.fixture
def pages(web: WebApp, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Every page on which something from outside is shown, by its path."""
    capture = hostile(web)
    failed = web.keep(
        state=State.FAILED, step=Step.DONE, due_at=None, ended_at=web.now, reason=Reason(Code.TIMEOUT, ALL)
    )
    rows = tuple(Row(1, 1.0, 1.0, 1, 1.0, text) for text in PLANTED)
    monkeypatch.setattr(web, "top", lambda *_: Top(ALL, ALL, (ALL, "cpu"), "nanoseconds", "s", 10, 1.0, rows))
    nodes = (Node(ALL, len(PLANTED), 0, -1), *(Node(text, 1, 1, 0) for text in PLANTED))
    monkeypatch.setattr(web, "tree", lambda *_: Tree(ALL, ALL, (ALL, "cpu"), ALL, 1.0, nodes))
    web.client = web.reached_by()
    paths = [
        "/", f"/ui/captures/{capture.id}", f"/ui/captures/{capture.id}/flame?root=1",
        f"/ui/captures/{capture.id}/flame?sample_type={quote(ALL)}",
        f"/ui/captures/{failed.id}", "/alerts/8a3e2b1c4d5f6071", "/docs",
        f"/alerts/{quote(PLANTED[0][:60], safe='')}", f"/?host={quote(ALL)}&alertname={quote(PLANTED[1])}",
        f"/ui/captures/{capture.id}?sample_type={quote(ALL)}", f"/?match={quote('a=' + chr(34) + PLANTED[0])}",
        f"/{quote(PLANTED[0], safe='')}", f"/ui/captures/{quote(PLANTED[0], safe='')}",
        f"/ui/services/{quote(ALL, safe='')}", f"/static/{quote('../guard.py')}",
    ]  # fmt: skip
    return {path: web.client.get(path).text for path in paths}


def test_nothing_from_outside_becomes_an_element_an_event_or_a_link(web: WebApp, pages: dict[str, str]) -> None:
    for path, page in pages.items():
        if page.startswith("<!doctype html>"):
            assert Elements(page).wrong == [], path
        else:
            assert web.client.get(path).headers["content-type"] == "application/problem+json"
    shown = [path for path, page in pages.items() if "&lt;script&gt;" in page]
    assert len(shown) >= 5, "it is shown, as text"


def test_a_flame_graph_is_as_many_boxes_as_it_has_functions_whatever_they_are_called(pages: dict[str, str]) -> None:
    whole = Elements(next(page for path, page in pages.items() if "/flame?sample_type" in path))
    count = len(PLANTED) + 1
    assert [whole.tags.count(tag) for tag in ("svg", "rect", "title")] == [count + 1, count, count + 1]
    assert len([link for link in whole.links if "root=" in link]) == count


def test_every_link_of_a_page_leads_to_us_or_to_prometheus(pages: dict[str, str]) -> None:
    links = {link for page in pages.values() if page.startswith("<!doctype") for link in Elements(page).links}
    assert [link for link in links if not link.startswith(("/", "?", "#", "data:,"))] == []
    assert [link for link in links if link.startswith("//")] == []


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("http://prometheus:9090/graph?g0.expr=up", True), ("https://p.example/", True), ("javascript:alert(1)", False),
        (" javascript:alert(1)", False), ("JaVaScRiPt:alert(1)", False), ("data:text/html,x", False), ("//evil", False),
        ("vbscript:x", False), ("", False),
    ],
)  # fmt: skip
def test_only_a_generators_http_address_is_a_link(web: WebApp, url: str, linked: bool) -> None:
    capture = web.keep_completed(trigger=Trigger("alert", {"alertname": "a"}, "f1", generator_url=url))
    page = web.client.get(f"/ui/captures/{capture.id}").text
    assert (url in Elements(page).links) is linked or not url
    assert ("The alert's expression" in page.replace("&#39;", "'")) is linked


def test_a_download_is_a_file_by_our_name_and_never_a_page(web: WebApp) -> None:
    capture = hostile(web)
    (artifact,) = capture.artifacts
    answer = web.client.get(f"/captures/{capture.id}/artifacts/{artifact.name}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f'attachment; filename="{artifact.name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    for name in ("..%2F..%2Falertprof.db", "x%0d%0aSet-Cookie:%20a=b", "%22;x=%22", "%00"):
        wrong = web.client.get(f"/captures/{capture.id}/artifacts/{name}")
        assert wrong.status_code == 404
        assert "set-cookie" not in wrong.headers
    assert web.store.reads == [(f"{capture.id}/{artifact.name}", 0, artifact.size)]


# --- a browser ---


@pytest.fixture(scope="module")  # no longer: see browser.chromium
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with chromium() as started:
        yield started


@pytest.fixture
def seen(browser: Browser) -> Iterator[Callable[[str], str]]:
    """seen(url): the page as it is in the browser once its scripts have run."""
    with browser.new_context() as context:
        page = context.new_page()

        def once_quiet(url: str) -> str:
            page.goto(url, wait_until="networkidle")
            return page.content()

        yield once_quiet


def test_a_browser_runs_nothing_of_what_was_planted(
    web: WebApp, pages: dict[str, str], seen: Callable[[str], str]
) -> None:
    with served(web.client.app) as url:
        for path in list(pages)[:4]:
            dom = seen(url + path)
            assert "data-pwned" not in dom.partition("<body")[0]
            assert Elements(dom).wrong == []
            assert ACT in dom, "it is there as text"


def test_a_browser_would_run_it_unescaped_and_even_then_not_under_our_policy(seen: Callable[[str], str]) -> None:
    body = f"<!doctype html><html><body><p>{ALL.replace(PLANTED[5], '')}</body></html>"
    with served(HTMLResponse(body)) as bare, served(HTMLResponse(body, headers=HEADERS)) as guarded:
        assert 'data-pwned="1"' in seen(bare)
        assert 'data-pwned="1"' not in seen(guarded)


def test_the_report_in_a_bundle_is_text_too_and_asks_for_nothing(
    web: WebApp, pages: dict[str, str], seen: Callable[[str], str], tmp_path: Path
) -> None:
    capture_id = next(path for path in pages if "/ui/captures/" in path).split("/")[3]
    archive = ZipFile(BytesIO(web.client.get(f"/captures/{capture_id}/bundle").content))
    (report,) = (name for name in archive.namelist() if name.endswith("/report.html"))
    (file := tmp_path / "report.html").write_bytes(archive.read(report))
    dom = seen(file.as_uri())
    assert ACT in dom and "data-pwned" not in dom.partition("<body")[0]
    assert Elements(dom).wrong == ["style"], "our own"
    assert Elements(dom).links == []
