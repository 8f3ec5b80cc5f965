"""Answers that a client may have already: ETag and If-None-Match (RFC 9110 §13)."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "Unchanged since the ETag of If-None-Match"}}


def is_known(headers: Headers, etag: str) -> bool:
    """Whether the client has what this ETag names (If-None-Match)."""
    asked = headers.get("if-none-match", "")
    return asked.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in asked.split(","))


def json_or_304(request: Request, content: BaseModel, headers: Mapping[str, str] | None = None) -> Response:
    """The content as JSON, with an ETag of these bytes; 304 without them if the client has them."""
    body = content.model_dump_json().encode()
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": "private, no-cache", **(headers or {})}
    if is_known(request.headers, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
