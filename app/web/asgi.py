"""The ASGI application: the webhook, the API and the pages. Called by main.py."""

from collections.abc import Iterator
from functools import cache, partial
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.api import (
    artifacts,
    baseline,
    blocked,
    bundle,
    changes,
    configuration,
    flamegraph,
    health,
    links,
    manual,
    pause,
    report,
)
from app.web.api import captures as api
from app.web.api import profiles as profiles_api
from app.web.api.openapi import TITLE, document, unguarded
from app.web.api.webhook import Webhook
from app.web.auth.audit import Audit
from app.web.auth.cors import Cors
from app.web.auth.guard import Guard
from app.web.auth.tokens import WEBHOOK
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
from app.web.problem import Problems, handle_problems
from app.web.profiles import Profiles
from app.web.transport.prefix import Prefix
from app.web.transport.rate import RateLimit


class Application(FastAPI):
    """The application. The webhook has a way of its own, because the middlewares, which are there for people, cost more
    than recording a message."""

    receiver: ASGIApp
    receiver_paths: frozenset[str] = frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in self.receiver_paths and scope["method"] == "POST":
            await self.receiver(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(parts: Parts) -> FastAPI:
    """The ASGI application. It starts no thread; main.py runs the worker."""
    app = Application(
        title=TITLE,
        version=version(TITLE),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect turns Alertmanager's POST into a GET without a body
        middleware=middleware(parts),
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    handle_problems(app)
    add_webhook(app, parts)
    there = [*routers(parts)]
    for router in there:
        answer_head(router)
        app.include_router(router)
    routes = [route for router in there for route in router.routes]
    described = cache(partial(document, tuple(routes), parts.external_url))
    app.openapi = lambda: described(*unguarded(parts.tokens()))  # type: ignore[method-assign]
    return app


def answer_head(router: APIRouter) -> None:
    """Lets HEAD be answered as GET is; the server leaves the body out."""
    for route in router.routes:
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")


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
    audited = [Middleware(Audit, write=parts.audit, tokens=parts.tokens)] if parts.audit else []
    return [
        Middleware(Prefix, external_url=parts.external_url, route_prefix=parts.route_prefix),
        Middleware(RateLimit, rate=parts.rate_limit),
        Middleware(Cors, allowed=parts.cors_origin),
        *audited,
        Middleware(ErrorPages, parts=parts),
        Middleware(Guard, tokens=parts.tokens, external_url=parts.external_url, now=parts.now),
        Middleware(LanguageSwitch),
    ]


def add_webhook(app: Application, parts: Parts) -> None:
    """Adds the webhook: its own way, and the routes that refuse other methods."""
    webhook = Webhook(parts.ledger.receive, parts.metrics, parts.recorded)
    for path in WEBHOOK:
        app.router.routes.insert(0, Route(path, webhook, methods=["POST"], include_in_schema=False))
    guarded: ASGIApp = Guard(Problems(webhook), parts.tokens, parts.external_url, parts.now)
    if parts.audit:
        guarded = Audit(guarded, parts.audit, parts.tokens)
    app.receiver = prefix = Prefix(guarded, parts.external_url, parts.route_prefix)
    app.receiver_paths = frozenset(before + path for path in WEBHOOK for before in ("", prefix.prefix))
