"""A package's plug-ins are the classes in its folder; a file's name is its kind.

`resolvers/port.py` holds the one subclass of `resolvers.base.Resolver` of the kind `port` (an underscore in the file's
name is a hyphen in the kind). The dataclass fields of a plug-in are its YAML options. To add a kind, add a file.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter


def kinds(package: str, base: Any) -> Mapping[str, Any]:
    """Every plug-in of a package: kind -> class. base: the package's abstract base. Abstract classes are left out."""
    return _kinds(package, base)


@cache
def _kinds(package: str, base: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        module = importlib.import_module(f"{package}.{info.name}")
        for _, cls in inspect.getmembers(module, inspect.isclass):
            defined_here = cls.__module__ == module.__name__ and cls is not base
            if defined_here and issubclass(cls, base) and not inspect.isabstract(cls):
                found[info.name.replace("_", "-")] = cls
    return found


def kind_of(plugin: object) -> str:
    """The kind of a plug-in or of its class: the name of its file."""
    cls = plugin if isinstance(plugin, type) else type(plugin)
    return cls.__module__.rpartition(".")[2].replace("_", "-")


@cache
def _adapter(cls: Any) -> TypeAdapter[Any]:
    """One for each class: pydantic takes a millisecond to make it."""
    return TypeAdapter(cls)


def to_plain(plugin: object) -> dict[str, Any]:
    """A plug-in with its options as plain JSON, for a row that must not change when the configuration does."""
    cls: Any = type(plugin)
    return {"kind": kind_of(plugin), "options": _adapter(cls).dump_python(plugin, mode="json")}


def from_plain(package: str, base: Any, plain: Mapping[str, Any]) -> Any:
    """The plug-in that `to_plain` was given. Raises KeyError for a kind that this version does not have."""
    return _adapter(kinds(package, base)[plain["kind"]]).validate_python(plain["options"])
