"""Errors in the OpenAPI document: which ones a route may answer with, and their shape."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue

from app.web.api import examples

Responses = dict[int | str, dict[str, Any]]


class Wrong(BaseModel):
    """One part of a request that is wrong: where it stands, and why."""

    where: str
    message: str


class Problem(BaseModel):
    """An error (RFC 9457). `detail`: a sentence that a person can act on."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    errors: list[Wrong] = []


CONTENT: Final[dict[str, JsonValue]] = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "example": examples.PROBLEM}
}
ANY: Final[Responses] = {
    "default": {"description": "Any other error", "content": CONTENT},
    422: {"description": "A parameter or the body is wrong", "content": CONTENT},
}
WHY: Final = {
    401: "Credentials are needed",
    403: "These credentials may only look",
    404: "There is none",
    409: "Its state does not allow it now",
    410: "The file is lost",
    416: "The range is not in the file",
    500: "The earlier configuration stays in force",
    503: "Not now; try again",
}


def problems(*codes: int) -> Responses:
    """The responses of a route that may answer with these errors."""
    return {code: {"description": WHY[code], "content": CONTENT} for code in codes}
