"""The places in the code that a profile knows by their addresses alone, and what they are called. For child.py."""

from collections import defaultdict
from typing import Final, NamedTuple

from app.analysis.profile import Profile

MOST_FILES: Final = 32
MOST_PLACES: Final = 20_000
LONGEST: Final = 300  # characters of a file's name


class Unnamed(NamedTuple):
    """Addresses without a name in one mapping of a file. base: where the file's first byte would lie."""

    file: str
    base: int
    addresses: tuple[int, ...]


class Named(NamedTuple):
    """One function of a place in the code, with its mangled name. file, line: "" and 0 where they are not known"""

    function: str
    file: str = ""
    line: int = 0


def unnamed(profile: Profile) -> list[Unnamed]:
    """The addresses without a name, those of the file with most of them first; bounded."""
    message, found = profile.message, defaultdict[int, set[int]](set)
    for location in message.location:
        if not location.line and location.address and location.mapping_id:
            found[location.mapping_id].add(location.address)
    places = []
    for mapping in message.mapping:
        file = message.string_table[mapping.filename].decode("utf-8", "replace")[:LONGEST]
        if file.startswith("/") and mapping.id in found:
            base = mapping.memory_start - mapping.file_offset
            places.append(Unnamed(file, base, tuple(sorted(found[mapping.id])[:MOST_PLACES])))
    return sorted(places, key=lambda each: -len(each.addresses))[:MOST_FILES]
