"""The middleware that writes requests to the audit log: who, from where, what, and how it was answered.

Written are requests that change something, those that were turned away, and those that fetch a capture's files.
"""

import re
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.auth.links import PREFIX
from app.web.auth.tokens import SAFE, Tokens, user
from app.web.auth.tokens_file import TokensUnreadable

CAPTURE = re.compile(r"/captures/([0-9a-f-]{36})\b")
FILES = re.compile(r"/captures/[^/]+/(artifacts/.|bundle$)")
TURNED_AWAY = frozenset({401, 403})
LONGEST = 500  # characters of what a stranger sends


class Audit:
    """The middleware. write: of AuditLog; tokens: those in force."""

    def __init__(self, app: ASGIApp, write: Callable[..., None], tokens: Callable[[], Tokens]) -> None:
        self.app, self.write, self.tokens = app, write, tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.note(scope, message["status"], Headers(raw=message["headers"]).get("location", ""))
            await send(message)

        await self.app(scope, receive, noting if scope["type"] == "http" else send)

    def note(self, scope: Scope, status: int, location: str) -> None:
        """Writes the request if it is one that is written. location: of the answer; it may name a new capture."""
        method, path = scope["method"], scope["path"][:LONGEST]
        linked = path.startswith(PREFIX)
        if method in SAFE and status not in TURNED_AWAY and not (linked or FILES.search(path)):
            return
        headers = Headers(scope=scope)
        found = CAPTURE.search(location) or CAPTURE.search(path)
        self.write(
            "request",
            who="" if linked else self.who(method, path, headers.get("authorization", ""), status),
            client=(scope.get("client") or ("",))[0],
            forwarded_for=headers.get("x-forwarded-for", "")[:LONGEST],
            method=method,
            path=f"{PREFIX}…" if linked else path,  # the rest of a signed link opens the file
            status=status,
            capture_id=found[1] if found else None,
        )

    def who(self, method: str, path: str, authorization: str, status: int) -> str:
        """The user's name, or which of auth's files has the token; "" for nobody who was let in by name."""
        if status in TURNED_AWAY:
            return ""
        try:
            return self.tokens().file_with(method, path, authorization) or user(authorization)[:LONGEST]
        except TokensUnreadable:
            return ""
