"""`alertprof explain`: a message explained beside the running service, with the configuration that it would have; and
what `alertprof doctor` has to know of the ledger.

Called by cli/program.py. The ledger of that configuration is read where there is one, and never made or changed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from starlette.exceptions import HTTPException

from app.config.settings import Settings
from app.explain.explainer import Explainer
from app.explain.explanation import Explanation
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.ledger.ledger import Ledger, LedgerUnavailable
from app.main import RESOLVERS, deciding, now
from app.model import Blocked
from app.web.api.webhook import alerts_in


def explanations(settings: Settings, body: bytes, *, connect: bool) -> tuple[Explanation, ...] | str:
    """One an alert; the sentence why not for a body that is no message."""
    moment = now()
    try:
        alerts = alerts_in(body, moment)
    except HTTPException as refused:
        return refused.detail
    connector = Connector(settings.hosts)
    pool, (ledger, no_ledger) = HostPool(connector, settings.recipes), ledger_of(settings)
    try:
        explainer = Explainer(lambda: settings.rules, RESOLVERS, connector.route, pool, ledger, no_ledger)
        return explainer.explain(alerts, moment, connect=connect)
    finally:
        pool.close()
        if ledger:
            ledger.close()


def ledger_of(settings: Settings) -> tuple[Ledger | None, str]:
    """The ledger, for reading; None, and why there is none."""
    try:
        url = settings.storage.database
        return Ledger.to_read(url, decide=deciding(settings), bounds=settings.limits), ""
    except LedgerUnavailable as fault:
        return None, f"{fault}"


@contextmanager
def blocking(settings: Settings) -> Iterator[Callable[[str], Blocked | None]]:
    """Is an executable of this build not signalled any more? Of a ledger that cannot be read: of none it is known."""
    ledger, _ = ledger_of(settings)

    def blocked(build: str) -> Blocked | None:
        with suppress(LedgerUnavailable):
            return ledger.blocked_as(build) if ledger else None
        return None

    try:
        yield blocked
    finally:
        if ledger:
            ledger.close()
