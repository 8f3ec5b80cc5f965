"""The languages of the pages: English in the code, others from catalogues in locale/, read when first needed.

`_` marks and translates a text, in page code and in templates alike. The language belongs to the request:
LanguageSwitch takes it from the cookie, or else from the browser's preference. Technical terms and what alerts and
hosts say stay as they are.
"""

from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LANGUAGES = {"en": "English", "zh-Hans": "中文"}  # BCP 47, and the name that its speakers use
CATALOGUES = Path(__file__).parent / "locale"
COOKIE, PARAMETER = "lang", "lang"
KEPT = 365 * 24 * 3600  # seconds that a browser keeps the choice

_language: ContextVar[str] = ContextVar("language", default="en")
_query: ContextVar[str | None] = ContextVar("query", default=None)  # None: what is asked for is no page


def _(text: str, **values: Any) -> str:
    """The text in the language of the request. values: for its %(name)s."""
    translated = translations(_language.get()).gettext(text)
    return translated % values if values else translated


def marked(text: str) -> str:
    """The text as it is: marked here, and translated where it is shown."""
    return text


def ngettext(one: str, many: str, n: int, **values: Any) -> str:
    """`one` or `many`, as the language of the request has it for `n` things. values: for its %(name)s, besides n."""
    return translations(_language.get()).ngettext(one, many, n) % {"n": n, **values}


def language() -> str:
    """The language of the request."""
    return _language.get()


def address() -> str:
    """The query of the page that is asked for, for a part that is fetched again."""
    return f"?{urlencode(_pairs(_query.get()))}"


def address_in(other: str) -> str:
    """The address of the page that is asked for, in another language; of the first page where it is none."""
    query = _query.get()
    return f"{'/' if query is None else ''}?{urlencode([*_pairs(query), (PARAMETER, other)])}"


@cache
def translations(chosen: str) -> NullTranslations:
    """The texts of one language."""
    if chosen == "en":
        return NullTranslations()
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - a service whose readers know English needs neither
    from babel.messages.pofile import read_po  # noqa: PLC0415

    compiled = BytesIO()
    with (CATALOGUES / chosen.replace("-", "_") / "LC_MESSAGES" / "pages.po").open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return GNUTranslations(compiled)


def preferred(accepted: str) -> str:
    """The language for a browser that sends this Accept-Language. `*` and languages that we lack count for nothing."""
    return next((ours for tag in _by_preference(accepted) for ours in LANGUAGES if _covers(ours, tag)), "en")


def _by_preference(accepted: str) -> Iterator[str]:
    weighed: list[tuple[float, str]] = []
    for part in accepted.lower().split(",")[:20]:
        tag, _semicolon, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if tag and weight > 0:
            weighed.append((-weight, tag.strip()))
    return (tag for _weight, tag in sorted(weighed, key=lambda each: each[0]))


def _covers(ours: str, tag: str) -> bool:
    """Readers of another variety, zh-TW say, are shown the one we have."""
    return ours.lower().partition("-")[0] == tag.partition("-")[0]


def is_page(path: str) -> bool:
    """Whether people read what is at this path."""
    return path in ("/", "/docs") or path.startswith(("/ui/", "/alerts/"))


def choose_language(request: Request) -> None:
    """From now on, the texts are in the language of this request: that of its address, of its cookie, or of the
    browser's preference."""
    _query.set(request.url.query if is_page(request.url.path) else None)
    known = (request.query_params.get(PARAMETER, ""), request.cookies.get(COOKIE, ""))
    chosen = (each for each in known if each in LANGUAGES)
    _language.set(next(chosen, None) or preferred(request.headers.get("accept-language", "")))


class LanguageSwitch:
    """Middleware: sets the language of each request for a page. `?lang=…` is kept in a cookie, and left out of the
    address, which others may be sent."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_page(scope["path"]):
            return await self.app(scope, receive, send)
        request = Request(scope)
        chosen = request.query_params.get(PARAMETER)
        if chosen in LANGUAGES and request.method == "GET":
            return await switched(request, chosen)(scope, receive, send)
        choose_language(request)
        return await self.app(scope, receive, _with_language(send))


def switched(request: Request, chosen: str) -> RedirectResponse:
    """Back to the same page, in another language from now on."""
    rest = urlencode(_pairs(request.url.query))
    answer = RedirectResponse(f"{request.url.path}?{rest}" if rest else request.url.path, 303)
    answer.set_cookie(COOKIE, chosen, max_age=KEPT, httponly=True, samesite="lax")
    return answer


def _pairs(query: str | None) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parse_qsl(query or "", keep_blank_values=True) if name != PARAMETER]


def _with_language(send: Send) -> Send:
    async def send_with_language(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["content-language"] = _language.get()
            headers.add_vary_header("accept-language, cookie")
        await send(message)

    return send_with_language
