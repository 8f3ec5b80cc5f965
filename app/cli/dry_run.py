"""`alertprof explain` without a running service, with the configuration that the service would have; and what
`alertprof doctor` has to know of the ledger.

The ledger of that configuration is read where there is one. It is never made or changed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from app.config.settings import Settings
from app.explain.explainer import Explainer
from app.explain.explanation import Explanation
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.intake.body import alerts_in
from app.intake.message import BadMessage
from app.ledger.ledger import LedgerReader, LedgerUnavailable, open_reader
from app.model import Blocked
from app.resolvers.order import RESOLVERS


def explanations(settings: Settings, body: bytes, *, connect: bool) -> tuple[Explanation, ...] | str:
    """One explanation per alert in `body`; for a body that is no message, the sentence why not.

    connect: also log in to the hosts and look at the processes there.
    """
    moment = datetime.now(UTC)
    try:
        alerts = alerts_in(body, moment)
    except BadMessage as bad:
        return str(bad)
    connector = Connector(settings.hosts)
    pool, (ledger, no_ledger) = HostPool(connector, settings.recipes, settings.redaction), ledger_of(settings)
    try:
        explainer = Explainer(lambda: settings.rules, RESOLVERS, connector.route, pool, ledger, no_ledger)
        return explainer.explain(alerts, moment, connect=connect)
    finally:
        pool.close()
        if ledger:
            ledger.close()


def ledger_of(settings: Settings) -> tuple[LedgerReader | None, str]:
    """The ledger, for reading; or None and the sentence why there is none."""
    try:
        return open_reader(settings.storage.database, bounds=settings.limits), ""
    except LedgerUnavailable as fault:
        return None, f"{fault}"


@contextmanager
def blocked_executables(settings: Settings) -> Iterator[Callable[[str], Blocked | None]]:
    """Gives a look-up by build: the executable, if it is not signalled any more, or None.

    Where the ledger cannot be read, no executable is known to be blocked.
    """
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
