"""A profile in speedscope, which is shipped with us (https://github.com/jlfwong/speedscope). Registered by
app/web/asgi.py.

The page is a sandbox: an origin of its own, that reads nothing of ours but the one profile, by a signed link. So what
is in a profile can do nothing, even if it tricks speedscope. Scripts stand in the page itself, each allowed by its
hash: a sandbox has none of the reader's credentials to fetch them with.
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from app.web.links import signed_link
from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts, the_artifact, the_capture
from app.web.profiles import SUFFIX
from app.web.transport.prefix import external_path

STATIC = Path(__file__).parents[1] / "static"
FONT = re.compile(r"@font-face\{[^}]*\}")  # a file, which the sandbox could not read
SELF = "'self'"  # for an IPv6 address, which no policy can name
HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Viewer:
    """What the page is made of. opener: tells speedscope what to open."""

    style: str
    opener: str
    script: str

    @property
    def hashes(self) -> str:
        """The scripts, as a policy names them."""
        digests = (sha256(text.encode()).digest() for text in (self.opener, self.script))
        return " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in digests)


def routes(parts: Parts) -> APIRouter:
    """GET /ui/captures/{id}/speedscope/{name}."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page = PageRenderer(parts)

    @router.get("/ui/captures/{capture_id}/speedscope/{name}")
    def speedscope(capture_id: str, name: str, request: Request, response: Response) -> str:
        capture = the_capture(parts, capture_id)
        file = the_artifact(capture, name)
        if not file.name.endswith(SUFFIX):
            raise HTTPException(422, f"{file.name} is no profile: speedscope opens files that end in {SUFFIX}.")
        link, shown = external_path(parts.external_url) + signed_link(parts, capture, file), viewer()
        hosts = (request.headers.get("host", ""), urlsplit(parts.external_url).netloc)
        response.headers["content-security-policy"] = policy(shown, link, hosts)
        response.headers["cache-control"] = "no-store"  # it has a signed link
        return page("speedscope.html", viewer=shown, link=link, file=file.name)

    return router


@cache
def viewer() -> Viewer:
    """speedscope, read once. Raises HTTPException 503 where it was not installed with us."""
    there = STATIC / "vendor" / "speedscope"
    try:
        (script,), (style,) = there.glob("speedscope-*.js"), there.glob("speedscope-*.css")
    except ValueError:
        raise HTTPException(503, f"speedscope is not in {there}: install alertprof anew, or run make setup.") from None
    opener = (STATIC / "speedscope.js").read_text("utf-8")
    return Viewer(FONT.sub("", style.read_text("utf-8")), opener, script.read_text("utf-8"))


def policy(shown: Viewer, link: str, hosts: tuple[str, ...]) -> str:
    """The page's own policy. hosts: under which we may be known to the browser; those that are none are left out.

    speedscope makes its styles while it runs, so they cannot be told from others; it demangles names in WebAssembly."""
    files = " ".join(sorted({f"{host}{link}" for host in hosts if HOST.fullmatch(host)}))
    return (
        f"sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'wasm-unsafe-eval' {shown.hashes}; "
        f"style-src 'unsafe-inline'; img-src data: blob:; connect-src {files or SELF}; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )
