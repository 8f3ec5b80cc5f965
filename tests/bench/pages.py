"""The flame graph of a profile of a million nodes in Chromium: until it is drawn, and until a zoom is, against
d3-flame-graph and speedscope, which load the same profile whole. The service is in this process, its readers are warm.
"""

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from app.analysis import isolate
from app.analysis.flame import asking
from app.analysis.flame.prepared import Prepared
from app.analysis.profile import read_file
from app.analysis.readers import Readers
from app.analysis.schema import ProfileMessage
from app.analysis.stacks import Texts
from app.analysis.tree import tree
from app.web.api.schemas.profile import flame_graph
from tests.bench.rounds import Unmeasured
from tests.lab import browser, npm
from tests.lab.browser import CHROMIUM, served
from tests.unit.web.web_app import CPU, WebApp

STACKS, FUNCTIONS = 44_500, 5_000
D3 = ("d3", "7.9.0", "7e36605710a2ba54846797c8c6d888911341b215ae53257dc32a49a0b824355e")  # ISC
D3_FLAME = ("d3-flame-graph", "4.1.3", "5b9fd58798daad7515db6e1a2224c1d939c11584f79da108706dbde3942363c4")  # Apache-2.0
LATE = 300_000  # milliseconds
RESTED = 200  # milliseconds of a pointer on a frame before its click
ROWS = (
    ("a profile that was never read", "never read", "of what is there"),
    ("one of a capture that has just ended", "prepared", "with the server's answer, clicked at once"),
    ("one that was read", "read", f"with the server's answer, clicked after {RESTED} ms on the frame"),
)

D3_PAGE = """<!doctype html><meta charset=utf-8><div id=chart></div>
<script src=/d3/dist/d3.min.js></script><script src=/flame/dist/d3-flamegraph.js></script>
<script>fetch("/tree.json").then(r => r.json()).then(tree => {
  window.chart = flamegraph().width(1280).transitionDuration(0).minFrameSize(1);
  d3.select("#chart").datum(tree.root).call(chart);
  requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = performance.now(); }));
});</script>"""
# Each clicks on the fourth of the widest frames, and tells how many milliseconds later the screen is painted.
D3_ZOOM = """() => new Promise(done => {
  const wide = g => g.getBoundingClientRect().width;
  const frames = [...document.querySelectorAll("g.frame")].sort((a, b) => wide(b) - wide(a));
  const began = performance.now();
  frames[3].dispatchEvent(new MouseEvent("click", {bubbles: true}));
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
})"""
# Ours: of what is there, or with the server's answer; `rested` milliseconds after the pointer came there.
ZOOM = """([answered, rested]) => new Promise(async done => {
  const boxes = [...document.querySelectorAll(".drawing path:not(.above, .current)")].flatMap(path =>
    [...path.getAttribute("d").matchAll(/M(\\S+) ([^h]+)h([^v]+)/g)].map(box => box.slice(1).map(Number)));
  const [x, y, width] = boxes.sort((a, b) => b[2] - a[2])[3], picture = document.querySelector("svg.flame");
  const { left, top } = picture.getBoundingClientRect();
  const at = {bubbles: true, clientX: left + x + width / 2, clientY: top + y + 9};
  if (rested) {
    picture.dispatchEvent(new MouseEvent("mousemove", at));
    await new Promise(later => setTimeout(later, rested));
  }
  const began = performance.now(), place = document.querySelector(".drawing");
  let draws = 0;
  new MutationObserver((_, seen) => {
    if (++draws < (answered && !rested ? 2 : 1)) return;
    seen.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
  }).observe(place, {childList: true});
  picture.dispatchEvent(new MouseEvent("click", at));
})"""


def million() -> bytes:
    """A profile of 44 500 stacks of 12 to 44 frames, whose call tree has about a million nodes."""
    drawn, message, texts = random.Random(7), ProfileMessage(), Texts()  # noqa: S311
    message.sample_type.add(type=texts[b"cpu"], unit=texts[b"nanoseconds"])
    for number in range(1, FUNCTIONS + 1):
        name = f"github.com/acme/shop{number % 40}/internal/pkg{number % 200}.(*Type{number % 900}).Method{number}"
        message.function.add(id=number, name=texts[name.encode()])
        message.location.add(id=number).line.add(function_id=number, line=number)
    for _ in range(STACKS):
        path = [1]
        for depth in range(drawn.randint(12, 44)):
            path.append((path[-1] * 31 + int(drawn.paretovariate(1.1)) * 17 + depth) % FUNCTIONS + 1)
        message.sample.add(location_id=path[::-1], value=[int(drawn.paretovariate(1.2)) * 10_000_000])
    message.string_table.extend(texts)
    return gzip.compress(message.SerializeToString(), 6, mtime=0)


def measure(folder: Path, *, quick: bool) -> str:
    """A table: seconds until drawn, milliseconds until zoomed, each the median of a few visits."""
    if CHROMIUM is None:
        raise Unmeasured("there is no chromium here (Debian's chromium)")
    (file := folder / "million.pprof").write_bytes(profile := million())
    whole = tree(read_file(file), most=1 << 30)
    count = 1 if quick else 5
    with browser.chromium() as chromium:
        rows = [*ours(chromium, folder, profile, count), *theirs(chromium, json.dumps(flame_graph(whole)), count)]
        rows.append(with_speedscope(chromium, profile, count))
    title = f"## A flame graph of {len(whole.nodes)} nodes, {len(profile) / 1e6:.1f} MB"
    head = f"{title}\n\n| | until it is drawn | until a zoom is drawn |\n|---|---:|---:|"
    return "\n".join([head, *rows])


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def drawn_at(page: Page, expression: str) -> float:
    """Milliseconds after the navigation began."""
    at = page.wait_for_function(f"() => ({expression}) && performance.now()", timeout=LATE).json_value()
    return float(at)


@contextmanager
def visited(chromium: Browser, url: str) -> Iterator[Page]:
    page = chromium.new_context(viewport={"width": 1280, "height": 844}).new_page()
    page.goto(url, wait_until="commit", timeout=LATE)
    yield page
    page.context.close()


def ours(chromium: Browser, folder: Path, profile: bytes, count: int) -> Iterator[str]:
    """A first visit reads the profile, or finds its paths, which are made when a capture ends; later ones find them."""
    (cache := folder / "web" / "cache").mkdir(parents=True)
    web, readers = WebApp(cache.parent), Readers()
    web.flame_index = partial(asking.index_file, ask=readers.ask)  # type: ignore[method-assign]
    web.flame_view = partial(asking.view_in, ask=readers.ask)  # type: ignore[method-assign]
    web.flame_json = partial(asking.view_as_json, ask=readers.ask)  # type: ignore[method-assign]
    web.top = partial(isolate.top_of, ask=readers.ask)  # type: ignore[method-assign]
    web.store.read = lambda key, *_: iter([web.store.files[key]])  # type: ignore[method-assign]
    drawn, zoomed = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)

    def visit(url: str, which: str, *zoom: int) -> None:
        with visited(chromium, f"{url}/ui/captures/{capture.id}/flame") as page:
            drawn[which].append(drawn_at(page, "document.querySelector('.drawing path')"))
            page.wait_for_timeout(300)
            zoomed[which].append(float(page.evaluate(ZOOM, zoom)))

    try:
        with served(web.reached_by().app) as url:
            for number in range(count):
                content = profile[:4] + number.to_bytes(4, "little") + profile[8:]
                capture = web.keep_completed(content)
                visit(url, "never read", False, 0)
                visit(url, "read", True, RESTED)
                capture = web.keep_completed(content[:4] + b"\1" + content[5:])
                make = partial(asking.index_file, folder / "million.pprof", None, ask=readers.ask)
                Prepared(cache).add(capture.id, CPU, make)
                visit(url, "prepared", True, 0)
    finally:
        readers.close()
    for told, which, how in ROWS:
        first, zoom = f"{middle(drawn[which]) / 1e3:.2f} s", f"{middle(zoomed[which]):.0f} ms"
        yield f"| alertprof, {told} | {first} | {zoom}, {how} |"


def theirs(chromium: Browser, data: str, count: int) -> Iterator[str]:
    """d3-flame-graph, with the whole tree as JSON."""
    try:
        folders = {"/d3": npm.package(*D3), "/flame": npm.package(*D3_FLAME)}
    except npm.Unavailable as reason:
        yield f"| d3-flame-graph | {reason} | |"
        return
    routes = [Mount(at, StaticFiles(directory=folder)) for at, folder in folders.items()]
    answer = Response(data, media_type="application/json")
    pages = [Route("/tree.json", lambda _: answer), Route("/", lambda _: HTMLResponse(D3_PAGE))]
    drawn, zoomed = list[float](), list[float]()
    with served(Starlette(routes=[*pages, *routes])) as url:
        for _ in range(count):
            with visited(chromium, url) as page:
                drawn.append(drawn_at(page, "window.drawn"))
                zoomed.append(float(page.evaluate(D3_ZOOM)))
    yield f"| d3-flame-graph {D3_FLAME[1]} | {middle(drawn) / 1e3:.2f} s | {middle(zoomed):.0f} ms |"


def with_speedscope(chromium: Browser, profile: bytes, count: int) -> str:
    """Until its title is the profile's name: then it draws. Its zoom is in a canvas, and not measured."""
    try:
        viewer = StaticFiles(directory=npm.package(*npm.SPEEDSCOPE) / "dist" / "release", html=True)
    except npm.Unavailable as reason:
        return f"| speedscope | {reason} | |"
    file = Route("/million.pprof", lambda _: Response(profile))
    drawn = list[float]()
    with served(Starlette(routes=[file, Mount("/", viewer)])) as url:
        for _ in range(count):
            with visited(chromium, f"{url}/#profileURL={url}/million.pprof") as page:
                drawn.append(drawn_at(page, "document.title.endsWith('- speedscope')"))
    return f"| speedscope {npm.SPEEDSCOPE[1]} | {middle(drawn) / 1e3:.2f} s | |"
