"""A real browser, headless, and what it looks at: applications and folders served on loopback."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from playwright.sync_api import Browser, expect, sync_playwright
from starlette.types import ASGIApp

from tests.lab.process import LONG

CHROMIUM = shutil.which("chromium")
expect.set_options(timeout=LONG * 1000)  # milliseconds


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """Debian's Chromium, by Playwright. Meanwhile asyncio.run fails in the same thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *flags])
        yield browser
        browser.close()


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address of the running application."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        server.force_exit = server.should_exit = True
        thread.join(LONG)
