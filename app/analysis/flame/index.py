"""Makes the paths of a profile. The frames are functions, inlined ones too, as in tree.py."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from app.analysis.difference import base_total
from app.analysis.flame.paths import About, Paths, gathered
from app.analysis.names import place
from app.analysis.profile import Profile
from app.analysis.prune import Pruning, pruning
from app.analysis.shapes import kind_of
from app.analysis.stacks import shortened
from app.analysis.top import index_of, nodes_of
from app.analysis.tree import DEEPEST, LEFT_OUT, LONGEST_NAME, OTHER
from app.analysis.wire import numbers

NUMBER: Final = re.compile(rb"[\x80-\xff]*[\x00-\x7f]")  # a packed one: its bytes but the last have their highest bit
MOST_LETTERS: Final = 1_000_000  # there are 1 114 111 characters; more functions than this are one


class _Letters(dict[str, str]):
    """The letter of each function's name."""

    def __init__(self) -> None:
        super().__init__()
        self.names = ["", LEFT_OUT]

    def __missing__(self, name: str) -> str:
        shown = name if len(self.names) < MOST_LETTERS else OTHER
        if shown is OTHER and OTHER in self:
            return self[OTHER]
        letter = self[shown] = chr(len(self.names))
        self.names.append(shown[:LONGEST_NAME])
        return letter


class _Locations(dict[bytes, str]):
    """The letters of a location, leaf first, by its packed id."""

    def __init__(self, pruned: Pruning, letters: _Letters) -> None:
        super().__init__()
        self._pruned, self._letters = pruned, letters

    def __missing__(self, packed: bytes) -> str:
        nodes = nodes_of(self._pruned.locations[numbers(packed)[0]])
        text = self[packed] = "".join(self._letters[place(node.name, node.file)] for node in nodes)
        return text


def paths_of(profile: Profile, sample_type: str | None = None) -> Paths:
    """The paths of all samples, without their sign. sample_type: None means the profile's default, or else its last.

    Raises BadProfile when it has no such sample type.
    """
    index, letters = index_of(profile, sample_type), _Letters()
    values: defaultdict[str, int] = defaultdict(int)
    for value, stack in _stacks(profile, index, letters):
        values[stack[::-1]] += abs(value)
    about = About(
        kind=kind_of(profile),
        sample_type=profile.sample_types[index].type,
        sample_types=tuple(each.type for each in profile.sample_types),
        unit=profile.sample_types[index].unit,
        duration_seconds=profile.duration_seconds,
        total=base_total(profile, index) or sum(values.values()),
    )
    return gathered(about, values, letters.names)


def _stacks(profile: Profile, index: int, letters: _Letters) -> Iterator[tuple[int, str]]:
    """The value and the letters, leaf first, of each sample that has a value."""
    pruned = pruning(profile)
    locations, join, ids_in = _Locations(pruned, letters), "".join, NUMBER.findall
    text_of = locations.__getitem__
    drops = bool(pruned.gone or pruned.last)
    for value, packed in profile.samples.packed(index):
        ids = ids_in(packed)
        if drops:
            known = [numbers(id)[0] for id in ids]
            ids = ids[len(ids) - len(pruned.stack(known)) :]
        stack = join(map(text_of, ids))
        yield value, stack if len(stack) <= DEEPEST else join(shortened(stack, DEEPEST, chr(1)))
