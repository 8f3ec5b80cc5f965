"""Where the artifacts of a capture are read without credentials, for the API and the pages."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.exceptions import HTTPException

from app.model import Artifact, Capture
from app.web.api.schemas.capture import href
from app.web.auth.links import LIFETIME
from app.web.auth.tokens_file import TokensUnreadable
from app.web.parts import Parts


@dataclass(frozen=True, slots=True)
class Link:
    """One artifact's address. href: its path."""

    name: str
    kind: str
    href: str


@dataclass(frozen=True, slots=True)
class Links:
    """The links of a capture. expires_at: when they end; None for addresses that never do."""

    links: tuple[Link, ...]
    expires_at: datetime | None


def links_of(parts: Parts, capture: Capture, lifetime: timedelta = LIFETIME) -> Links:
    """Signed links where artifacts are read with credentials; otherwise their own addresses. Raises HTTPException 503
    when there is no key to sign with."""
    expires = (parts.now() + lifetime).replace(microsecond=0) if parts.tokens.asks_for_credentials else None

    def link(artifact: Artifact) -> Link:
        path = href(capture.id, artifact.name)
        return Link(artifact.name, artifact.kind.value, _signed(parts, path, expires) if expires else path)

    return Links(tuple(map(link, capture.artifacts)), expires)


def signed_link(parts: Parts, capture: Capture, artifact: Artifact) -> str:
    """The path of a link that opens the artifact for a while, for a page that can send no credentials. Raises
    HTTPException 503."""
    return _signed(parts, href(capture.id, artifact.name), parts.now() + LIFETIME)


def _signed(parts: Parts, path: str, expires: datetime) -> str:
    try:
        return parts.tokens.links.signed(path, expires)
    except TokensUnreadable as error:
        raise HTTPException(503, f"No link can be signed: {error}.") from error
