"""A room's plug-ins are the classes in its folder; the file's name is its kind.

`resolvers/port.py` holds the one subclass of `resolvers.base.Resolver` that answers to `port` (an underscore in a
file's name is a hyphen in the kind). Their dataclass fields are their YAML options. Adding a kind is adding a file.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter


def kinds(package: str, base: Any) -> Mapping[str, Any]:
    """Every plug-in of a room: kind -> class. `base` is the room's, and abstract."""
    return _kinds(package, base)


@cache
def _kinds(package: str, base: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    room = importlib.import_module(package)
    for info in pkgutil.iter_modules(room.__path__):
        if info.name == "base":
            continue
        module = importlib.import_module(f"{package}.{info.name}")
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, base) and cls.__module__ == module.__name__:
                found[info.name.replace("_", "-")] = cls
    return found


def kind_of(plugin: object) -> str:
    """The kind of a plug-in, or of its class: the name of its file."""
    cls = plugin if isinstance(plugin, type) else type(plugin)
    return cls.__module__.rpartition(".")[2].replace("_", "-")


def to_plain(plugin: object) -> dict[str, Any]:
    """A plug-in as JSON's values, with its options: for a row that must not change when the configuration does."""
    return {"kind": kind_of(plugin), "options": TypeAdapter(type(plugin)).dump_python(plugin, mode="json")}


def from_plain(package: str, base: Any, plain: Mapping[str, Any]) -> Any:
    """What to_plain was given. Raises KeyError for a kind that this version has not."""
    return TypeAdapter(kinds(package, base)[plain["kind"]]).validate_python(plain["options"])
