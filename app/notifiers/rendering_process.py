"""The process that renders one template, started by rendering.py.

It gets a request on stdin, limits itself, and answers on stdout: the text, and the sentence why there is none. What
exceeds a limit ends it without an answer.
"""

import json
import resource
import sys
from typing import Any, NamedTuple

from app.notifiers.templates import Format, TemplateFault, rendered


class Request(NamedTuple):
    """seconds: of processor time; memory: bytes of address space"""

    template: str
    format: Format
    context: dict[str, Any]
    seconds: int
    memory: int


def main() -> None:
    """Answers the request."""
    request = Request(*json.load(sys.stdin))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for what, most in ((resource.RLIMIT_CPU, request.seconds), (resource.RLIMIT_AS, request.memory)):
        resource.setrlimit(what, (most, most))
    try:
        answer = rendered(request.template, request.format, request.context), ""
    except TemplateFault as fault:
        answer = "", str(fault)
    json.dump(answer, sys.stdout)
