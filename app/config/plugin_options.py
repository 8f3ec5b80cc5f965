"""Resolvers and profilers in the configuration: `kind`, or a map of `kind` and the options of that plug-in.

The options are the fields of the plug-in's dataclass, checked by their types.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from dataclasses import Field as Option
from datetime import timedelta
from typing import Any, get_origin, get_type_hints

from pydantic import GetJsonSchemaHandler, TypeAdapter, ValidationError, ValidationInfo
from pydantic_core import CoreSchema

from app.config.scalars import parse_path
from app.plugins import kinds
from app.profilers.base import ProfilerSpec
from app.resolvers.base import Resolver
from app.web import durations


def plugin_maker(what: str, available: Callable[[], Mapping[str, type[Any]]]) -> Callable[[Any, ValidationInfo], Any]:
    """A validator that makes the plug-in. what: how errors call it; available: the classes by their kinds."""

    def make(value: Any, info: ValidationInfo) -> Any:
        there = available()
        options = {"kind": value} if isinstance(value, str) else value
        if not isinstance(options, dict) or not isinstance(options.get("kind"), str):
            raise ValueError(f"write the kind of a {what}, or a map with kind and its options")
        options = dict(options)
        kind = options.pop("kind")
        if kind not in there:
            raise ValueError(f"there is no {what} {kind!r}; there are {', '.join(sorted(there))}")
        return with_options(there[kind], kind, options, info)

    return make


@dataclass(frozen=True, slots=True)
class KindSchema:
    """The JSON Schema of a plug-in in the configuration, beside plugin_maker. available: as there."""

    available: Callable[[], Mapping[str, type[Any]]]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A kind, or a map of one kind and its options."""
        kinds = self.available()
        return {"anyOf": [{"enum": sorted(kinds)}, *(map_schema(kind, kinds[kind]) for kind in sorted(kinds))]}


def map_schema(kind: str, cls: type[Any]) -> dict[str, Any]:
    """The JSON Schema of the map of this kind and its options."""
    options, hints = [option for option in fields(cls) if option.init], get_type_hints(cls)
    needed = [option.name for option in options if option.default is option.default_factory is MISSING]
    return {
        "type": "object",
        "properties": {"kind": {"const": kind}, **{o.name: option_schema(o, hints[o.name]) for o in options}},
        "required": ["kind", *needed],
        "additionalProperties": False,
    }


def option_schema(option: Option[Any], hint: Any) -> dict[str, Any]:
    """The JSON Schema of one option; see option_value."""
    if "plugins" in option.metadata:
        return {"type": "array"}
    if hint is timedelta or "path" in option.metadata:
        return {"type": "array", "items": {"type": "string"}} if get_origin(hint) is tuple else {"type": "string"}
    return TypeAdapter(hint).json_schema()


def resolver_kinds() -> Mapping[str, type[Resolver]]:
    """The resolvers by their kinds."""
    return kinds("app.resolvers", Resolver)


def profiler_kinds() -> Mapping[str, type[ProfilerSpec]]:
    """The profilers by their kinds."""
    return kinds("app.profilers", ProfilerSpec)


def with_options(cls: type[Any], kind: str, options: dict[str, Any], info: ValidationInfo) -> Any:
    """The plug-in with these options: its dataclass's fields, checked by their types. Raises ValueError."""
    known, hints = {f.name: f for f in fields(cls) if f.init}, get_type_hints(cls)
    if strange := sorted(set(options) - set(known)):
        has = ", ".join(known) or "no options"
        raise ValueError(f"{kind} has no option {strange[0]!r}; it has {has}")
    if missing := [n for n, f in known.items() if f.default is f.default_factory is MISSING and n not in options]:
        raise ValueError(f"{kind} needs the option {missing[0]!r}")
    return cls(**{name: option_value(kind, known[name], hints[name], value, info) for name, value in options.items()})


def option_value(kind: str, option: Option[Any], hint: Any, value: Any, info: ValidationInfo) -> Any:
    """The value of one option. The field's `metadata` says what its type cannot: "plugins", a list of plug-ins of that
    sort; "path", one path or several. Raises ValueError."""
    name = option.name
    if "plugins" in option.metadata:
        one = plugin_maker(option.metadata["plugins"], profiler_kinds)
        return tuple(one(each, info) for each in list_of(kind, name, value))
    if "path" in option.metadata:
        several = hint is not str
        paths = [str(parse_path(each, info)) for each in (list_of(kind, name, value) if several else [value])]
        return tuple(paths) if several else paths[0]
    if hint is timedelta:
        return durations.parse(str(value))
    try:
        return TypeAdapter(hint).validate_python(tuple(value) if isinstance(value, list) else value, strict=True)
    except ValidationError as error:
        raise ValueError(f"{kind}: {name}: {error.errors()[0]['msg']}") from None


def list_of(kind: str, name: str, value: Any) -> list[Any]:
    """The value, which has to be a list. Raises ValueError."""
    if not isinstance(value, list):
        raise ValueError(f"{kind}: {name}: a list is expected here")
    return value
