"""A room's plug-ins are the classes in its folder; the file's name is its kind.

`resolvers/port.py` holds the one subclass of `resolvers.base.Resolver` that answers to `port` (an underscore in a
file's name is a hyphen in the kind). Their dataclass fields are their YAML options. Adding a kind is adding a file.
"""

import importlib
import inspect
import pkgutil
from functools import cache
from typing import TypeVar

Base = TypeVar("Base")


@cache
def kinds(package: str, base: type[Base]) -> dict[str, type[Base]]:
    """Every plug-in of a room: kind -> class."""
    found: dict[str, type[Base]] = {}
    room = importlib.import_module(package)
    for info in pkgutil.iter_modules(room.__path__):
        if info.name == "base":
            continue
        module = importlib.import_module(f"{package}.{info.name}")
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, base) and cls.__module__ == module.__name__:
                found[info.name.replace("_", "-")] = cls
    return found
