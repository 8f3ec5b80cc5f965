"""GET /captures/{id}/links: addresses of the artifacts for programs that can send no credentials. Registered by
app/web/asgi.py.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web import durations
from app.web.api.schemas.links import LinksOut
from app.web.auth.links import LIFETIME, LONGEST
from app.web.links import links_of
from app.web.parts import Parts, the_capture

SHORTEST = timedelta(seconds=1)


def routes(parts: Parts) -> APIRouter:
    """GET /captures/{id}/links."""
    router = APIRouter(tags=["captures"])

    @router.get("/captures/{capture_id}/links", summary="Links that open one file each, without a token")
    def list_links(
        capture_id: str,
        response: Response,
        lifetime: Annotated[
            str, Query(description=f"how long they open it, at most {durations.say(LONGEST)}", examples=["10m"])
        ] = durations.say(LIFETIME),
    ) -> LinksOut:
        """For `go tool pprof` and viewers. Whoever has a link can read its file. Where no token is asked for, the links
        are the files' own addresses, and do not end."""
        response.headers["cache-control"] = "no-store"
        return LinksOut.model_validate(links_of(parts, the_capture(parts, capture_id), valid_lifetime(lifetime)))

    return router


def valid_lifetime(text: str) -> timedelta:
    """The duration, from SHORTEST to LONGEST. Raises HTTPException 422."""
    try:
        length = durations.parse(text)
    except ValueError as error:
        raise HTTPException(422, f"lifetime: {error}.") from error
    if not SHORTEST <= length <= LONGEST:
        between = f"{durations.say(SHORTEST)} and {durations.say(LONGEST)}"
        raise HTTPException(422, f"lifetime: {text!r} is no time for a link to open a file; choose between {between}.")
    return length
