"""A service below a path, as Prometheus has it: --web.external-url and --web.route-prefix. Outermost of asgi.py.

The route prefix is what stands before a route in a request; a proxy may have taken it away already, so a request
without it is answered too. The external path is what stands before it in a browser. Routes, pages and the API know
neither: this module takes the one off requests, and puts the other before what a browser follows.
"""

import re
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ATTRIBUTE = re.compile(r'(\s(?:href|src|action|formaction|data-href|hx-[a-z]+)=")/(?!/)')
TARGET = re.compile(r"<(/[^>]*)>")


def external_path(external_url: str) -> str:
    """`/alertprof` for `https://example.com/alertprof`; "" without a path."""
    return urlsplit(external_url).path.rstrip("/")


def with_external_path(html: str, external_url: str) -> str:
    """The page with its links below the external path. Escaped text has no quotes, so it is never taken for a link."""
    path = external_path(external_url)
    return ATTRIBUTE.sub(rf"\g<1>{path}/", html) if path else html


class Prefix:
    """The middleware. external_url: how people reach the service; route_prefix: None is its path, as in Prometheus."""

    def __init__(self, app: ASGIApp, external_url: str, route_prefix: str | None) -> None:
        self.app, self.path = app, external_path(external_url)
        self.prefix = self.path if route_prefix is None else route_prefix.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (self.prefix or self.path):
            await self.app(self.routed(scope), receive, self.sent(send))
        else:
            await self.app(scope, receive, send)

    def routed(self, scope: Scope) -> Scope:
        """The request without the route prefix."""
        path: str = scope["path"]
        if not self.prefix or not f"{path}/".startswith(f"{self.prefix}/"):
            return scope
        rest = path[len(self.prefix) :] or "/"
        raw = scope.get("raw_path", b"").partition(b"?")[0]
        known = raw[len(self.prefix) :] if raw.startswith(self.prefix.encode()) else b""
        return {**scope, "path": rest, "raw_path": known or rest.encode()}

    def sent(self, send: Send) -> Send:
        """`send`, with the external path in Location, Link and Set-Cookie."""

        async def send_with_path(message: Message) -> None:
            if message["type"] == "http.response.start" and self.path:
                headers = MutableHeaders(scope=message)
                if headers.get("location", "").startswith("/"):
                    headers["location"] = self.path + headers["location"]
                if "link" in headers:
                    headers["link"] = TARGET.sub(rf"<{self.path}\g<1>>", headers["link"])
                if "set-cookie" in headers:
                    headers["set-cookie"] = headers["set-cookie"].replace("Path=/;", f"Path={self.path}/;")
            await send(message)

        return send_with_path
