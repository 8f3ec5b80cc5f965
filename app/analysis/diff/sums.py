"""What every function of a profile costs, with the squares that tell how noisy each sum is. For side.py."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain

from app.analysis.diff.samples import events_of
from app.analysis.profile import Profile
from app.analysis.prune import pruning
from app.analysis.top import Node, nodes_of


@dataclass(slots=True)
class Sum:
    """value: in the profile's unit; squares: the sum of weight² over the sampled events that make up the value."""

    value: int = 0
    squares: float = 0.0

    def add(self, value: int, squares: float) -> None:
        """Adds a sample."""
        self.value += value
        self.squares += squares


@dataclass(slots=True)
class Sums:
    """The sums of one sample type. total: of all samples, without signs; unjudged: why no noise can be told, or ""."""

    total: Sum = field(default_factory=Sum)
    flat: dict[Node, Sum] = field(default_factory=lambda: defaultdict(Sum))
    cum: dict[Node, Sum] = field(default_factory=lambda: defaultdict(Sum))
    unjudged: str = ""


def sums_of(profile: Profile, index: int) -> Sums:
    """The sums of the sample type `index`. Functions are those of top.py: inlined ones too, a recursive one once in
    cum."""
    sums, events = Sums(), events_of(profile, index)
    if isinstance(events, str):
        sums.unjudged = events
    pruned = pruning(profile)
    nodes = {id: nodes_of(location) for id, location in pruned.locations.items()}
    for sample in profile.message.sample:
        if not (value := sample.value[index]):
            continue
        count = 0.0 if isinstance(events, str) else events(sample)
        squares = value * value / count if count > 0 else 0.0
        sums.total.add(abs(value), squares)
        if stack := pruned.stack(sample.location_id[:]):
            sums.flat[nodes[stack[0]][0]].add(value, squares)
            for node in set(chain.from_iterable([nodes[id] for id in stack])):
                sums.cum[node].add(value, squares)
    return sums
