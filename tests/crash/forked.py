"""alertprof as a process that need not import everything anew: hundreds of starts would pay two seconds each for that.

A server process imports the application and does nothing else; every service life is a fork of it, with its own
memory, and dies as any process does.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.lab.process import Process

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["app.cli.program", "app.serving", "app.cli.client"])


class Forked(Process):
    """For `python -m app …` only; otherwise as Process."""

    def start(self) -> None:
        env = {**os.environ, **self.env}
        self._process = _server.Process(target=_run, args=(self.argv[3:], env, self.log), daemon=True)
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


def _run(words: list[str], env: Mapping[str, str], log: Path) -> None:
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.setsid()
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["alertprof", *words]
    from app.cli.program import main

    main()
