"""The goroutines of a capture by where they are. Registered by app/web/asgi.py.

The page of the capture does not wait for them: its script fetches this page, and without script a link opens it.
"""

from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from app.analysis.isolate import STACKS
from app.captures.reading import MODULE
from app.model import Artifact, Capture, Kind
from app.web.pages.renderer import PageRenderer
from app.web.parts import Parts, the_capture
from app.web.profiles import SUFFIX, Profiles

COUNTED: Final = "-counted"  # of a text that only counts them; see profilers/goroutines.py
STATES: Final = {  # as a dump says it
    "lock": "lock", "cond": "sync.Cond", "group": "sync.WaitGroup", "io": "IO wait", "sleep": "sleep",
    "send": "chan send", "receive": "chan receive", "select": "select", "forever": "select {}", "running": "running",
}  # fmt: skip


def routes(parts: Parts, profiles: Profiles) -> APIRouter:
    """GET /ui/captures/{id}/goroutines."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page = PageRenderer(parts)

    @router.get("/ui/captures/{capture_id}/goroutines")
    def goroutines(capture_id: str) -> str:
        capture = the_capture(parts, capture_id)
        file = dump_of(capture)
        if file is None:
            raise HTTPException(404, f"This capture has no goroutines; it is {capture.state}.")
        groups = profiles.goroutines(capture, file, str(capture.notes.get(MODULE, "")))
        return page(
            "goroutines.html",
            c=capture,
            file=file,
            groups=groups[:STACKS],
            left_out=len(groups) - STACKS,
            total=sum(each.count for each in groups),
            states=STATES,
        )

    return router


def dump_of(capture: Capture) -> Artifact | None:
    """The file that tells most of the goroutines: a dump, which has their waits and creators, before a profile; of
    several the last one."""
    files = [each for each in capture.artifacts if each.kind is Kind.GOROUTINE and COUNTED not in each.name]
    files.sort(key=lambda each: each.name.endswith(SUFFIX), reverse=True)
    return files[-1] if files else None
