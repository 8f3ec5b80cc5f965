"""Blocked executables and the pause, as the API shows them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.web.api import examples


class BlockedOut(BaseModel):
    """An executable that is not signalled any more, and what a signal did to a process of it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [examples.BLOCKED]})

    id: str
    build: Annotated[str, Field(description="what it is known by: a build id or a checksum")]
    exe: str
    host: str
    pid: int
    capture: Annotated[str, Field(description="whose signal it was")]
    at: datetime
    signal: str
    message: str


class BlockedExecutablesOut(BaseModel):
    """All of them, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"blocked": [examples.BLOCKED]}]})

    blocked: list[BlockedOut]


class PausedOut(BaseModel):
    """Whether captures are started, and since when not."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PAUSED]})

    paused: bool
    detail: str
