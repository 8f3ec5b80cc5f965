"""Gives names to the places in the code that a profile knows by their addresses alone. For child.py.

isolate.py hands the names over, which were read from the files where the code lies.
"""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from app.analysis.mangled import readable
from app.analysis.profile import read_file
from app.analysis.unnamed import Named


def symbolized(path: str | PathLike[str], names: Mapping[int, Sequence[Named]]) -> bytes:
    """A pprof file of the profile, with these functions by address, the innermost first, demangled.

    Raises BadProfile."""
    message = read_file(path).message
    functions = _Functions(message)
    with_functions, with_lines, with_files = set[int](), set[int](), set[int]()
    for location in message.location:
        if location.line or not (chain := names.get(location.address)):
            continue
        for each in chain:
            location.line.add(function_id=functions.id(each), line=each.line)
        with_functions.add(location.mapping_id)
        if any(each.line for each in chain):
            with_lines.add(location.mapping_id)
        if any(each.file for each in chain):
            with_files.add(location.mapping_id)
    for mapping in message.mapping:
        mapping.has_functions = mapping.has_functions or mapping.id in with_functions
        mapping.has_filenames = mapping.has_filenames or mapping.id in with_files
        mapping.has_line_numbers = mapping.has_line_numbers or mapping.id in with_lines
    return gzip.compress(message.SerializeToString(), 1)


@dataclass(slots=True)
class _Functions:
    """The functions and texts that are added to a message."""

    message: Any
    ids: dict[tuple[str, str], int] = field(default_factory=dict)
    texts: dict[bytes, int] = field(init=False)
    last: int = field(init=False)

    def __post_init__(self) -> None:
        self.texts = {text: at for at, text in enumerate(self.message.string_table)}
        self.last = max((function.id for function in self.message.function), default=0)

    def id(self, named: Named) -> int:
        """Of the function; a new one where it is not there yet."""
        key = named.function, named.file
        if key not in self.ids:
            self.last += 1
            self.ids[key] = self.last
            shown, system, file = map(self._text, (readable(named.function), named.function, named.file))
            self.message.function.add(id=self.last, name=shown, system_name=system, filename=file)
        return self.ids[key]

    def _text(self, text: str) -> int:
        """The index of a text in the string table, which grows."""
        encoded = text.encode("utf-8", "replace")
        if encoded not in self.texts:
            self.texts[encoded] = len(self.message.string_table)
            self.message.string_table.append(encoded)
        return self.texts[encoded]
