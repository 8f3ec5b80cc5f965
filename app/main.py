"""The wiring: builds every package's objects and hands each what it needs. serving.py runs it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import monotonic

import structlog

from app import traces
from app.analysis.diff.asking import difference_of, difference_tree_of
from app.analysis.flame.asking import index_file, view_as_json, view_in
from app.analysis.isolate import check_files, facts_of, goroutines_of, peek_of, top_of, tree_of
from app.analysis.readers import Readers
from app.audit import AuditLog
from app.captures.deciding import deciding
from app.captures.flame_indexing import FlameIndexing
from app.captures.orphans import Orphans
from app.captures.pending import PendingAlerts
from app.captures.pipeline import Pipeline
from app.captures.prearm import Arming
from app.captures.retention import clear
from app.captures.schedule import Schedule
from app.captures.specs import named_alone
from app.captures.worker import Worker
from app.config.reload import Reload
from app.config.settings import Settings
from app.config.web import PLAIN, WebConfig
from app.explain.explainer import Explainer
from app.explain.explanation import Explained
from app.gate.pool import HostPool
from app.hosts.names import plain
from app.hosts.route import Route
from app.hosts.ssh import Connector
from app.intake.body import alerts_in
from app.intake.rules import DEFAULT
from app.ledger.ledger import Ledger, LedgerUnavailable
from app.metrics import Metrics
from app.notifiers.dispatcher import Dispatcher
from app.resolvers.order import RESOLVERS
from app.stores import store_of
from app.telemetry import Telemetry
from app.telling import opened, recipients
from app.web.alertmanager import LeftOutFetcher
from app.web.api.readiness import Readiness
from app.web.asgi import create_app
from app.web.parts import Parts

CLEAR_EVERY = 300.0  # seconds between two runs of retention and of the schedule
DRAIN = 30.0  # seconds for the steps under way when the service is asked to end

log = structlog.get_logger()


class Service:
    """One replica. `app` answers HTTP; the worker works between `open` and `close`. read: the settings anew."""

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        external_url: str,
        web: WebConfig = PLAIN,
        audit_file: Path | None = None,
    ) -> None:
        self.metrics, self.settings = Metrics(), settings
        self.audit = AuditLog(audit_file, self.metrics.audit_lost.inc)
        self.telemetry = Telemetry(self.metrics, self.audit, traces.opened())
        self.ledger = Ledger(
            settings.storage.database, decide=deciding(settings.rules), bounds=settings.limits, exclusive=True
        )
        self.now = self.ledger.clock.now
        self.store, self.readers = store_of(settings.storage.artifacts), Readers()
        self.connector = Connector(settings.hosts)
        self.pool = HostPool(self.connector, settings.recipes, settings.redaction, self.telemetry.observer)
        self._show_states()
        self.indexing = FlameIndexing(self.store, self.readers.ask)
        self.telemetry.on_ended = self.indexing.ended
        self.arming = self._arming(settings)
        self.schedule = Schedule(self.ledger, lambda: self.settings.rules)
        self.pending = PendingAlerts(settings.prometheus, self._pending, self.now)
        self.left_out = LeftOutFetcher(settings.alertmanager, self.ledger.receive, self.metrics)
        self.dispatcher = self._dispatcher(settings, external_url)
        self.explainer = Explainer(lambda: self.settings.rules, RESOLVERS, self._route, self.pool, self.ledger)
        self.orphans, self._clear_at = Orphans(self.ledger.sweeps, self.store, self.now), 0.0
        self.worker = Worker(
            self.ledger,
            self._pipeline(settings, self.arming),
            self.now,
            hold=settings.limits.hold,
            on_step=self.telemetry.stepped,
            chores=self._chores,
        )
        self.ledger.on_due = self.worker.wake
        self.metrics.show_rules(rule.name for rule in settings.rules or (DEFAULT,))
        self.reload = Reload(settings, read, self.follow, self.metrics)
        self.app = create_app(self._parts(external_url, web))

    def _show_states(self) -> None:
        self.metrics.store_free.set_function(self.store.free_bytes)
        self.metrics.clock_offset.set_function(lambda: self.ledger.clock.ahead().total_seconds())
        self.metrics.watch_hosts(self.pool.states, lambda: self.connector.pace.logins)

    def follow(self, settings: Settings) -> None:
        """Works by these settings from now on."""
        old, connector, arming = self.settings, Connector(settings.hosts), self._arming(settings)
        self.worker.follow(self._pipeline(settings, arming), settings.limits.hold)
        if (old.hosts, old.recipes, old.redaction) != (settings.hosts, settings.recipes, settings.redaction):
            self.connector = connector
            self.pool.follow(connector, settings.recipes, settings.redaction, self._at_work)
        self.ledger.decide, self.ledger.bounds = deciding(settings.rules), settings.limits
        self.pending.url, self.left_out.url = settings.prometheus, settings.alertmanager
        self.metrics.show_rules(rule.name for rule in settings.rules or (DEFAULT,))
        self.arming, self.settings, self.dispatcher.notifiers = arming, settings, settings.notifiers
        with suppress(LedgerUnavailable):  # it is said again soon
            self._say_rules()

    def _say_rules(self) -> None:
        self.ledger.known_rules.say({rule.digest for rule in self.settings.rules}, self.now())

    def reread(self) -> str | None:
        """Opens the audit log anew and takes what the configuration says now. Returns why that was not taken."""
        self.audit.reopen()
        obstacle = self.reload.reload()
        self.telemetry.reloaded(obstacle)
        return obstacle

    def _pending(self, labels: Mapping[str, str], at: datetime) -> bool:
        return self.arming.pending(labels, at)

    def _route(self, host: str) -> Route:
        return self.connector.route(host)

    def _at_work(self, host: str) -> bool:
        try:
            return host in map(plain, self.ledger.hosts_at_work())
        except LedgerUnavailable:
            return True

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

    def _dispatcher(self, settings: Settings, external_url: str) -> Dispatcher:
        self.ledger.notices.recipients = partial(recipients, lambda: self.settings)
        open_ = partial(opened, self.ledger, self.store, external_url)
        return Dispatcher(self.ledger.notices, settings.notifiers, open_, self.metrics, now=self.now)

    def _pipeline(self, settings: Settings, arming: Arming) -> Pipeline:
        return Pipeline(
            pool=self.pool,
            store=self.store,
            ledger=self.ledger,
            rules=lambda: settings.rules,
            resolvers=RESOLVERS,
            check=partial(check_files, ask=self.readers.ask),
            stopping=lambda: self.worker.stopping,
            clock=self.now,
            hold=settings.limits.hold,
            adopt=arming.adopted,
            redaction=settings.redaction,
            read=partial(facts_of, ask=self.readers.ask),
            compare=partial(difference_of, ask=self.readers.ask),
        )

    def open(self) -> None:
        """Migrates the database and starts the threads. Raises LedgerUnavailable or OSError."""
        self.ledger.migrate()
        self._say_rules()
        self.audit.write("started", version=version("alertprof"))
        self.orphans.start()
        self.worker.start()
        self.left_out.start()
        self.pending.start()
        self.dispatcher.start()
        self.indexing.start()

    def close(self) -> None:
        """Ends the threads and closes every connection."""
        self.orphans.stop()
        self.left_out.stop()
        self.pending.stop()
        self.worker.stop(DRAIN)
        self.dispatcher.stop()
        self.indexing.stop()
        self.pool.close()
        self.readers.close()
        self.ledger.close()
        self.telemetry.close()

    def _chores(self) -> None:
        self.pool.close_idle()
        self._say_rules()
        self.dispatcher.clear()
        if monotonic() >= self._clear_at:
            self._clear_at = monotonic() + CLEAR_EVERY
            if self.ledger.takes("clearing", self.now(), timedelta(seconds=CLEAR_EVERY * 0.9)):
                self.arming.clear(self.now())
                clear(
                    self.ledger, self.store, self.settings.storage.retention, self.now(), self.metrics.removed_bytes.inc
                )
                self.schedule.run(self.now())
            self.metrics.stored_bytes.set(sum(each.size for each in self.ledger.stored()))

    def _parts(self, external_url: str, web: WebConfig) -> Parts:
        return Parts(
            ledger=self.ledger,
            store=self.store,
            metrics=self.metrics,
            now=self.now,
            top=partial(top_of, ask=self.readers.ask),
            tree=partial(tree_of, ask=self.readers.ask),
            peek=partial(peek_of, ask=self.readers.ask),
            goroutines=partial(goroutines_of, ask=self.readers.ask),
            difference=partial(difference_of, ask=self.readers.ask),
            difference_tree=partial(difference_tree_of, ask=self.readers.ask),
            flame_index=partial(index_file, ask=self.readers.ask),
            flame_view=partial(view_in, ask=self.readers.ask),
            flame_json=partial(view_as_json, ask=self.readers.ask),
            prepared=self.indexing.prepared,
            ready=Readiness(self.ledger, self.store, self.now).obstacle,
            external_url=external_url,
            explain=self._explained,
            profilers=named_alone() - {"auto"},
            tokens=lambda: self.settings.auth,
            config=self.reload.text,
            reload=self.reread,
            audit=self.audit.write if self.audit.kept else None,
            recorded=self.left_out.ask,
            prometheus=lambda: self.settings.prometheus,
            cors_origin=web.cors_origin,
            rate_limit=web.rate_limit,
            route_prefix=web.route_prefix,
        )

    def _explained(self, body: bytes, connect: bool) -> Explained:
        moment = self.now()
        return self.explainer.answer(alerts_in(body, moment), moment, connect=connect)
