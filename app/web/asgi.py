"""The ASGI application: the webhook, the API and the pages. Called by main.py."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware import Middleware
from starlette.routing import Route

from app.web.api import (
    artifacts,
    baseline,
    blocked,
    bundle,
    changes,
    configuration,
    examples,
    flamegraph,
    health,
    links,
    manual,
    pause,
    report,
)
from app.web.api import captures as api
from app.web.api import profiles as profiles_api
from app.web.api.webhook import Webhook
from app.web.api.webhook_openapi import describe
from app.web.auth.cors import Cors
from app.web.auth.guard import Guard
from app.web.differences import Differences
from app.web.flame_graphs import FlameGraphs
from app.web.languages import LanguageSwitch
from app.web.pages import (
    alert_graph,
    alerts,
    difference,
    docs,
    flame_page,
    goroutines,
    services,
    speedscope,
    text,
    trial,
)
from app.web.pages import capture as capture_pages
from app.web.pages import captures as captures_pages
from app.web.pages import changes as change_pages
from app.web.pages.errors import ErrorPages
from app.web.parts import Parts
from app.web.problem import handle_problems
from app.web.profiles import Profiles

TITLE = "alertprof"

PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {
        "description": "A problem, with a sentence in `detail` (RFC 9457)",
        "content": {"application/problem+json": {"schema": {"type": "object"}, "example": examples.PROBLEM}},
    }
    for code in ("default", 422)
}


def create_app(parts: Parts) -> FastAPI:
    """The ASGI application. It starts no thread; main.py runs the worker."""
    app = FastAPI(
        title=TITLE,
        version=version(TITLE),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect turns Alertmanager's POST into a GET without a body
        middleware=middleware(parts),
        responses=PROBLEMS,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    handle_problems(app)
    add_webhook(app, parts)
    for router in routers(parts):
        app.include_router(router)
    return app


def routers(parts: Parts) -> Iterator[APIRouter]:
    """Every route but the webhook's. Where several fit, the first one answers."""
    profiles = Profiles(parts)
    differences, graphs = Differences(parts, profiles), FlameGraphs(parts, profiles)
    yield from (
        manual.routes(parts),
        artifacts.routes(parts),
        links.routes(parts),
        api.routes(parts),
        profiles_api.routes(parts, profiles, differences),
        flamegraph.routes(parts, profiles, differences, graphs),
        report.routes(parts, profiles),
        bundle.routes(parts, profiles),
        baseline.routes(parts),
        changes.routes(parts),
        pause.routes(parts),
        blocked.routes(parts),
        configuration.routes(parts),
        health.routes(parts),
        trial.routes(parts),
        trial.page_routes(parts),
        captures_pages.routes(parts),
        alerts.routes(parts),
        services.routes(parts, profiles),
        capture_pages.routes(parts, profiles),
        alert_graph.routes(parts),
        goroutines.routes(parts, profiles),
        flame_page.routes(parts, graphs),
        text.routes(parts),
        change_pages.routes(parts),
        difference.routes(parts, differences),
        speedscope.routes(parts),
        docs.routes(parts),
    )


def middleware(parts: Parts) -> list[Middleware]:
    """What every request passes through, the outermost first."""
    return [
        Middleware(Cors, allowed=parts.cors_origin),
        Middleware(ErrorPages, parts=parts),
        Middleware(Guard, tokens=parts.tokens, external_url=parts.external_url, now=parts.now),
        Middleware(LanguageSwitch),
    ]


def add_webhook(app: FastAPI, parts: Parts) -> None:
    """Adds the webhook as a bare route before all others, and describes it in the OpenAPI document."""
    webhook = Webhook(parts.ledger.receive, parts.metrics, parts.recorded)
    for path in ("/webhook", "/webhook/"):
        app.router.routes.insert(0, Route(path, webhook, methods=["POST"], include_in_schema=False))

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            schema = get_openapi(title=TITLE, version=version(TITLE), routes=app.routes, summary=app.summary)
            describe(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
