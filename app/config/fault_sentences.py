"""What pydantic finds wrong with a file, as sentences with their places. Called by settings.py."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from app.config.yaml_marks import Fault, Loc, Marked, read_as


def to_fault(marked: Marked, error: Mapping[str, Any], root: type[BaseModel]) -> Fault:
    """One of pydantic's errors as a sentence with its place."""
    loc: Loc = tuple(error["loc"])
    if error["type"] == "extra_forbidden":
        return marked.fault(loc, unknown_key(loc, root), at_key=True)
    if error["type"] == "missing":
        return marked.fault(loc, "is missing")
    if error["type"] == "string_type" and (taken := read_as(marked.nodes.get(loc))):
        text = getattr(marked.nodes[loc], "value", "")
        return marked.fault(loc, f'YAML reads {text or "this"} as {taken}; write a text, as "{text}" in quotes')
    if error["type"] in ("model_type", "dict_type"):
        return marked.fault(loc, "a map is expected here: keys with values, indented below")
    if error["type"] == "list_type":
        return marked.fault(loc, "a list is expected here: put it in [ ], or each item on a line of its own after a -")
    return marked.fault(loc, error["msg"].removeprefix("Value error, "))


def unknown_key(loc: Loc, root: type[BaseModel]) -> str:
    """The sentence for an unknown key, with the nearest one or all that there are."""
    there = list(keys_at(loc[:-1], root))
    near = get_close_matches(str(loc[-1]), there, n=1)
    return "unknown key; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(there)}")


def keys_at(loc: Loc, root: type[BaseModel]) -> list[str]:
    """The keys that the block at this place may have."""
    model: Any = root
    for part in loc:
        if isinstance(part, str):
            model = block_in(model.model_fields[part].annotation)
    return list(model.model_fields)


def block_in(annotation: Any) -> Any:
    """The model inside `list[Host]` or `Retention | None`; None if there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := block_in(part)) is not None), None)
