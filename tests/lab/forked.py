"""alertprof as a process that need not import everything anew: hundreds of starts would pay two seconds each for that.

A server process imports the application and does nothing else; every life of a service or a command is a fork of it,
with its own memory, and dies as any process does. `python -m app` itself is what tests of the start, the demo, the
acceptance tests and the bench run.
"""

import faulthandler
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

from tests.lab.process import Process

# What a service imports only once it starts is half of the work of a start: alembic with what it draws in, and more.
LATER = (
    *("alembic.autogenerate", "alembic.context", "alembic.op", "app.ledger.migrations", "app.main", "pydantic.v1"),
    *("sqlalchemy.dialects.sqlite", "uvicorn.protocols.websockets.auto"),
)

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["app.cli.program", "app.serving", "app.cli.client", "tests.lab.forked", *LATER])


class Forked(Process):
    """For `python -m app …` only; otherwise as Process."""

    def start(self) -> None:
        env = {**os.environ, **self.env}
        streams = (os.devnull, str(self.log), str(self.log))
        self._process = _server.Process(target=_run, args=(self.argv[3:], env, streams), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    @property
    def status(self) -> int | None:
        return self._process.exitcode

    def kill9(self) -> None:
        self._process.kill()
        self._process.join()

    def stop(self, grace: float = 10.0) -> None:
        self._process.terminate()
        self._process.join(grace)
        self.kill9()


def alertprof(*words: str | Path, said: str = "", within: float = 90) -> CompletedProcess[str]:
    """What `alertprof WORDS` answers to `said` on its standard input."""
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("in", "out", "err")]
        streams[0].write_text(said)
        given = ([str(word) for word in words], dict(os.environ), tuple(map(str, streams)))
        process = _server.Process(target=_run, args=given, daemon=True)
        process.start()
        process.join(within)
        assert process.exitcode is not None, f"alertprof {words} is still at work after {within} s"
        out, err = (stream.read_text() for stream in streams[1:])
        return CompletedProcess(words, process.exitcode, out, err)


def _run(words: Sequence[str], env: Mapping[str, str], streams: tuple[str, str, str]) -> None:
    """streams: the files that are its standard input, output and error; the latter two are appended to."""
    for number, file in enumerate(streams):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(file, flags, 0o644), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - multiprocessing gave it /dev/null
    os.setsid()
    faulthandler.register(signal.SIGUSR1)  # tells where all threads are, in the log
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["alertprof", *words]
    from app.cli.program import main

    main()
