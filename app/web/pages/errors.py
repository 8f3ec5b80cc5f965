"""Errors as pages for people, in the place of `application/problem+json`. Registered by app/web/asgi.py.

The request's Accept decides: browsers ask for text/html by name, programs do not. Everything of the answer but its body
stays as it was.
"""

import json
import re
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.auth.guard import with_headers
from app.web.auth.tokens import WEBHOOK
from app.web.languages import choose_language, language, marked
from app.web.pages.renderer import PageRenderer
from app.web.pages.stored import stored_sentence
from app.web.parts import Parts
from app.web.problem import OWN_FAULT, ProblemResponse, problem

BEGIN: Final = marked("Correct the address, or begin with the list of captures.")
LATER: Final = marked("Try again in a moment.")
SAID: Final = {  # what is wrong, and what to do next
    400: (marked("This cannot be answered"), BEGIN),
    401: (marked("Log in first"), marked("Reload the page. A token is the password; any name does for it.")),
    403: (marked("This is not allowed"), marked("Ask whoever runs alertprof for a token that allows it.")),
    404: (marked("There is nothing here"), marked("It may have been removed, or the address is not whole.")),
    409: (marked("This is not possible now"), marked("Look at the capture as it is now.")),
    410: (
        marked("The file is gone"),
        marked("The store has lost it. Other captures may have theirs."),
    ),
    422: (marked("This cannot be answered"), BEGIN),
    500: (marked("alertprof met a fault of its own"), marked("Its log says more. Trying again may help.")),
    503: (marked("Not now"), LATER),
}
FOR_PROGRAMS: Final = re.compile(r"; (?:GET|POST) /[^;]*(?=\.$)")  # which request helps; the page has a link instead
OTHERS: Final = (marked("This cannot be answered"), LATER)


class ErrorPages:
    """The middleware. It answers before anybody has logged in, too, so a page says nothing of the service's state."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self.app, self.render = app, PageRenderer(parts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in WEBHOOK or not wants_page(Headers(scope=scope)):
            return await self.app(scope, receive, send)
        answer = _Answer(self, Request(scope), send)
        try:
            await self.app(scope, receive, answer.take)
        except Exception:
            if not answer.begun:
                await problem(500, OWN_FAULT)(scope, receive, with_headers(answer.take))
            raise  # the framework logs it

    def page(self, request: Request, told: dict[str, Any]) -> bytes:
        """The page for a problem. told: its members."""
        choose_language(request)
        status = int(told["status"])
        wrong, next_step = SAID.get(status, OTHERS)
        detail = stored_sentence(FOR_PROGRAMS.sub("", str(told["detail"])))
        return self.render.alone("error.html", status=status, wrong=wrong, detail=detail, next_step=next_step).encode()


class _Answer:
    """What a route sends: a problem as a page, anything else as it is."""

    def __init__(self, pages: ErrorPages, request: Request, send: Send) -> None:
        self.pages, self.request, self.send = pages, request, send
        self.begun = False
        self._start: Message | None = None
        self._body = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            if Headers(raw=message["headers"]).get("content-type") == ProblemResponse.media_type:
                self._start = message
                return
        if self._start is None:
            await self.send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send_page(self._start)

    async def _send_page(self, start: Message) -> None:
        body = self.pages.page(self.request, json.loads(self._body))
        headers = MutableHeaders(scope=start)
        headers.update(
            {
                "content-type": "text/html; charset=utf-8",
                "content-length": str(len(body)),
                "content-language": language(),
                "cache-control": "no-store",
            }
        )
        headers.add_vary_header("accept, accept-language, cookie")
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})


def wants_page(headers: Headers) -> bool:
    """Whether Accept names HTML, and no JSON that it prefers. `*/*` is a program's."""
    weights = dict(_weighed(",".join(headers.getlist("accept"))))
    html = weights.get("text/html", 0.0)
    return html > 0 and html >= max(weights.get(each, 0.0) for each in ("application/json", ProblemResponse.media_type))


def _weighed(accept: str) -> list[tuple[str, float]]:
    found = []
    for part in accept.lower().split(",")[:50]:
        name, *parameters = (word.strip() for word in part.split(";"))
        weight = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        try:
            found.append((name, float(weight)))
        except ValueError:
            continue
    return found
