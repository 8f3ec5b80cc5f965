"""`make screenshots`: a picture of each page by day, by night and on a phone, for docs/pages.md.

The pages show made-up captures: the application of the unit tests.
"""

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from app.errors import Code, Reason
from app.ledger.ledger import Filter
from app.model import State, Step, Target, Trigger
from tests.lab.browser import CHROMIUM, served
from tests.unit.web.web_app import WebApp

FOLDER = Path(__file__).parents[1] / "docs" / "pages"
LOOKS = {"light": (1280, "light"), "dark": (1280, "dark"), "phone": (390, "dark")}
HIGH = 844  # pixels
SERVICES = ("order-mq", "cart-api", "user-rpc", "payment-api")


def fill(web: WebApp) -> None:
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
            ended = {"state": State.SKIPPED, "step": Step.DONE, "due_at": None, "ended_at": at, "reason": reason}
            web.keep(created_at=at, trigger=trigger, target=target, **ended)
        elif n % 11 == 5:
            web.keep(
                created_at=at, trigger=trigger, state=State.FAILED, step=Step.DONE, due_at=None, ended_at=at,
                reason=Reason(Code.HOST_UNREACHABLE, "10.0.0.9 does not answer on port 22 within 10s; is it up?"),
            )  # fmt: skip
        else:
            began = at + timedelta(seconds=2)
            stopped = began + timedelta(seconds=30)
            times: dict[str, Any] = {"created_at": at, "started_at": began, "stopped_at": stopped}
            web.keep_completed(trigger=trigger, target=target, ended_at=stopped + timedelta(seconds=3), **times)
    target = Target("10.0.0.6", 21181, "order-mq", "/srv/order-mq")
    web.keep(state=State.RECORDING, step=Step.WAIT, target=target, started_at=web.now - timedelta(seconds=19))


PAGES: dict[str, Callable[[WebApp], str]] = {
    "captures": lambda web: "/",
    "capture": lambda web: f"/ui/captures/{web.ledger.find(Filter(state=State.COMPLETED, limit=1)).captures[0].id}",
    "alert": lambda web: "/alerts/8a3e2b1c4d5f6001",
    "service": lambda web: "/ui/services/order-mq",
    "try": lambda web: "/ui/try",
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        web = WebApp(Path(folder))
        fill(web)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        with served(web.client.app) as url:
            for look, (width, scheme) in LOOKS.items():
                context = browser.new_context(
                    base_url=url,
                    viewport={"width": width, "height": HIGH},
                    color_scheme="dark" if scheme == "dark" else "light",
                    locale="en",
                    timezone_id="UTC",
                )
                page = context.new_page()
                for name, path in PAGES.items():
                    page.goto(path(web))
                    picture = FOLDER / f"{name}-{look}.png"
                    page.screenshot(path=picture)
                    print(picture, picture.stat().st_size)
        browser.close()
        web.ledger.close()


if __name__ == "__main__":
    main()
