"""The calls at addresses, read by a process of its own, and what it says of them (app/analysis/line_reader.py)."""

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from app.analysis.dwarf.reading import Call, calls_at
from app.analysis.dwarf.source import File
from app.analysis.goheap.dialogue import Say, answer_of, driven
from app.analysis.goheap.elf import read_elf
from app.analysis.goheap.ranges import Unreadable

Json = dict[str, Any]
LONGEST = 4096  # bytes of a text
MOST_CALLS = 200_000


def read_calls(request: Json, heard: BinaryIO, say: Say) -> Json:
    """The last line of the dialogue: texts, and for each address [function, file, line] of its calls, where
    functions and files are indices of texts."""
    file = File(lambda ranges: answer_of(ranges, heard, say).pieces)
    try:
        return _as_json(calls_at(file, driven(read_elf(), heard, say), request["addresses"]))
    except (Unreadable, IndexError, ValueError) as why:
        return {"unreadable": str(why) if isinstance(why, Unreadable) else "has debugging information that is broken"}


def _as_json(calls: Mapping[int, Sequence[Call]]) -> Json:
    texts: dict[str, int] = {}
    found, left = [], MOST_CALLS
    for address, chain in calls.items():
        left -= len(chain)
        if left < 0:
            break
        found.append((address, [(_index(texts, each.function), _index(texts, each.file), each.line) for each in chain]))
    return {"texts": list(texts), "calls": found}


def _index(texts: dict[str, int], text: bytes) -> int:
    return texts.setdefault(text[:LONGEST].decode("utf-8", "replace"), len(texts))
