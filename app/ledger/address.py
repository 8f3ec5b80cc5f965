"""The address of a database: what it says, what of it may be shown, its password's file, and remedies for a server that
lets nobody in."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

PASSWORD_FILE = "password_file"  # noqa: S105 - of an address, beside libpq's words; libpq never sees it
SECRET = ("password", "sslpassword")
HIDDEN = "***"
# The signs are libpq's and PostgreSQL's words, in lower case.
REMEDIES = {
    "cannot be read": "let storage.database_password_file name a file that the service may read",
    "password authentication failed": "correct the password, in the file that storage.database_password_file names",
    "no password supplied": "write the password into a file, and name that as storage.database_password_file",
    "certificate verify failed": "sslrootcert in storage.database has to name the CA that signed for the server",
    "root certificate file": "sslrootcert in storage.database has to name a file with the CA's certificate",
    "does not match host name": "name the host in storage.database as its certificate names it",
    "does not support ssl": "set ssl = on in the server's postgresql.conf, or leave sslmode out",
    "requires a valid client certificate": "sslcert and sslkey in storage.database have to name a client's certificate",
    "certificate authentication failed": "the certificate that sslcert names has to be the user's, of the server's CA",
    "private key file": "let the file that sslkey names belong to the service's user, with mode 0600",
    "no pg_hba.conf entry": "let the server's pg_hba.conf admit this user from here",
}


def parsed(text: str) -> sa.URL:
    """The address. Raises ArgumentError with a sentence that says nothing of a password."""
    try:
        url = sa.make_url(text)
    except ValueError:  # a port that is none; its text may be a part of a password
        raise ArgumentError(f"the port of the database is no number{ESCAPED}") from None
    if "@" in (url.host or ""):
        raise ArgumentError(f"the host of the database has a @{ESCAPED}")
    return url


ESCAPED = (
    "; in a password write @ as %40 and % as %25, or write the password into a file that "
    "storage.database_password_file names"
)


def shown(url: sa.URL) -> str:
    """The address for people, without its secrets."""
    secret = {name: HIDDEN for name in SECRET if name in url.query}
    return url.update_query_dict(secret).difference_update_query([PASSWORD_FILE]).render_as_string(hide_password=True)


def has_password(url: sa.URL) -> bool:
    """Whether the address itself says it."""
    return url.password is not None or "password" in url.query


def with_password_file(text: str, file: Path) -> str:
    """The address with the file in which its password is."""
    url = parsed(text).update_query_dict({PASSWORD_FILE: str(file)})
    return url.render_as_string(hide_password=False)


def follow_password_file(engine: sa.Engine, file: str) -> None:
    """Each new connection takes the password that the file has then. A line's end behind it is not a part of it."""

    @sa.event.listens_for(engine, "do_connect")
    def read(_dialect: object, _record: object, _words: object, options: dict[str, Any]) -> None:
        try:
            options["password"] = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as fault:
            why = getattr(fault, "strerror", None) or "it is not UTF-8"
            raise SQLAlchemyError(f"the database's password file {file} cannot be read: {why}") from None


def without_secrets(said: str, url: sa.URL) -> str:
    """What a driver said, without the passwords of the address."""
    for secret in (url.password, *(url.query.get(name) for name in SECRET)):
        if isinstance(secret, str) and secret:
            said = said.replace(secret, HIDDEN)
    return said
