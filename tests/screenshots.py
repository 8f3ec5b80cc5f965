"""`make screenshots`: a picture of each page by day, by night and on a phone, for docs/pages.md.

The pages show made-up captures of the application of the unit tests, with profiles of tests/targets/calm.
"""

import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from gzip import compress
from hashlib import sha256
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from app.analysis import isolate
from app.analysis.flame import asking
from app.analysis.readers import Readers
from app.errors import Code, Reason
from app.finding import WARNING, Finding
from app.ledger.ledger import Filter
from app.model import Artifact, Capture, Kind, State, Step, Target, Trigger
from tests.lab.browser import chromium, served
from tests.unit.web.web_app import WebApp

FOLDER = Path(__file__).parents[1] / "docs" / "pages"
PROFILES = Path(__file__).parent / "data" / "profiles" / "pairs.tar.xz"
LOOKS = {"light": (1280, "light"), "dark": (1280, "dark"), "phone": (390, "dark")}
HIGH = 844  # pixels
SERVICES = ("order-mq", "cart-api", "user-rpc", "payment-api")
DETAIL = "main.price and what it calls take 45 % of the samples"
FOUND = Finding(WARNING, "one function takes almost half of the CPU", DETAIL, "cpu", ("main.price",), "hot_function")


def fill(web: WebApp, profiles: Path) -> None:
    """Two days of captures."""
    for n in range(60):
        service = SERVICES[n * n % 4]
        labels = {"alertname": ("HighCPU", "HighMemory", "SlowRequests")[n % 3], "job": service, "severity": "critical"}
        at = web.now - timedelta(minutes=41 * (60 - n) + n * n % 37)
        trigger = Trigger("alert", labels, f"8a3e2b1c4d5f60{n % 9:02}", {}, at, "")
        target = Target(f"10.0.0.{n % 3 + 5}", 21000 + n, service, f"/srv/{service}", resolved_by="port")
        if n % 7 == 3:
            reason = Reason(
                Code.COOLDOWN, f"{service} on 10.0.0.5 was profiled 4m ago; not again within 10m (cooldown)"
            )
            skipped: dict[str, Any] = {
                "state": State.SKIPPED,
                "step": Step.DONE,
                "due_at": None,
                "ended_at": at,
                "reason": reason,
            }
            web.keep(created_at=at, trigger=trigger, target=target, **skipped)
        elif n % 11 == 5:
            web.keep(
                created_at=at, trigger=trigger, state=State.FAILED, step=Step.DONE, due_at=None, ended_at=at,
                reason=Reason(Code.HOST_UNREACHABLE, "10.0.0.9 does not answer on port 22 within 10s; is it up?"),
            )  # fmt: skip
        else:
            began = at + timedelta(seconds=2)
            stopped = began + timedelta(seconds=30)
            times: dict[str, Any] = {"created_at": at, "started_at": began, "stopped_at": stopped}
            completed(
                web, profiles, n, trigger=trigger, target=target, ended_at=stopped + timedelta(seconds=3), **times
            )
    target = Target("10.0.0.6", 21181, "order-mq", "/srv/order-mq")
    web.keep(state=State.RECORDING, step=Step.WAIT, target=target, started_at=web.now - timedelta(seconds=19))


def completed(web: WebApp, profiles: Path, n: int, **more: Any) -> None:
    """A capture with a CPU profile and a heap profile. In every eighth one a function is slow, and found."""
    slow = n % 8 == 1
    files = {
        Kind.CPU: f"slow/cpu-0{n // 8 % 3}" if slow else f"calm/cpu-{(n + 8) % 15:02}",
        Kind.HEAP: f"calm/heap-0{n % 10}",
    }
    contents = {kind: compress((profiles / f"{name}.pprof").read_bytes(), mtime=0) for kind, name in files.items()}
    artifacts = tuple(
        Artifact(f"{more['target'].service}-{21000 + n}-{kind}-20261123T120000Z.pprof", kind, len(content),
                 sha256(content).hexdigest())
        for kind, content in contents.items()
    )  # fmt: skip
    capture = web.keep_completed(artifacts=artifacts, findings=(FOUND,) if slow else (), **more)
    for artifact in artifacts:
        web.store.files[f"{capture.id}/{artifact.name}"] = contents[artifact.kind]


def newest(web: WebApp) -> tuple[Capture, Capture]:
    """The newest two of a service that have profiles."""
    found = web.ledger.find(Filter(state=State.COMPLETED, service="cart-api", limit=2)).captures
    return found[0], found[1]


def is_drawn(page: Page) -> None:
    expect(page.locator(".drawing path").first).to_be_visible(timeout=60_000)


@dataclass(frozen=True, slots=True)
class Picture:
    """path: of the page; ready: waits until it can be taken."""

    path: Callable[[WebApp], str]
    ready: Callable[[Page], None] = lambda page: page.wait_for_load_state("networkidle")


def of_capture(rest: str) -> Callable[[WebApp], str]:
    """The path of a page of the newest capture. OTHER, FILE: the one before; the CPU profile."""

    def path(web: WebApp) -> str:
        one, other = newest(web)
        return f"/ui/captures/{one.id}" + rest.replace("OTHER", other.id).replace("FILE", one.artifacts[0].name)

    return path


PICTURES = {
    "captures": Picture(lambda web: "/"),
    "capture": Picture(of_capture(""), is_drawn),
    "flame": Picture(of_capture("/flame"), is_drawn),
    "compare": Picture(of_capture("/diff?base=OTHER"), is_drawn),
    "speedscope": Picture(of_capture("/speedscope/FILE")),
    "alert": Picture(lambda web: "/alerts/8a3e2b1c4d5f6003"),
    "service": Picture(lambda web: "/ui/services/cart-api"),
    "try": Picture(lambda web: "/ui/try"),
    "error": Picture(lambda web: "/ui/captures/0199"),
}


def take(browser: Browser, web: WebApp, url: str) -> None:
    """All pictures."""
    for look, (width, scheme) in LOOKS.items():
        context = browser.new_context(
            base_url=url,
            viewport={"width": width, "height": HIGH},
            color_scheme="dark" if scheme == "dark" else "light",
            locale="en",
            timezone_id="UTC",
        )
        page = context.new_page()
        for name, picture in PICTURES.items():
            page.goto(picture.path(web))
            picture.ready(page)
            file = FOLDER / f"{name}-{look}.png"
            page.screenshot(path=file)
            print(file, file.stat().st_size)
        context.close()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        web = WebApp(Path(folder))
        readers = Readers()
        web.top = partial(isolate.top_of, ask=readers.ask)  # type: ignore[method-assign]
        web.flame_index = partial(asking.index_file, ask=readers.ask)  # type: ignore[method-assign]
        web.flame_view = partial(asking.view_in, ask=readers.ask)  # type: ignore[method-assign]
        web.flame_json = partial(asking.view_as_json, ask=readers.ask)  # type: ignore[method-assign]
        with tarfile.open(PROFILES) as archive:
            archive.extractall(folder, filter="data")
        fill(web, Path(folder))
        with chromium("--enable-unsafe-swiftshader") as browser, served(web.reached_by().app) as url:
            take(browser, web, url)
        readers.close()
        web.ledger.close()


if __name__ == "__main__":
    main()
