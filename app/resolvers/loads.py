"""Processes ranked by processor time over a short window, or by memory. For the resolver `top` and a rule's `take`."""

import time
from collections.abc import Collection
from typing import Literal

from app.gate.client import Gate
from app.gate.facts import Seen
from app.model import ProcessId

WINDOW = 1.0  # seconds between two looks at the processor time of all processes
TICKS = 100  # per second: USER_HZ on every machine that the gate works on

By = Literal["cpu", "memory"]


def ranked(gate: Gate, by: By, window: float = WINDOW) -> list[tuple[Seen, str]]:
    """Every process with what it uses, in words; the one that uses most comes first. Takes `window` seconds for cpu."""
    if by == "memory":
        seen = sorted(gate.processes(), key=lambda each: each.rss, reverse=True)
        return [(each, f"{each.rss >> 20} MiB in memory") for each in seen]
    before, begun = {each.id: each.ticks for each in gate.processes()}, time.monotonic()
    time.sleep(window if before else 0)
    after, took = gate.processes(), time.monotonic() - begun
    used = {each.id: each.ticks - before.get(each.id, 0) for each in after}
    busiest = sorted(after, key=lambda each: used[each.id], reverse=True)
    return [(each, f"{100 * used[each.id] / TICKS / took:.0f} % of a core over {took:.1f} s") for each in busiest]


def most(gate: Gate, among: Collection[Seen], by: By) -> Seen:
    """The process that uses most; the first one if all have exited meanwhile."""
    wanted: set[ProcessId] = {seen.id for seen in among}
    return next((seen for seen, _ in ranked(gate, by) if seen.id in wanted), next(iter(among)))
