"""The command line against the real application over a loopback port."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn

from app.cli import program as cli
from app.web.auth.tokens import Tokens
from tests.unit.web.web_app import WebApp


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebApp]:
    made = WebApp(tmp_path)
    yield made
    made.ledger.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """run("show", "ID"): the exit code and what was said."""
    monkeypatch.delenv("ALERTPROF_URL", raising=False)
    monkeypatch.delenv("ALERTPROF_TOKEN_FILE", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*args: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["alertprof", *args])
        with pytest.raises(SystemExit) as end:
            cli.main()
            raise SystemExit(0)
        said = capsys.readouterr()
        code = end.value.code
        return Done(code if isinstance(code, int) else 0, said.out, said.err)

    return call


@pytest.fixture
def service(web: WebApp, monkeypatch: pytest.MonkeyPatch, run: Run) -> Iterator[str]:
    """The address of a running service, which ALERTPROF_URL names too."""
    server = uvicorn.Server(uvicorn.Config(web.client.app, port=0, log_config=None))
    ready = threading.Event()

    start = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await start(sockets)
        ready.set()

    monkeypatch.setattr(server, "startup", startup)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert ready.wait(60)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    monkeypatch.setenv("ALERTPROF_URL", url)
    yield url
    server.should_exit = True
    thread.join()


@pytest.fixture
def guarded(web: WebApp, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The file with the token that the running service wants."""
    (file := tmp_path / "operator.token").write_text("secret-1\n")
    web.tokens = Tokens(operator_file=file)
    web.client = web.reached_by()
    request.getfixturevalue("service")
    return file
