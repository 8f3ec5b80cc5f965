"""The captures as JSON: which there are, one of them, its stop, its end, its profiles. Registered by app/web/asgi.py.

Plain functions: the framework runs them in its thread pool, because the ledger blocks.
"""

from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from app.model import Kind
from app.web.api.manual import asker
from app.web.api.schemas import CaptureOut, CapturesOut, FlameGraphOut, PausedOut, TopOut, flame_graph, shown
from app.web.filters import Asked, found
from app.web.parts import Parts, the_capture
from app.web.profiles import Profiles

log = structlog.get_logger(__name__)

SampleType = Annotated[str | None, Query(description="where a profile has several")]
Base = Annotated[str | None, Query(description="not in this version")]


def routes(parts: Parts, profiles: Profiles) -> APIRouter:
    router = APIRouter(tags=["captures"])

    @router.get("/captures", summary="The captures, newest first")
    def captures(asked: Annotated[Asked, Query()]) -> CapturesOut:
        page = found(parts.ledger, asked, parts.now())
        return CapturesOut(captures=[shown(capture) for capture in page.captures], next=page.next)

    @router.get("/captures/{capture_id}", summary="One capture")
    def one(capture_id: str) -> CaptureOut:
        return shown(the_capture(parts, capture_id))

    @router.post("/captures/{capture_id}/stop", status_code=202, summary="Stop early and keep what there is")
    def stop(capture_id: str, request: Request) -> CaptureOut:
        capture = the_capture(parts, capture_id)
        if not parts.ledger.request_stop(capture_id, parts.now()):
            raise HTTPException(409, f"This capture has already ended: it is {capture.state}.")
        log.info("stop asked for", capture_id=capture_id, by=asker(request))
        return shown(the_capture(parts, capture_id))

    @router.post("/captures/{capture_id}/pin", summary="Keep it, whatever retention says")
    def pin(capture_id: str) -> CaptureOut:
        parts.ledger.pin(the_capture(parts, capture_id).id, True)
        return shown(the_capture(parts, capture_id))

    @router.post("/captures/{capture_id}/unpin", summary="Leave it to retention again")
    def unpin(capture_id: str) -> CaptureOut:
        parts.ledger.pin(the_capture(parts, capture_id).id, False)
        return shown(the_capture(parts, capture_id))

    @router.delete("/captures/{capture_id}", status_code=204, summary="Remove a capture with its files")
    def delete(capture_id: str, request: Request) -> None:
        capture = the_capture(parts, capture_id)
        if parts.ledger.delete(capture_id) is None:
            raise HTTPException(
                409, f"This capture is {capture.state}; stop it first, and delete it when it has ended."
            )
        parts.store.delete_all(capture_id)
        log.info("capture deleted", capture_id=capture_id, by=asker(request))

    @router.get("/captures/{capture_id}/top", summary="The table of `go tool pprof -top`")
    def top(
        capture_id: str,
        kind: Kind = Kind.CPU,
        n: Annotated[int, Query(ge=1, le=1000)] = 30,
        sample_type: SampleType = None,
        base: Base = None,
    ) -> TopOut:
        refuse_comparing(base)
        return TopOut.model_validate(profiles.top(the_capture(parts, capture_id), kind, n, sample_type))

    @router.get("/captures/{capture_id}/flamegraph", summary="The call tree", responses={200: {"model": FlameGraphOut}})
    def flamegraph(
        capture_id: str, kind: Kind = Kind.CPU, sample_type: SampleType = None, base: Base = None
    ) -> JSONResponse:
        refuse_comparing(base)
        return JSONResponse(flame_graph(profiles.tree(the_capture(parts, capture_id), kind, sample_type)))

    return router


def refuse_comparing(base: str | None) -> None:
    if base is not None:
        raise HTTPException(422, "base: this version compares no captures; use `go tool pprof -diff_base`.")


def switch_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["administration"])

    @router.post("/-/pause", summary="Start no captures for now; running ones are finished")
    def pause(request: Request) -> PausedOut:
        parts.ledger.pause(parts.now(), asker(request))
        log.warning("captures paused", by=asker(request))
        held = parts.ledger.paused() or "started again already: somebody else has just resumed them"
        return PausedOut(paused=True, detail=f"Captures are {held}.")

    @router.post("/-/resume", summary="Start captures again")
    def resume(request: Request) -> PausedOut:
        parts.ledger.resume()
        log.warning("captures resumed", by=asker(request))
        return PausedOut(paused=False, detail="Captures are started again.")

    return router
