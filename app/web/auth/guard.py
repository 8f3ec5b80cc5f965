"""The door in front of every route: who may, from where, how much; and the headers of every answer.

A pure ASGI middleware, because the webhook passes through it at full speed. It stands outside the framework's handling
of exceptions, so it answers its own refusals.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.auth.tokens import WEBHOOK, Tokens, TokensUnreadable, is_loopback
from app.web.auth.users import TooManyLogins
from app.web.problem import problem

MAX_BODY = 65536
LARGER = {"/explain": 1 << 20, "/ui/try": 1 << 20}  # a message of the webhook goes in there
PROBES = frozenset({"/-/healthy", "/-/ready"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Guard:
    def __init__(self, app: ASGIApp, tokens: Tokens, external_url: str) -> None:
        self.app, self.tokens = app, tokens
        self.origin, self.name = urlsplit(external_url).netloc, urlsplit(external_url).hostname

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            await self.admit(scope)
        except HTTPException as refused:
            return await problem(refused.status_code, refused.detail, refused.headers)(scope, receive, dressed(send))
        if scope["path"] in WEBHOOK:  # has its own bound, and no browser reads its answer
            return await self.app(scope, receive, send)
        return await self.app(scope, bounded(receive, LARGER.get(scope["path"], MAX_BODY)), dressed(send))

    async def admit(self, scope: Scope) -> None:
        """Raises HTTPException with the sentence for whoever stays outside."""
        headers = Headers(scope=scope)
        if scope["method"] not in SAFE:
            refuse_other_sites(headers, self.origin)
        elif scope["path"] in PROBES:
            return
        if not self.tokens.guards_operators:
            refuse_rebound_names(headers.get("host", ""), self.name)
        await refuse_strangers(self.tokens, scope["path"], headers.get("authorization"))


def refuse_other_sites(headers: Headers, own: str) -> None:
    """A page of another site makes its reader's browser send requests; those carry these headers."""
    origin, ours = headers.get("origin"), {headers.get("host"), own} - {"", None}
    other = origin is not None and origin.partition("://")[2] not in ours
    if other or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise HTTPException(
            403, "This request comes from another site's page; use alertprof's own, or the command line."
        )


def refuse_rebound_names(host: str, own: str | None) -> None:
    """DNS rebinding: a page's own name is made to lead to loopback, and its reader's browser takes us for its site."""
    name = host_name(host)
    if not (is_loopback(name) or (own and name == own)):
        raise HTTPException(
            400,
            f"This service answers to localhost, to loopback addresses and to the host of --web.external-url, not to "
            f"{name[:80]!r}: without keys for operators it is there for this machine only.",
        )


def host_name(host: str) -> str:
    """The name in a Host header, in small letters and without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


async def refuse_strangers(tokens: Tokens, path: str, authorization: str | None) -> None:
    try:
        if await tokens.let_in(path, authorization):
            return
    except TokensUnreadable as error:
        raise HTTPException(503, f"Nobody is let in: {error}.") from error
    except TooManyLogins as error:
        raise HTTPException(503, "Too many passwords are being checked; try again, or use a token.") from error
    raise HTTPException(
        401,
        f"{path} needs {wanted(tokens, path)}.",
        {"WWW-Authenticate": 'Bearer realm="alertprof", Basic realm="alertprof"'},
    )


def wanted(tokens: Tokens, path: str) -> str:
    """What would have opened this path."""
    kind = "webhook_token_file" if path in WEBHOOK and tokens.webhook_file else "operator_token_file"
    token = f"a bearer token that is listed in auth.{kind} (Authorization: Bearer …)" if tokens.file_for(path) else ""
    user = "name and password of a user in the web configuration's basic_auth_users" if tokens.users else ""
    return " or ".join(filter(None, (token, user)))


def bounded(receive: Receive, most: int) -> Receive:
    size = 0

    async def receive_some() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise HTTPException(413, f"The body is larger than {most} bytes, more than any request here needs.")
        return message

    return receive_some


def dressed(send: Send) -> Send:
    async def send_dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_dressed
