"""The wiring: builds every package's objects, hands each what it needs, and runs the service. cli calls `serve`."""

import os
import re
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from threading import Thread
from time import monotonic

import structlog
import uuid_utils
import uvicorn
from fastapi import FastAPI

from app.analysis.diff.asking import difference_of, difference_tree_of
from app.analysis.flame.asking import index_file, view_in
from app.analysis.isolate import check_files, facts_of, top_of, tree_of
from app.analysis.readers import Readers
from app.captures import failpoints
from app.captures.pending import PendingAlerts
from app.captures.pipeline import Pipeline
from app.captures.prearm import Arming
from app.captures.retention import clear
from app.captures.specs import named_alone
from app.captures.worker import Worker
from app.config.address import Address, listening
from app.config.logs import configure_logs
from app.config.settings import Settings
from app.config.web import WebConfig
from app.explain.explainer import Explainer
from app.explain.explanation import Explained
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.intake.admission import decide
from app.intake.body import alerts_in
from app.intake.rules import first_match
from app.ledger.ledger import Decide, Ledger, LedgerUnavailable
from app.metrics import Metrics
from app.model import Capture, Step
from app.profilers import harm
from app.resolvers.order import RESOLVERS
from app.stores import Store
from app.web.alertmanager import LeftOutFetcher
from app.web.api.readiness import Readiness
from app.web.asgi import create_app
from app.web.parts import Parts
from app.web.transport.connection import AT_ONCE, Server, connections
from app.web.transport.tls import renewing

THREADS = 16  # of the worker, besides those that hold the connection of a streamed recording
CLEAR_EVERY = 300.0  # seconds between two runs of retention
IGNORED = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)  # sent to other services by habit; by default they end us
DRAIN = 30.0  # seconds for the steps under way when the service is asked to end

log = structlog.get_logger()


class Service:
    """One replica. `app` answers HTTP; the worker works between `open` and `close`."""

    def __init__(self, settings: Settings, external_url: str, cors_origin: re.Pattern[str] | None = None) -> None:
        self.metrics = Metrics()
        self.ledger = Ledger(
            settings.storage.database, decide=deciding(settings), bounds=settings.limits, exclusive=True
        )
        self.store = Store(settings.storage.artifacts)
        self.metrics.store_free.set_function(self.store.free_bytes)
        connector = Connector(settings.hosts)
        self.pool = HostPool(connector, settings.recipes, settings.redaction)
        self.readers = Readers()
        self.arming = self._arming(settings)
        self.pending = PendingAlerts(settings.prometheus, self.arming.pending, now)
        self.left_out = LeftOutFetcher(settings.alertmanager, self.ledger.receive, self.metrics)
        self.explainer = Explainer(lambda: settings.rules, RESOLVERS, connector.route, self.pool, self.ledger)
        self._retention, self._clear_at = settings.storage.retention, 0.0
        threads = THREADS + settings.limits.at_once
        self.worker = Worker(
            self.ledger,
            self._pipeline(settings),
            now,
            threads=threads,
            hold=settings.limits.hold,
            on_step=self._count,
            chores=self._chores,
        )
        self.ledger.on_due = self.worker.wake
        self.app = create_app(replace(self._parts(external_url, settings), cors_origin=cors_origin))

    def _arming(self, settings: Settings) -> Arming:
        return Arming(
            self.pool,
            self.store,
            self.ledger,
            lambda: settings.rules,
            RESOLVERS,
            settings.external_labels,
            settings.redaction,
        )

    def _pipeline(self, settings: Settings) -> Pipeline:
        return Pipeline(
            pool=self.pool,
            store=self.store,
            ledger=self.ledger,
            rules=lambda: settings.rules,
            resolvers=RESOLVERS,
            check=check_files,
            stopping=lambda: self.worker.stopping,
            hold=settings.limits.hold,
            adopt=self.arming.adopted,
            redaction=settings.redaction,
            read=facts_of,
        )

    def open(self) -> None:
        """Migrates the database and starts the threads. Raises LedgerUnavailable or OSError."""
        self.ledger.migrate()
        self.store.sweep()
        self.worker.start()
        self.left_out.start()
        self.pending.start()

    def close(self) -> None:
        """Ends the threads and closes every connection."""
        self.left_out.stop()
        self.pending.stop()
        self.worker.stop(DRAIN)
        self.pool.close()
        self.readers.close()
        self.ledger.close()

    def _chores(self) -> None:
        self.pool.close_idle()
        if monotonic() >= self._clear_at:
            self._clear_at = monotonic() + CLEAR_EVERY
            self.arming.clear(now())
            clear(self.ledger, self.store, self._retention, now(), self.metrics.removed_bytes.inc)

    def _parts(self, external_url: str, settings: Settings) -> Parts:
        return Parts(
            ledger=self.ledger,
            store=self.store,
            metrics=self.metrics,
            now=now,
            top=partial(top_of, ask=self.readers.ask),
            tree=partial(tree_of, ask=self.readers.ask),
            difference=partial(difference_of, ask=self.readers.ask),
            difference_tree=partial(difference_tree_of, ask=self.readers.ask),
            flame_index=partial(index_file, ask=self.readers.ask),
            flame_view=partial(view_in, ask=self.readers.ask),
            ready=Readiness(self.ledger, self.store, now).obstacle,
            external_url=external_url,
            explain=self._explained,
            profilers=named_alone() - {"auto"},
            tokens=settings.auth,
            recorded=self.left_out.ask,
        )

    def _explained(self, body: bytes, connect: bool) -> Explained:
        moment = now()
        return self.explainer.answer(alerts_in(body, moment), moment, connect=connect)

    def _count(self, before: Capture, after: Capture) -> None:
        for event in after.timeline[len(before.timeline) :]:
            log.info("capture", capture_id=after.id, state=after.state.value, step=event.step, message=event.message)
        if before.step is Step.START and after.step is Step.WAIT:
            self.metrics.recordings_started.labels(after.profiler).inc()
        if (signal_sent := harm.signal_of(after)) and not harm.signal_of(before):
            self.metrics.harm.labels(signal_sent).inc()
        for artifact in set(after.artifacts) - set(before.artifacts):
            self.metrics.artifact_bytes.labels(artifact.kind.value).inc(artifact.size)
        if after.state.ended:
            self.metrics.ended(after)


def serve(
    settings: Settings, *, web: WebConfig, host: str, port: int, external_url: str, log_level: str, log_format: str
) -> None:
    """Runs until SIGTERM or SIGINT, then finishes what is under way. Exits 1 with a sentence if it cannot start."""
    os.umask(0o077)  # rows and files say what runs where, and with which arguments
    configure_logs(log_level, log_format)
    for number in IGNORED:
        signal.signal(number, ignore)
    failpoints.arm()
    try:
        listeners = listening(Address(host, port))
        service = Service(settings, external_url, web.cors_origin)
        service.open()
    except (LedgerUnavailable, OSError) as fault:
        sys.exit(f"alertprof: {fault}")
    for lacking in settings.warnings:
        log.warning("the configuration lacks something", fault=lacking)
    try:
        run(service.app, listeners, web)
    finally:
        service.close()


def ignore(number: int, _frame: object) -> None:
    """Logs the signal. A thread of its own writes the line: the handler may interrupt the writing of another line."""
    fields = {"signal": signal.Signals(number).name, "hint": "a changed configuration needs a restart"}
    Thread(target=log.warning, args=("signal passed over",), kwargs=fields, daemon=True).start()


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
    Server(config).run(list(listeners))


def deciding(settings: Settings) -> Decide:
    """`admission.decide` with the rules of these settings."""
    return partial(
        decide,
        match=partial(first_match, settings.rules),
        tried=len(settings.rules),
        new_id=lambda: str(uuid_utils.uuid7()),
    )


def now() -> datetime:
    """The time, aware UTC."""
    return datetime.now(UTC)
