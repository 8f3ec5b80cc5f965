"""`rate_limit` of Prometheus' web configuration. It never applies to the webhook, because Alertmanager does not send
again what was answered with 429, nor to the probes.

As in prometheus/exporter-toolkit it is one bucket for all clients: `burst` requests at once, and one more each
`interval`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic

from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.auth.guard import PROBES, with_headers
from app.web.auth.tokens import WEBHOOK
from app.web.problem import problem


@dataclass(frozen=True, slots=True)
class Rate:
    """interval: seconds after which one more request is allowed; burst: requests at once."""

    interval: float
    burst: int


class RateLimit:
    """The middleware. rate: None allows everything; clock: seconds."""

    def __init__(self, app: ASGIApp, rate: Rate | None, clock: Callable[[], float] = monotonic) -> None:
        self.app, self.rate, self.clock = app, rate, clock
        self.left, self.at = float(rate.burst if rate else 0), clock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.rate is None or scope["type"] != "http" or scope["path"] in WEBHOOK | PROBES or self.allowed(self.rate):
            return await self.app(scope, receive, send)
        detail = "There are more requests than rate_limit in --web.config.file allows; send this one again later."
        refusal = problem(429, detail, {"Retry-After": str(ceil(self.rate.interval))})
        return await refusal(scope, receive, with_headers(send))

    def allowed(self, rate: Rate) -> bool:
        """Whether one more request is; it is counted then."""
        now = self.clock()
        self.left, self.at = min(self.left + (now - self.at) / rate.interval, rate.burst), now
        if self.left < 1:
            return False
        self.left -= 1
        return True
