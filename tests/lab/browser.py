"""A real browser, headless, and what it looks at: applications and folders served on loopback."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import uvicorn
from starlette.types import ASGIApp

from tests.lab import ports
from tests.lab.process import eventually

CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


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
        thread.join(20)


def dom_of(url: str, folder: Path, *flags: str) -> str:
    """The page as it is once its scripts have run. folder: for the browser's profile."""
    command = [CHROMIUM or "", *FLAGS, *flags, "--virtual-time-budget=2000", f"--user-data-dir={folder / 'profile'}"]
    return subprocess.run([*command, "--dump-dom", url], capture_output=True, text=True, timeout=120, check=True).stdout


def title_at(url: str, folder: Path, *flags: str, end: str) -> str:
    """The page's title once it ends with `end`, however long its scripts run. Late if it never does."""
    port = ports.free()
    command = [
        CHROMIUM or "",
        *FLAGS,
        *flags,
        f"--remote-debugging-port={port}",
        f"--user-data-dir={folder / 'profile'}",
    ]

    def title() -> str | None:
        try:
            pages = httpx2.get(f"http://127.0.0.1:{port}/json/list", timeout=30).json()
        except httpx2.TransportError:
            return None
        return next((page["title"] for page in pages if page["type"] == "page" and page["title"].endswith(end)), None)

    with subprocess.Popen([*command, url], stderr=subprocess.DEVNULL, start_new_session=True) as started:
        try:
            return eventually(title, f"the title ends with {end}", within=120)
        finally:
            os.killpg(started.pid, signal.SIGTERM)
