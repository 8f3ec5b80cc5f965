"""Gives names to the places in the code that a profile knows by their addresses alone. For child.py.

isolate.py hands the names over, which were read from the files where the code lies.
"""

import gzip
from collections.abc import Mapping
from os import PathLike
from typing import Any

from app.analysis.mangled import readable
from app.analysis.profile import read_file


def symbolized(path: str | PathLike[str], names: Mapping[int, str]) -> bytes:
    """A pprof file of the profile, with these names by address, demangled. Raises BadProfile."""
    message = read_file(path).message
    texts = {text: at for at, text in enumerate(message.string_table)}
    functions, named = dict[str, int](), set[int]()
    last = max((function.id for function in message.function), default=0)
    for location in message.location:
        if not location.line and (name := names.get(location.address)):
            id = functions.setdefault(name, last + 1 + len(functions))
            location.line.add(function_id=id)
            named.add(location.mapping_id)
    for name, id in functions.items():
        shown, system = (_text(message, texts, each) for each in (readable(name), name))
        message.function.add(id=id, name=shown, system_name=system)
    for mapping in message.mapping:
        mapping.has_functions = mapping.has_functions or mapping.id in named
    return gzip.compress(message.SerializeToString(), 1)


def _text(message: Any, texts: dict[bytes, int], text: str) -> int:
    """The index of a text in the string table, which grows."""
    encoded = text.encode("utf-8", "replace")
    if encoded not in texts:
        texts[encoded] = len(message.string_table)
        message.string_table.append(encoded)
    return texts[encoded]
