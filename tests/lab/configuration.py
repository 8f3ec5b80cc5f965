"""The tables of docs/configuration.md, as the code has them. `python -m tests.lab.configuration` prints them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.config.file import Whole
from app.config.schema import blocks, schema

TYPES = {"string": "text", "integer": "number", "boolean": "true or false", "null": "null"}


def tables() -> dict[str, list[str]]:
    """The rows of each block: key, type, default, description."""
    whole = schema()
    rows: dict[str, list[str]] = {}
    for name, block in blocks(Whole):
        said = whole if block is Whole else whole["$defs"][block.__name__]
        needed = said.get("required", ())
        rows[name] = [row(key, info, key in needed) for key, info in said["properties"].items()]
    return rows


def row(key: str, said: Mapping[str, Any], needed: bool) -> str:
    default = said.get("default")
    shown = "" if default in (None, [], "") or isinstance(default, dict) else f"`{plain(default)}`"
    kinds = " or ".join(dict.fromkeys(types(said)))
    return f"| `{key}` | {kinds} | {'needed' if needed else shown} | {said['description']} |"


def plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def types(said: Mapping[str, Any]) -> Iterator[str]:
    """In words."""
    if "$ref" in said:
        yield "map"
    elif "const" in said:
        yield f"`{said['const']}`"
    elif "enum" in said:
        yield from (f"`{each}`" for each in said["enum"])
    elif "anyOf" in said:
        yield from (word for each in said["anyOf"] for word in types(each) if word != "null")
    elif said.get("type") == "array":
        yield "list"
    else:
        yield TYPES.get(said.get("type", ""), "map" if "properties" in said else "text")


if __name__ == "__main__":
    for name, rows in tables().items():
        print(f"\n## {name or 'the file'}\n\n| key | type | default | what it is |\n|---|---|---|---|", *rows, sep="\n")
