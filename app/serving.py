"""The service as a process: its log, signals, listeners and end. cli calls `serve`; main.py wires the parts."""

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

import structlog
import uvicorn
from fastapi import FastAPI

from app.captures import failpoints
from app.config.address import Address, listening
from app.config.logs import configure_logs
from app.config.settings import Settings
from app.config.web import WebConfig
from app.ledger.ledger import LedgerUnavailable
from app.main import Service
from app.web.transport.connection import AT_ONCE, Server, connections
from app.web.transport.tls import renewing

IGNORED = (signal.SIGUSR1, signal.SIGUSR2)  # sent to other services by habit; by default they end us

log = structlog.get_logger()


def serve(
    settings: Settings,
    read: Callable[[], Settings],
    *,
    web: WebConfig,
    host: str,
    port: int,
    external_url: str,
    log_level: str,
    log_format: str,
    audit_file: Path | None = None,
) -> None:
    """Runs until SIGTERM or SIGINT, then finishes what is under way. Exits 1 with a sentence if it cannot start.

    read: the settings anew, for SIGHUP and POST /-/reload; as Reload takes it."""
    os.umask(0o077)  # rows and files say what runs where, and with which arguments
    configure_logs(log_level, log_format)
    signals = Signals()  # from now on none of them ends the service, however long it takes to start
    failpoints.arm()
    try:
        listeners = listening(Address(host, port))
        service = Service(settings, read, external_url, web, audit_file)
        service.open()
    except (LedgerUnavailable, OSError) as fault:
        sys.exit(f"alertprof: {fault}")
    signals.follow(service.reread)
    try:
        run(service.app, listeners, web)
    finally:
        service.close()


class Signals:
    """SIGHUP, which asks for a reload, and IGNORED, which are only logged. A thread acts on them, because a handler
    may interrupt the writing of a log line, or itself. However many come meanwhile, they are one."""

    def __init__(self) -> None:
        self._came: SimpleQueue[int] = SimpleQueue()  # the only queue that a handler may use
        for number in (signal.SIGHUP, *IGNORED):
            signal.signal(number, lambda number, _: self._came.put(number))

    def follow(self, reload: Callable[[], object]) -> None:
        """Acts on those that have come, and on those that will."""
        Thread(target=self._work, args=(reload,), name="signals", daemon=True).start()

    def _work(self, reload: Callable[[], object]) -> None:
        while True:
            came = {self._came.get()}
            with suppress(Empty):
                while True:
                    came.add(self._came.get_nowait())
            for number in sorted(came.intersection(IGNORED)):
                log.warning("signal passed over", signal=signal.Signals(number).name)
            if signal.SIGHUP in came:
                reload()


def run(app: FastAPI, listeners: Sequence[socket.socket], web: WebConfig) -> None:
    """Serves HTTP until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises the signal that ended it once more at its end
    for each in listeners:
        log.info("listening", address=str(Address(*each.getsockname()[:2])), scheme=web.scheme)
    tls = web.tls
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=connections(tls.sans if tls else frozenset()),
        ws="none",
        ssl_context_factory=(lambda *_: renewing(tls)) if tls else None,
        log_config=None,
        access_log=False,
        server_header=False,
        headers=list(web.headers),
        limit_concurrency=AT_ONCE + 1,
        timeout_graceful_shutdown=5,
    )
    rest_the_collector()
    Server(config).run(list(listeners))


def rest_the_collector() -> None:
    """Lets the collector of garbage pass over what the service is made of, and look less often for what messages leave
    behind, most of which is freed without it: it took a twentieth of the time in a storm."""
    gc.freeze()
    gc.set_threshold(10_000)
