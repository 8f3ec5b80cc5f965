"""The configuration in force, and reading it anew. Registered by app/web/asgi.py."""

import structlog
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from app.web.api.manual import asker
from app.web.api.problems import problems
from app.web.parts import Parts

log = structlog.get_logger(__name__)


def routes(parts: Parts) -> APIRouter:
    """POST /-/reload and GET /-/config."""
    router = APIRouter(tags=["administration"], default_response_class=PlainTextResponse)

    @router.post("/-/reload", summary="Read the configuration again", responses=problems(500))
    def reload_configuration(request: Request) -> str:
        """All of it, or nothing: 500 says every fault, and the earlier configuration stays in force."""
        log.info("a reload was asked for", by=asker(request))
        if obstacle := parts.reload():
            raise HTTPException(500, f"The earlier configuration stays in force. {obstacle}")
        return "The configuration was reloaded.\n"

    @router.get("/-/config", summary="The configuration in force")
    def get_configuration() -> str:
        """As its file has it, without the logins in addresses and without secrets in commands. Tokens and keys are in
        files of their own."""
        return parts.config() or "# There is no configuration file: the defaults are in force.\n"

    return router
