"""What each kind of token reaches: every route that there is, by a table of who may what."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Route

from app.web.auth.guard import PROBES
from app.web.auth.tokens import METRICS, WEBHOOK
from tests.unit.web.auth.test_guard import bearer
from tests.unit.web.web_app import WebApp

LET_IN, OUT, LOOK_ONLY = "let in", 401, 403


ODD = (
    "/metrics/",
    "/METRICS",
    "/metrics/x",
    "/%6detrics/",
    "/webhook/x",
    "/-/ready/",
    "/captures/../metrics/",
    "/none",
)
METHODS = ("GET", "OPTIONS", "POST", "DELETE")


def paths(routes: Iterable[BaseRoute]) -> Iterator[str]:
    """Of every route; ids in them are made up."""
    for route in routes:
        if isinstance(route, Route):
            yield re.sub(r"\{[^}]*\}", "x", route.path)
        else:  # a router that FastAPI includes
            yield from paths(route.original_router.routes)  # type: ignore[attr-defined]


def may(who: str, method: str, path: str) -> object:
    """The table."""
    looks = method in ("GET", "HEAD", "OPTIONS")
    if looks and path in PROBES:
        return LET_IN
    if path in WEBHOOK:
        return {"webhook": LET_IN, "viewer": LOOK_ONLY}.get(who, OUT)
    reached = {
        "operator": LET_IN,
        "viewer": LET_IN if looks else LOOK_ONLY,
        "metrics": LET_IN if looks and path == METRICS else OUT,
    }
    return reached.get(who, OUT)


@pytest.mark.parametrize("who", ["operator", "viewer", "metrics", "webhook", "nobody"])
def test_every_route_lets_in_whom_the_table_says(web: WebApp, tmp_path: Path, who: str) -> None:
    files = {name: tmp_path / f"{name}.token" for name in ("operator", "viewer", "metrics", "webhook")}
    for name, file in files.items():
        file.write_text(f"token-of-{name}")
    web.tokens = replace(web.tokens, **{f"{name}_file": file for name, file in files.items()})
    web.client = web.reached_by(follow_redirects=False, raise_server_exceptions=False)
    wrong, there = [], sorted(set(paths(web.client.app.routes)))  # type: ignore[attr-defined]
    assert len(there) > 40
    for method, path in product(METHODS, (*there, *ODD)):
        status = web.client.request(method, path, headers=bearer(f"token-of-{who}")).status_code
        expected = may(who, method, path)
        if status >= 500 or (status in (OUT, LOOK_ONLY) or expected is not LET_IN) and status != expected:
            wrong.append((method, path, status, expected))
    assert wrong == []
