"""Who is told: the keys `notifiers` and `notify`, as pydantic models, and what refers to what in them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationInfo,
)
from pydantic_core import CoreSchema

from app.config.plugin_options import map_schema, plugin_maker
from app.config.yaml_marks import Fault, Loc, Marked
from app.intake.rules import Recipient
from app.model import State
from app.notifiers.base import Notifier
from app.plugins import kinds

NAME = r"^[A-Za-z0-9_.-]{1,64}$"


@dataclass(frozen=True, slots=True)
class Named:
    """A notifier with the name that the configuration gives it."""

    name: str
    notifier: Notifier

    def files(self) -> Iterator[tuple[str, Path]]:
        """The files that its options name."""
        for option in fields(self.notifier):  # type: ignore[arg-type]  # every kind is a dataclass
            if "path" in option.metadata and (file := getattr(self.notifier, option.name)):
                yield option.name, Path(file)


def notifier_kinds() -> Mapping[str, type[Notifier]]:
    """The notifiers by their kinds."""
    return kinds("app.notifiers", Notifier)


def named(value: Any, info: ValidationInfo) -> Named:
    """An entry of `notifiers`: a name, a kind, and the options of that kind. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError("write a map with name, kind and the options of that kind")
    options = dict(value)
    name = options.pop("name", None)
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise ValueError("a notifier needs a name of letters, digits, _, . and -, at most 64")
    return Named(name, plugin_maker("notifier", notifier_kinds)(options, info))


class NamedSchema:
    """The JSON Schema of an entry of `notifiers`, beside `named`."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A map of a name, one kind, and its options."""
        return {"anyOf": [self._of(map_schema(kind, cls)) for kind, cls in sorted(notifier_kinds().items())]}

    def _of(self, kind: dict[str, Any]) -> dict[str, Any]:
        name = {"type": "string", "pattern": NAME}
        return {**kind, "properties": {"name": name, **kind["properties"]}, "required": ["name", *kind["required"]]}


class Notify(BaseModel):
    """An entry of `notify`: which notifier is told, and of which ends."""

    model_config = ConfigDict(extra="forbid", strict=True)

    to: Annotated[str, Field(pattern=NAME)]
    when: Annotated[list[Literal["completed", "failed"]], Field(min_length=1)] = ["completed", "failed"]

    def recipient(self) -> Recipient:
        """The entry for rules."""
        return Recipient(self.to, frozenset(map(State, self.when)))


NamedNotifier = Annotated[Named, PlainValidator(named), NamedSchema()]
NotifyEntry = Annotated[
    Notify,
    BeforeValidator(lambda said: {"to": said} if isinstance(said, str) else said, json_schema_input_type=str | Notify),
]


def faults(marked: Marked) -> list[Fault]:
    """Faults for two notifiers of one name, and for entries of `notify` that name none."""
    whole = marked.data if isinstance(marked.data, dict) else {}
    names = [said.get("name") for said in maps(whole.get("notifiers"))]
    twice = [
        marked.fault(("notifiers", index, "name"), f"an earlier notifier is called {name!r} too; rename one of them")
        for index, name in enumerate(names)
        if name is not None and name in names[:index]
    ]
    there = ", ".join(sorted(name for name in names if isinstance(name, str))) or "none"
    return twice + [
        marked.fault(loc, f"there is no notifier {name!r}; there are: {there}")
        for loc, name in named_by(whole)
        if name not in names
    ]


def named_by(whole: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    """Every name that an entry of `notify` has, with its place."""
    lists: list[tuple[Loc, Any]] = [(("notify",), whole.get("notify"))]
    rules = whole.get("rules")
    if isinstance(rules, list):
        lists += [
            (("rules", n, "notify"), rule.get("notify")) for n, rule in enumerate(rules) if isinstance(rule, dict)
        ]
    for loc, entries in lists:
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, str):
                yield (*loc, index), entry
            elif isinstance(entry, dict) and isinstance(entry.get("to"), str):
                yield (*loc, index, "to"), entry["to"]


def maps(entries: Any) -> list[dict[str, Any]]:
    """The entries of a list, with an empty map for what is none."""
    return [entry if isinstance(entry, dict) else {} for entry in entries] if isinstance(entries, list) else []
