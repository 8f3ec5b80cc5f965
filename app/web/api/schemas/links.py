"""Links to artifacts, as the API shows them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.model import Kind


class LinkOut(BaseModel):
    """A file of the capture, and where it is read without a token."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    kind: Kind
    href: str


class LinksOut(BaseModel):
    """All files of a capture."""

    model_config = ConfigDict(from_attributes=True)

    links: list[LinkOut]
    expires_at: Annotated[datetime | None, Field(description="null where no token is asked for")]
