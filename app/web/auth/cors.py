"""Pages of other origins may read artifacts, and nothing else: viewers such as speedscope. Outermost of asgi.py.

An origin has to match --web.cors.origin as a whole, as in Prometheus. No credentials: a page can read what is open to
its own program, or to a signed link, and never with what its reader's browser remembers. Refusals of artifacts carry
the header too, so that a viewer can show their sentence.

Sandboxed pages may read signed links, our own page with speedscope among them. Their origin is `null`, which any site
can have; but whoever has a link can read its file anyway. https://fetch.spec.whatwg.org/#http-cors-protocol
"""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.intake.re2 import Pattern
from app.web.auth.guard import with_headers
from app.web.auth.links import PREFIX
from app.web.auth.tokens import SAFE

ARTIFACT = re.compile(r"(?:/links/[^/]+)?/captures/[^/]+/artifacts/[^/]+")
SANDBOX = "null"
LONGEST = 300  # characters of an origin: a host name has at most 253
EXPOSED = {"access-control-expose-headers": "Accept-Ranges, Content-Disposition, Content-Range, ETag"}
PREFLIGHT = {
    "access-control-allow-methods": "GET, HEAD",
    "access-control-allow-headers": "Range, If-Range, If-None-Match",
    "access-control-max-age": "600",
}


class Cors:
    """The middleware. allowed: the origins, for fullmatch; None: no page of another site may read anything."""

    def __init__(self, app: ASGIApp, allowed: Pattern | None) -> None:
        self.app, self.allowed = app, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not (reads_artifact(scope) and (self.allowed or scope["path"].startswith(PREFIX))):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = allowed_origin(scope["path"], headers.getlist("origin"), self.allowed)
        if origin and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            answer = Response(status_code=204, headers=PREFLIGHT)
            await answer(scope, receive, with_headers(with_origin(send, origin)))
        else:
            await self.app(scope, receive, with_origin(send, origin))


def reads_artifact(scope: Scope) -> bool:
    """Whether this is a request that reads an artifact, or asks whether it may."""
    return scope["type"] == "http" and scope["method"] in SAFE and ARTIFACT.fullmatch(scope["path"]) is not None


def allowed_origin(path: str, origins: list[str], allowed: Pattern | None) -> str:
    """The origin of a request for this path if it is allowed; "" otherwise."""
    if origins == [SANDBOX] and path.startswith(PREFIX):
        return SANDBOX
    if allowed is None or len(origins) != 1 or len(origins[0]) > LONGEST or not allowed.matches(origins[0]):
        return ""
    return origins[0]


def with_origin(send: Send, origin: str) -> Send:
    """`send`, with the headers that let pages of this origin read the answer; "": only what a cache has to know."""

    async def send_with_origin(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.add_vary_header("Origin")
            if origin:
                headers.update({"access-control-allow-origin": origin, **EXPOSED})
        await send(message)

    return send_with_origin
