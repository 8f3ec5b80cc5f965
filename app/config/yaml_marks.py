"""YAML with the place of every value, so that a fault is reported as `line:column: where: what`.

A value that YAML 1.1, which PyYAML speaks, reads differently from how it looks is a fault here. So is a repeated key,
of which PyYAML silently keeps the last.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

MOST_VALUES = 100_000  # with aliases expanded
DEEPEST = 40

Loc = tuple[int | str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong at a place of the file. Line and column count from 1."""

    line: int
    column: int
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.where}: {self.message}"


@dataclass(slots=True)
class Marked:
    """The values of a file, the node of each value, and the faults found while reading."""

    data: Any = None
    nodes: dict[Loc, yaml.Node] = field(default_factory=dict)
    keys: dict[Loc, yaml.Node] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, loc: Sequence[int | str], message: str, *, at_key: bool = False) -> Fault:
        """A fault at this place, or at the nearest enclosing place that the file has. at_key: at the key itself."""
        known, place = self.keys if at_key else self.nodes, tuple(loc)
        while place and place not in known:
            place = place[:-1]
        mark = known[place].start_mark if place in known else None
        return Fault(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, where(loc), message)


def where(loc: Sequence[int | str]) -> str:
    """`rules[0].matchers[1]` for ("rules", 0, "matchers", 1)."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".") or "the file"


def read(text: str) -> Marked:
    """The values of the single document in `text`. Never raises: text that cannot be read is a fault."""
    marked = Marked()
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        marked.data = _Reader(marked).value(node, ()) if node else None
    except yaml.MarkedYAMLError as error:
        marked.faults.append(_syntax(error))
    except (yaml.YAMLError, RecursionError) as error:
        marked.faults.append(Fault(1, 1, "the file", f"is no YAML: {' '.join(str(error).split())}"))
    return marked


def _syntax(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    problem = ", ".join(part for part in (error.context, error.problem) if part)
    tab = "; indent with spaces, not with tabs" if "'\\t'" in problem else ""
    return Fault(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, "YAML", problem + tab)


class _Reader:
    def __init__(self, marked: Marked) -> None:
        self.marked, self.read = marked, 0

    def value(self, node: yaml.Node, loc: Loc) -> Any:
        self.read += 1
        if self.read > MOST_VALUES or len(loc) > DEEPEST:
            raise yaml.composer.ComposerError(None, None, "too many values, or an alias inside itself", node.start_mark)
        self.marked.nodes[loc] = node
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*loc, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101 - there is no fourth
        return self.scalar(node, loc)

    def mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.wrong((*loc, "?"), key, "a key must be a plain word")
            elif key.value in found:
                first = self.marked.keys[*loc, key.value].start_mark.line + 1
                self.wrong((*loc, key.value), key, f"this key is already in line {first}; keep one of the two")
            else:
                self.marked.keys[*loc, key.value] = key
                found[key.value] = self.value(value, (*loc, key.value))
        return found

    def scalar(self, node: yaml.ScalarNode, loc: Loc) -> Any:
        if trap := misread(node):
            self.wrong(loc, node, trap)
        return yaml.constructor.SafeConstructor().construct_object(node)

    def wrong(self, loc: Loc, node: yaml.Node, message: str) -> None:
        mark = node.start_mark
        self.marked.faults.append(Fault(mark.line + 1, mark.column + 1, where(loc), message))


def misread(node: yaml.ScalarNode) -> str:
    """The sentence about a scalar that YAML 1.1 reads differently from how it looks; empty for all others."""
    kind, text = node.tag.removeprefix("tag:yaml.org,2002:"), node.value
    if kind == "bool" and text.lower() not in ("true", "false"):
        return f'YAML reads {text} as true or false; write true or false, or "{text}" in quotes where a word is meant'
    if kind == "int" and not re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
        return f'YAML 1.1 reads {text} as a number to another base; write it plainly, or "{text}" in quotes'
    return ""


READ_AS = {"bool": "true or false", "int": "a number", "float": "a number", "timestamp": "a date", "null": "nothing"}


def read_as(node: yaml.Node | None) -> str:
    """What YAML read a plain scalar as, if that is no text: `a number`; otherwise empty."""
    return READ_AS.get(node.tag.removeprefix("tag:yaml.org,2002:"), "") if isinstance(node, yaml.ScalarNode) else ""
