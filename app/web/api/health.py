"""/-/healthy, /-/ready and /metrics, as in Prometheus. Registered by app/web/asgi.py."""

from functools import partial

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from app.ledger.clock import in_words as clock_in_words
from app.ledger.ledger import LedgerUnavailable
from app.web.api.patience import Patience
from app.web.api.problems import problems
from app.web.parts import Parts

WITHIN = 3.0  # seconds for the ledger's part of a scrape, for which Prometheus waits 10 s


def routes(parts: Parts) -> APIRouter:
    """The routes for probes and for Prometheus."""
    router = APIRouter(tags=["administration"], default_response_class=PlainTextResponse)
    look_at_ledger = Patience("scrape", partial(show_ledger, parts), WITHIN)

    @router.get("/-/healthy", summary="The process answers")
    async def is_healthy() -> str:
        return "alertprof is healthy.\n"

    @router.get("/-/ready", summary="It can take alerts", responses=problems(503))
    def is_ready() -> str:
        if obstacle := parts.ready():
            raise HTTPException(503, f"alertprof is not ready: {obstacle}.")
        off = clock_in_words(parts.ledger.clock.ahead())
        return f"alertprof is ready.\n{off}.\n" if off else "alertprof is ready.\n"

    @router.get("/metrics", summary="For Prometheus", response_class=PlainTextResponse)
    def read_metrics() -> Response:
        try:
            look_at_ledger()
        except (LedgerUnavailable, TimeoutError):  # the other metrics matter most while the database is unavailable
            up = False
        else:
            up = True
        return Response(parts.metrics.exposition(ledger_up=up), media_type=CONTENT_TYPE_LATEST)

    return router


def show_ledger(parts: Parts) -> None:
    """Reads the ledger's part of the metrics. Raises LedgerUnavailable."""
    now = parts.now()
    parts.metrics.show_captures(parts.ledger.counts())
    parts.metrics.blocked.set(len(parts.ledger.blocked()))
    parts.metrics.show_queue(*parts.ledger.queue(now), now)
