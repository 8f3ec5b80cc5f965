"""What people may do with a capture from its page: stop, keep, make it the baseline, capture again, delete. Each asks
first, on a page of its own that needs no script. Registered by app/web/asgi.py.

The guard refuses forms that another site's page sends; see auth/guard.py.
"""

from dataclasses import dataclass
from enum import StrEnum

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.model import Capture, State
from app.web import durations
from app.web.api.manual import asker, begin
from app.web.api.schemas.capture_request import CaptureRequest
from app.web.changes import Changes
from app.web.languages import _
from app.web.pages.renderer import OWN_ORIGIN, PageRenderer
from app.web.parts import Parts, the_capture


class Change(StrEnum):
    """What may be done. The values are parts of addresses."""

    STOP = "stop"
    PIN = "pin"
    UNPIN = "unpin"
    BASELINE = "baseline"
    UNBASELINE = "no-baseline"
    AGAIN = "again"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Offer:
    """A change that the page offers. name: of the button; question: what is asked first."""

    change: Change
    name: str
    question: str


def offers(capture: Capture) -> list[Offer]:
    """What may be done with this capture now."""
    service = capture.target.service if capture.target else ""
    possible = {
        Change.STOP: not capture.state.ended and capture.stop_requested_at is None,
        Change.PIN: not capture.pinned,
        Change.UNPIN: capture.pinned,
        Change.BASELINE: capture.state is State.COMPLETED and bool(service) and not capture.baseline,
        Change.UNBASELINE: capture.baseline,
        Change.AGAIN: again(capture) is not None and capture.state.ended,
        Change.DELETE: capture.state.ended,
    }
    return [Offer(change, *_said(change, service)) for change in Change if possible[change]]


def _said(change: Change, service: str) -> tuple[str, str]:
    return {
        Change.STOP: (_("stop"), _("Stop this recording now, and keep what there is?")),
        Change.PIN: (_("keep"), _("Keep this capture for good, whatever retention says?")),
        Change.UNPIN: (_("leave to retention"), _("Leave this capture to retention again?")),
        Change.BASELINE: (
            _("make baseline"),
            _("Compare other captures of %(service)s with this one?", service=service),
        ),
        Change.UNBASELINE: (_("no baseline any more"), _("Do not compare others with this capture any more?")),
        Change.AGAIN: (_("capture again"), _("Capture the same process again now?")),
        Change.DELETE: (_("delete"), _("Delete this capture with all its files? Nothing brings it back.")),
    }[change]


def again(capture: Capture) -> CaptureRequest | None:
    """A request for another capture of the same process; None where there can be none."""
    target = capture.target
    if target is None or not target.pid:
        return None
    how = {"unit": target.unit} if target.unit else {"pid": target.pid}
    wanted = {"host": target.host, "duration": durations.say(capture.duration), "note": f"again, after {capture.id}"}
    try:
        return CaptureRequest.model_validate(wanted | how)
    except ValidationError:  # a capture of an alert may be longer than a person's
        return None


def routes(parts: Parts) -> APIRouter:
    """GET and POST /ui/captures/{id}/change/{change}."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    page, changes = PageRenderer(parts), Changes(parts)

    @router.get("/ui/captures/{capture_id}/change/{change}")
    def ask(capture_id: str, change: Change, response: Response) -> str:
        response.headers.update(OWN_ORIGIN)
        capture = the_capture(parts, capture_id)
        return page("change.html", c=capture, offer=offered(capture, change))

    @router.post("/ui/captures/{capture_id}/change/{change}")
    def do(capture_id: str, change: Change, request: Request) -> RedirectResponse:
        capture = the_capture(parts, capture_id)
        offered(capture, change)
        return RedirectResponse(_done(capture, change, asker(request)), 303)

    def _done(capture: Capture, change: Change, who: str) -> str:
        """Where to go once it is done."""
        here = f"/ui/captures/{capture.id}"
        match change:
            case Change.STOP:
                changes.stop(capture, who)
            case Change.PIN | Change.UNPIN:
                parts.ledger.pin(capture.id, change is Change.PIN)
            case Change.BASELINE:
                changes.choose_baseline(capture, who)
            case Change.UNBASELINE:
                changes.unchoose_baseline(capture, who)
            case Change.AGAIN:
                wanted = again(capture)
                here = f"/ui/captures/{begin(parts, wanted, who).id}" if wanted else here
            case Change.DELETE:
                changes.delete(capture, who)
                here = "/"
        return here

    return router


def offered(capture: Capture, change: Change) -> Offer:
    """The offer of this change. Raises HTTPException 409 where it is not possible now."""
    for offer in offers(capture):
        if offer.change is change:
            return offer
    raise HTTPException(409, f"This capture is {capture.state}: {change.value} is not possible now; see its page.")
