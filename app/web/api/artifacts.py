"""GET /captures/{id}/artifacts/{name}: the file, byte for byte, with Range and ETag. Registered by app/web/asgi.py.

RFC 9110 §13 (conditions) and §14 (ranges). An artifact never changes, so its sha256 is a strong ETag. Several ranges in
one request are answered with the whole file, as the RFC allows.
"""

import re
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from app.web.api.problems import problems
from app.web.etag import UNCHANGED, is_known
from app.web.parts import Parts, stored, the_artifact, the_capture

BYTES: Final = {"schema": {"type": "string", "format": "binary"}}
FILE: Final[dict[str, Any]] = {"content": {"application/octet-stream": BYTES}}
SPAN = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)


def routes(parts: Parts) -> APIRouter:
    """GET and HEAD of one artifact."""
    router = APIRouter(tags=["captures"])

    @router.get(
        "/captures/{capture_id}/artifacts/{name}",
        summary="A file, byte for byte",
        response_class=Response,
        responses={
            200: FILE | {"description": "The file"},
            206: FILE | {"description": "A part of it"},
            **UNCHANGED,
            **problems(410, 416, 503),
        },
    )
    def download_artifact(capture_id: str, name: str, request: Request) -> Response:
        """`go tool pprof` opens this address as it is."""
        file = the_artifact(the_capture(parts, capture_id), name)
        etag = f'"{file.sha256}"'
        headers = {"etag": etag, "accept-ranges": "bytes", "cache-control": "private, no-cache"}
        if is_known(request.headers, etag):
            return Response(status_code=304, headers=headers)
        span = wanted_span(request.headers, etag, file.size)
        start, end = span or (0, file.size)
        headers |= {
            "content-length": str(end - start),
            "content-disposition": f'attachment; filename="{file.name}"',
            "content-type": "application/octet-stream",
        }
        if span:
            headers["content-range"] = f"bytes {start}-{end - 1}/{file.size}"
        if request.method == "HEAD" or start == end:
            return Response(status_code=206 if span else 200, headers=headers)
        chunks = stored(parts, f"{capture_id}/{file.name}", start, end)
        return StreamingResponse(chunks, status_code=206 if span else 200, headers=headers)

    return router


def wanted_span(headers: Headers, etag: str, size: int) -> tuple[int, int] | None:
    """The range that is asked for: first byte, and the one after the last. None: the whole file. Raises HTTPException
    416 for a range outside the file."""
    match = SPAN.fullmatch(headers.get("range", "").replace(" ", ""))
    if match is None or match.groups() == ("", "") or headers.get("if-range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last or size) + 1, size)
        if last and int(last) < int(first):
            return None
    if start >= end:
        raise HTTPException(
            416, f"The file has {size} bytes; that range is not in it.", {"content-range": f"bytes */{size}"}
        )
    return start, end
