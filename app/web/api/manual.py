"""POST /capture: a person asks for a capture of a process that they name."""

import asyncio
from datetime import datetime, timedelta
from time import monotonic
from typing import Annotated

import structlog
from fastapi import APIRouter, Body, Query, Request
from fastapi.openapi.models import Example
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from uuid_utils import uuid7

from app.model import Capture, Trigger
from app.web import durations
from app.web.api import examples
from app.web.api.problems import problems
from app.web.api.schemas.capture import CaptureOut, capture_out
from app.web.api.schemas.capture_request import CaptureRequest
from app.web.auth.tokens import user
from app.web.parts import Parts

POLL = 0.5  # seconds between two reads of the ledger by a waiting request
LONGEST_WAIT = timedelta(minutes=15)
LOCATION = {"Location": {"description": "the new capture", "schema": {"type": "string"}}}
BODIES = {name: Example(value=value) for name, value in examples.REQUESTS.items()}

log = structlog.get_logger(__name__)


def routes(parts: Parts) -> APIRouter:
    """POST /capture."""
    router = APIRouter(tags=["captures"])

    @router.post(
        "/capture",
        status_code=202,
        summary="Capture a process that you name",
        responses={202: {"headers": LOCATION}, **problems(409)},
    )
    async def create_capture(
        request: Request,
        response: Response,
        wanted: Annotated[CaptureRequest, Body(openapi_examples=BODIES)],
        wait: Annotated[
            str | None, Query(description="answer when it has ended, or after this long", examples=["90s"])
        ] = None,
    ) -> CaptureOut:
        """Give the host and one of pid, process, port, unit and container. The answer is the capture at its beginning;
        with `wait`, at its end or when the time is up."""
        timeout = waiting_time(wait)
        made = await run_in_threadpool(begin, parts, wanted, asker(request))
        response.headers["location"] = f"/captures/{made.id}"
        return capture_out(await watched(parts, request, made, timeout))

    return router


def begin(parts: Parts, wanted: CaptureRequest, who: str) -> Capture:
    """Records the new capture. Raises HTTPException: 409 while captures are paused, 422 for an unknown profiler."""
    if wanted.profiler != "auto" and wanted.profiler not in parts.profilers:
        kinds = ", ".join(sorted(parts.profilers))
        raise HTTPException(422, f"profiler: there is no {wanted.profiler!r}; there are auto, {kinds}.")
    if paused := parts.ledger.paused():
        raise HTTPException(409, f"Captures are {paused}; POST /-/resume takes them up again.")
    made = new_capture(wanted, str(uuid7()), parts.now(), who)
    parts.ledger.create(made)
    log.info("capture asked for", capture_id=made.id, by=who, host=wanted.host)
    return made


def new_capture(wanted: CaptureRequest, capture_id: str, now: datetime, who: str) -> Capture:
    return Capture(
        id=capture_id,
        created_at=now,
        trigger=Trigger("manual", {**wanted.labels, **wanted.target_labels()}, by=who, note=wanted.note),
        due_at=now,
        rule="manual",
        profiler=wanted.profiler,
        duration=durations.recording(wanted.duration),
        labels=wanted.labels,
    ).with_event(now, "received", f"asked for by {who}" + (f": {wanted.note}" if wanted.note else ""))


def asker(request: Request) -> str:
    """Who sent the request: the user name of HTTP Basic and the address, or the address alone."""
    name = user(request.headers.get("authorization", ""))
    address = request.client.host if request.client else "an unknown address"
    return f"{name} ({address})" if name.isprintable() and name else address


def waiting_time(text: str | None) -> timedelta:
    """The duration of `wait`; 0 without it. Raises HTTPException 422."""
    try:
        length = durations.parse(text or "0s")
    except ValueError as error:
        raise HTTPException(422, f"wait: {error}.") from error
    if length > LONGEST_WAIT:
        raise HTTPException(422, f"wait: {text} is too long; wait at most {durations.say(LONGEST_WAIT)} and ask again.")
    return length


async def watched(parts: Parts, request: Request, capture: Capture, timeout: timedelta) -> Capture:
    """The capture at its end, or as it is when the time is up or the client has disconnected."""
    until = monotonic() + timeout.total_seconds()
    while not capture.state.ended and monotonic() < until and not await request.is_disconnected():
        await asyncio.sleep(POLL)
        latest = await run_in_threadpool(parts.ledger.get, capture.id)
        capture = latest or capture
    return capture
