"""The middleware before every route: authorization, signed links, origin, size of the body; and the headers of every
answer.

It is a plain ASGI middleware, because the webhook's requests pass through it. It is outside the framework's exception
handling, so it sends its own refusals.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.auth.links import PREFIX, LinkRefused
from app.web.auth.tokens import SAFE, WEBHOOK, Tokens, is_loopback
from app.web.auth.tokens_file import TokensUnreadable
from app.web.auth.users import TooManyLogins
from app.web.problem import problem

MAX_BODY = 65536  # bytes
LARGER = {"/explain": 1 << 20, "/ui/try": 1 << 20}  # bytes; the body is a message of the webhook
PROBES = frozenset({"/-/healthy", "/-/ready"})
OPEN = PROBES | {"/static/style.css"}  # what the page of a refusal needs
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Guard:
    """The middleware. tokens: those in force; external_url: how people reach the service; now: the time, for links."""

    def __init__(
        self, app: ASGIApp, tokens: Callable[[], Tokens], external_url: str, now: Callable[[], datetime]
    ) -> None:
        self.app, self.tokens, self.now = app, tokens, now
        self.origin, self.name = urlsplit(external_url).netloc, urlsplit(external_url).hostname

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            if scope["path"].startswith(PREFIX):
                scope = linked(scope, self.tokens(), self.now())
            else:
                await self.check(scope)
        except HTTPException as refused:
            return await problem(refused.status_code, refused.detail, refused.headers)(
                scope, receive, with_headers(send)
            )
        if scope["path"] in WEBHOOK:  # it has a limit of its own, and no browser reads its answer
            return await self.app(scope, receive, send)
        return await self.app(scope, bounded(receive, LARGER.get(scope["path"], MAX_BODY)), with_headers(send))

    async def check(self, scope: Scope) -> None:
        """Raises HTTPException for a request that is not allowed."""
        headers, tokens = first_headers(scope), self.tokens()
        if scope["method"] not in SAFE:
            refuse_other_sites(headers, self.origin)
        elif scope["path"] in OPEN:
            return
        if not tokens.guards_operators:
            refuse_rebound_names(headers.get("host", ""), self.name)
        await require_credentials(tokens, scope["method"], scope["path"], headers.get("authorization"))


def linked(scope: Scope, tokens: Tokens, now: datetime) -> Scope:
    """The request for the artifact that a signed link opens. It has the artifact's own path, so that the signature
    reaches neither routes nor errors nor the log. Raises HTTPException: 403, 405, 503 when there is no key."""
    if scope["method"] not in ("GET", "HEAD"):
        raise HTTPException(405, "A link only reads; use GET or HEAD.", {"Allow": "GET, HEAD"})
    try:
        path = tokens.links.opened(scope["path"], now)
    except LinkRefused as refused:
        raise HTTPException(403, str(refused)) from refused
    except TokensUnreadable as error:
        raise HTTPException(503, f"No link can be checked: {error}.") from error
    return {**scope, "path": path, "raw_path": path.encode(), "query_string": b""}


def first_headers(scope: Scope) -> dict[str, str]:
    """The headers of a request; of several with one name the first, as the framework has it."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


def refuse_other_sites(headers: Mapping[str, str], own: str) -> None:
    """Raises HTTPException 403 for a request that another site makes a browser send. own: our external host."""
    origin, ours = headers.get("origin"), {headers.get("host"), own} - {"", None}
    other = origin is not None and origin.partition("://")[2] not in ours
    if other or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise HTTPException(
            403, "This request comes from another site's page; use alertprof's own, or the command line."
        )


def refuse_rebound_names(host: str, own: str | None) -> None:
    """Raises HTTPException 400 for an unknown Host, against DNS rebinding: a page's own name can be made to resolve to
    loopback, and the browser then takes us for its site. own: the host of --web.external-url."""
    if not is_ours(host, own):
        name = host_name(host)
        raise HTTPException(
            400,
            f"This service answers to localhost, to loopback addresses and to the host of --web.external-url, not to "
            f"{name[:80]!r}: without keys for operators it is there for this machine only.",
        )


@lru_cache(maxsize=16)  # senders keep their name, and reading it takes longer than everything else here
def is_ours(host: str, own: str | None) -> bool:
    """Whether a Host header names loopback or `own`."""
    name = host_name(host)
    return is_loopback(name) or bool(own and name == own)


def host_name(host: str) -> str:
    """The name in a Host header, in lower case and without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


async def require_credentials(tokens: Tokens, method: str, path: str, authorization: str | None) -> None:
    """Raises HTTPException: 401 without valid credentials, 403 with those of a viewer, 503 when they cannot be checked
    now."""
    try:
        if await tokens.allows(method, path, authorization):
            return
        looks = tokens.may_look(authorization)
    except TokensUnreadable as error:
        raise HTTPException(503, f"Nobody is let in: {error}.") from error
    except TooManyLogins as error:
        raise HTTPException(503, "Too many passwords are being checked; try again, or use a token.") from error
    needs = f"{path} needs {wanted(tokens, method, path)}"
    if looks:
        raise HTTPException(403, f"This token of auth.viewer_token_file may only look; {method} {needs}.")
    raise HTTPException(
        401,
        f"{needs}.",
        # Basic first: of several schemes in a line, Chromium reads only the first
        {"WWW-Authenticate": 'Basic realm="alertprof", Bearer realm="alertprof"'},
    )


def wanted(tokens: Tokens, method: str, path: str) -> str:
    """The credentials that allow such a request, for a sentence."""
    files = " or ".join(f"auth.{key}" for key in tokens.files_for(method, path))
    token = f"a bearer token that is listed in {files} (Authorization: Bearer …)" if files else ""
    user = "name and password of a user in the web configuration's basic_auth_users" if tokens.users else ""
    return " or ".join(filter(None, (token, user)))


def bounded(receive: Receive, most: int) -> Receive:
    """`receive`, with HTTPException 413 for a body of more than `most` bytes."""
    size = 0

    async def receive_some() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise HTTPException(413, f"The body is larger than {most} bytes, more than any request here needs.")
        return message

    return receive_some


def with_headers(send: Send) -> Send:
    """`send`, with HEADERS added to the answer."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
