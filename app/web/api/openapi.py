"""GET /openapi.json: OpenAPI 3.1, from which a client can be generated. Used by app/web/asgi.py.

What FastAPI cannot know is added to what it makes: the webhook, which is no route of its own; who may do what; and the
examples with their nulls, which FastAPI drops.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from importlib.metadata import version
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import JsonValue
from starlette.routing import BaseRoute

from app.web.api import examples
from app.web.api.problems import ANY, Problem, problems
from app.web.api.webhook_openapi import describe
from app.web.auth.guard import PROBES
from app.web.auth.tokens import METRICS, SAFE, Tokens

TITLE: Final = "alertprof"
TOKENS: Final = {
    "operatorToken": "A token of auth.operator_token_file: everything",
    "viewerToken": "A token of auth.viewer_token_file: whatever only reads",
    "metricsToken": "A token of auth.metrics_token_file: /metrics",
    "webhookToken": "A token of auth.webhook_token_file: /webhook",
}
SCHEMES: Final[dict[str, Any]] = {
    **{name: {"type": "http", "scheme": "bearer", "description": text} for name, text in TOKENS.items()},
    "user": {"type": "http", "scheme": "basic", "description": "One of basic_auth_users: everything"},
}
EXAMPLES: Final[dict[str, JsonValue]] = {
    "BlockedExecutablesOut": {"blocked": [examples.BLOCKED]},
    "BlockedOut": examples.BLOCKED,
    "CaptureOut": examples.CAPTURE,
    "CapturesOut": examples.CAPTURES,
    "DifferenceOut": examples.DIFFERENCE,
    "ExplainedOut": examples.EXPLAINED,
    "FlameGraphOut": examples.FLAME_GRAPH,
    "LinkOut": examples.LINK,
    "LinksOut": examples.LINKS,
    "MessagesOut": examples.MESSAGES,
    "PausedOut": examples.PAUSED,
    "PeekOut": examples.PEEK,
    "TopOut": examples.TOP,
}
DESCRIPTION: Final = "Credentials are needed where the configuration or --web.config.file asks for them."
TAGS: Final = {
    "captures": "What was captured, and asking for more",
    "administration": "The service itself",
    "trying an alert out": "What would become of an alert",
    "webhook": "Where Alertmanager sends its alerts",
}


def unguarded(tokens: Tokens) -> tuple[bool, bool]:
    """Whether the webhook, and whether everything else, asks nobody for credentials."""
    webhook = not tokens.files_for("POST", "/webhook") and tokens.users is None
    return webhook, not tokens.asks_for_credentials


def document(
    routes: Sequence[BaseRoute], external_url: str, open_webhook: bool = False, open_rest: bool = False
) -> dict[str, Any]:
    """The OpenAPI document of these routes. external_url: where people reach them; open_webhook, open_rest: see
    unguarded."""
    made = get_openapi(
        title=TITLE,
        version=version(TITLE),
        description=DESCRIPTION,
        routes=[*map(described, routes)],
        servers=[{"url": external_url}],
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        license_info={"name": "MIT", "identifier": "MIT"},
    )
    describe(made)
    components = made["components"]
    components["securitySchemes"] = SCHEMES
    components["schemas"]["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"] |= components["schemas"]["Problem"].pop("$defs")
    for name, example in EXAMPLES.items():
        components["schemas"][name]["examples"] = [example]
    for method, path, operation in operations(made):
        secure(method, path, operation)
        if operation["security"] and (open_webhook if path == "/webhook" else open_rest):
            operation["security"].insert(0, {})
        if "{" in path:
            add_problems(operation, 404)
    return made


def described(route: BaseRoute) -> BaseRoute:
    """The route as the document has it. What HEAD answers, GET says."""
    if not isinstance(route, APIRoute):
        return route
    shown = copy(route)
    shown.methods = set(route.methods or ()) - {"HEAD"}
    shown.operation_id = operation_id(route.name)
    shown.responses = {**ANY, **route.responses}
    return shown


def operation_id(function: str) -> str:
    """`listCaptures` for `list_captures`; a generator makes a method's name of it."""
    first, *others = function.split("_")
    return first + "".join(map(str.capitalize, others))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method in lower case, path and description of every operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def secure(method: str, path: str, operation: dict[str, Any]) -> None:
    """Says which credentials open the operation, as auth/tokens.py has it."""
    names, refusals = ["operatorToken", "user"], [401, 403]
    if path in PROBES:
        names, refusals = [], []
    elif path == "/webhook":
        names, refusals = ["webhookToken", *names], [401]
    elif method.upper() in SAFE:
        names, refusals = [*names, "viewerToken", *(["metricsToken"] if path == METRICS else [])], [401]
    operation["security"] = [{name: []} for name in names]
    add_problems(operation, *refusals)


def add_problems(operation: dict[str, Any], *codes: int) -> None:
    """Adds these errors to what the operation may answer with."""
    responses = operation["responses"]
    if not operation.get("parameters") and not operation.get("requestBody"):
        responses.pop("422", None)
    responses |= {str(code): told for code, told in problems(*codes).items() if str(code) not in responses}
    operation["responses"] = {code: responses[code] for code in sorted(responses)}
