"""The texts of notifications: Jinja2 in its sandbox, escaped for where they are shown, and bounded.

A template is the operator's. What it shows is not: labels, findings and messages come from strangers, so everything
that `{{ }}` writes is escaped for the format, and cannot mention people or become a link.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from html import escape
from typing import Any, Literal
from urllib.parse import quote

from jinja2 import TemplateError, TemplateSyntaxError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

LONGEST = 64 << 10  # characters that a template may make
LONGEST_VALUE = 16 << 10  # characters of one value

# What an expression of a template may raise.
BREAKS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)

Format = Literal["text", "markdown", "html", "json", "url"]

_MENTION = re.compile(r"@(?=\S)|<(?=[!@#/A-Za-z])")  # @channel, <!here>, <@U1>, <at user_id="all">
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+|~>])")


class TemplateFault(Exception):
    """The template cannot be rendered. The text says why."""


def rendered(template: str, format_: Format, context: Mapping[str, Any]) -> str:
    """The text, at most LONGEST characters of it. Raises TemplateFault."""
    made, length = [], 0
    try:
        for piece in compiled(template, format_).generate(**context):
            made.append(piece)
            length += len(piece)
            if length > LONGEST:
                raise TemplateFault(f"the template makes more than {LONGEST} characters; let it show less")
    except (TemplateError, *BREAKS) as fault:
        raise TemplateFault(f"the template cannot be rendered: {type(fault).__name__}: {str(fault)[:200]}") from fault
    return "".join(made)


@lru_cache(maxsize=256)
def compiled(template: str, format_: Format) -> Any:
    """The template. Raises jinja2.TemplateError."""
    return _ENVIRONMENTS[format_].from_string(template)


def check_template(name: str, template: str, format_: Format) -> None:
    """Raises ValueError for a template that is none. name: of its option."""
    try:
        compiled(template, format_)
    except TemplateSyntaxError as fault:
        raise ValueError(f"{name}: line {fault.lineno} of the template: {fault.message}") from fault
    except TemplateError as fault:
        raise ValueError(f"{name}: {fault}") from fault


class _Sandbox(ImmutableSandboxedEnvironment):
    """Multiplication could make a text of any length out of a short one."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """The product of numbers. Raises TypeError for anything else, and for powers."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator != "*" or not numbers:
            raise TypeError("only numbers are multiplied in a template")
        return left * right


def _unmentioned(text: str) -> str:
    """The text with a character of no width in what a chat would take for a mention."""
    return _MENTION.sub(lambda found: f"{found[0]}\u200b", text)


def _on_one_line(text: str) -> str:
    """The text on one line: a value must not look like a line of the template."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


_ESCAPES: dict[Format, Callable[[str], str]] = {
    "text": lambda text: _unmentioned(_on_one_line(text)),
    "markdown": lambda text: _MARKDOWN.sub(r"\\\1", _unmentioned(_on_one_line(text))),
    "html": lambda text: _unmentioned(escape(_on_one_line(text))),
    "json": lambda text: json.dumps(text)[1:-1],
    "url": lambda text: quote(text, safe=""),
}


def _environment(format_: Format) -> _Sandbox:
    @pass_context  # so that compiling evaluates nothing
    def shown(_: Context, value: Any) -> Any:
        """A value as `{{ }}` writes it. `tojson` has made a Markup, which is JSON already."""
        if isinstance(value, Markup) and format_ == "json":
            return value
        text = "" if value is None else str(value)
        return _ESCAPES[format_](text[:LONGEST_VALUE])

    environment = _Sandbox(autoescape=False, finalize=shown, optimized=False, trim_blocks=True, lstrip_blocks=True)
    for name in ("center", "indent", "format", "xmlattr", "urlize"):  # they make much of little, or HTML
        del environment.filters[name]
    environment.globals.clear()
    return environment


_ENVIRONMENTS: dict[Format, _Sandbox] = {name: _environment(name) for name in _ESCAPES}
