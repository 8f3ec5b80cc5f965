"""Ids of captures, which may be shortened as long as one capture alone fits."""

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from app.cli.client import Client

WHOLE: Final = 36  # characters
SHOWN: Final = 5  # of the captures that fit
WRONG_USAGE: Final = 400  # the status with which the service answers it


def whole_id(service: "Client", text: str) -> str:
    """The id that begins with `text`; `text` itself where none does, so that the service says what is wrong with it.

    Raises ServiceError, with the candidates when several ids begin so.
    """
    from app.cli.client import ServiceError  # noqa: PLC0415
    from app.cli.render import capture_table  # noqa: PLC0415

    if len(text) >= WHOLE or not re.fullmatch("[0-9A-Fa-f-]+", text):
        return text
    fitting = service.get("/captures", {"id": text, "limit": SHOWN})["captures"]
    if len(fitting) > 1:
        raise ServiceError(
            f"the ids of several captures begin with {text}; write more of it. The newest of them:\n"
            + "\n".join(capture_table(fitting)),
            WRONG_USAGE,
        )
    return fitting[0]["id"] if fitting else text


def path_of(service: "Client", text: str) -> str:
    """Where the capture lies whose id begins with `text`. Raises ServiceError as whole_id."""
    return f"/captures/{quote(whole_id(service, text), safe='')}"
