"""Blocked executables and the pause, as the API shows them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class BlockedOut(BaseModel):
    """An executable that is not signalled any more, and what a signal did to a process of it."""

    model_config = ConfigDict(from_attributes=True)

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

    blocked: list[BlockedOut]


class PausedOut(BaseModel):
    """Whether captures are started, and since when not."""

    paused: bool
    detail: str
