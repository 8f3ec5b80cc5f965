"""Merges several profiles of one process, as `go tool pprof` does. isolate.py runs it in a process of its own.

It reads only the fields that schema.py declares. Others (labels, addresses) are copied.
"""

import gzip
from collections.abc import Sequence
from os import PathLike
from typing import Any

from app.analysis.profile import LIMIT, BadProfile, read_file


def merged(paths: Sequence[str | PathLike[str]], most: int = LIMIT) -> bytes:
    """A pprof file with the samples of all profiles; its duration is their sum. most: bytes. Raises BadProfile."""
    whole = read_file(paths[0]).message
    for path in paths[1:]:
        _add(whole, read_file(path).message)
        if whole.ByteSize() > most:
            raise BadProfile(f"more than {most} bytes together, which is the limit")
    return gzip.compress(whole.SerializeToString(), 1)


def _add(whole: Any, more: Any) -> None:
    if [_type(whole, t) for t in whole.sample_type] != [_type(more, t) for t in more.sample_type]:
        raise BadProfile("the profiles are not of one kind: their sample types differ")
    _renumber(more, len(whole.string_table), *(_last(whole, what) for what in ("mapping", "location", "function")))
    whole.string_table.extend(more.string_table)
    for what in ("mapping", "location", "function", "sample"):
        getattr(whole, what).MergeFrom(getattr(more, what))
    whole.duration_nanos += more.duration_nanos


def _type(profile: Any, value_type: Any) -> tuple[bytes, bytes]:
    return profile.string_table[value_type.type], profile.string_table[value_type.unit]


def _last(profile: Any, what: str) -> int:
    return max((each.id for each in getattr(profile, what)), default=0)


def _renumber(profile: Any, strings: int, mappings: int, locations: int, functions: int) -> None:
    """Shifts every id behind those in use. Id 0 means none, and string 0 is empty in both profiles."""
    for mapping in profile.mapping:
        mapping.id += mappings
        _shift(mapping, strings, "filename", "build_id")
    for function in profile.function:
        function.id += functions
        _shift(function, strings, "name", "system_name", "filename")
    for location in profile.location:
        location.id += locations
        _shift(location, mappings, "mapping_id")
        for line in location.line:
            _shift(line, functions, "function_id")
    for sample in profile.sample:
        sample.location_id[:] = [id + locations for id in sample.location_id]
        for label in sample.label:
            _shift(label, strings, "key", "str", "num_unit")


def _shift(message: Any, by: int, *names: str) -> None:
    for name in names:
        if value := getattr(message, name):
            setattr(message, name, value + by)
