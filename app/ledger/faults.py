"""What the database may raise, and the sentences that say so: each names the database and the remedy."""

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

_REMEDIES = {
    "locked": "another program holds it; look for a backup or a sqlite3 shell that has it open",
    "disk is full": "its disk is full; free some space",
    "no space left": "its disk is full; free some space",
    "disk i/o error": "its disk fails, or was mounted read-only; look into the kernel's log",
    "read-only": "it takes no writes; is it a standby, or set so?",
    "readonly": "it may not be written; give the service's user the right to its file and directory",
    "unable to open": "it cannot be opened; its directory must exist and belong to the service's user",
    "malformed": "it is damaged; stop the service and restore a backup, or move the file away to begin anew",
    "not a database": "it is no database; restore a backup, or move the file away to begin anew",
}


class LedgerUnavailable(Exception):
    """The database did not answer or refused the write. Nothing was recorded, unless it is a LedgerUncertain.

    Every method of the ledger may raise it. The message names the database (without its password) and the remedy. The
    error may be temporary: callers try again, and the webhook answers 503.
    """


class LedgerUncertain(LedgerUnavailable):
    """The server did not answer the commit. The write is on disk, or it is not; whoever wants to know has to look."""


class LedgerContended(LedgerUnavailable):
    """Another replica holds what was to be written, or each waits for the other. Nothing was recorded."""


def sentence(url: sa.URL, error: SQLAlchemyError) -> str:
    """What the database said, with the remedy, without its password."""
    name = url.render_as_string(hide_password=True)
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    first = said.splitlines()[0] if said else type(error).__name__
    remedy = next(
        (remedy for sign, remedy in _REMEDIES.items() if sign in said.lower()), "see that it runs and answers"
    )
    return f"the ledger {name} is not available ({first}): {remedy}"
