"""A group of measurements as a markdown table."""

import statistics
from collections.abc import Iterable, Sequence

from tests.bench.rounds import Goal, Group, p5, p95, ratio


def report(group: Group) -> str:
    count = len(next(iter(group.series.values())))
    head = (
        "variant",
        f"median {group.unit}",
        f"{'p5' if rate(group) else 'p95'} {group.unit}",
        f"ratio to {group.reference}",
        "95 % CI",
    )
    return "\n\n".join(
        (
            f"## {group.title}",
            f"{count} rounds.",
            table(head, (row(group, name) for name in group.series)),
            *(
                [table(("goal", "measured", "95 % CI", "met"), (judged(group, g) for g in group.goals))]
                if group.goals
                else []
            ),
            control(group),
            *group.notes,
        )
    )


def rate(group: Group) -> bool:
    """Is more of it better?"""
    return any(goal.at_least for goal in group.goals)


def row(group: Group, name: str) -> Sequence[str]:
    values, against = group.series[name], ratio(group.series, name, group.reference)
    interval = "" if name == group.reference else f"{against.low:.3g}–{against.high:.3g}"
    return (
        name,
        f"{statistics.median(values):.4g}",
        f"{(p5 if rate(group) else p95)(values):.4g}",
        f"{against.median:.3g}",
        interval,
    )


def judged(group: Group, goal: Goal) -> Sequence[str]:
    got = ratio(group.series, goal.variant, goal.reference)
    sign, near = ("≥" if goal.at_least else "≤"), got.low <= goal.limit <= got.high
    met = ("yes" if goal.met(got.median) else "no") + (", but the interval spans the goal" if near else "")
    said = f"{goal.variant} against {goal.reference} {sign} {goal.limit:g}"
    return (said, f"**{got.median:.3g}**", f"{got.low:.3g}–{got.high:.3g}", met)


def control(group: Group) -> str:
    same = ratio(group.series, group.twin, group.of)
    return f"A/A: {group.of}, measured twice in each round: {same.median:.3f} ({same.low:.3f}–{same.high:.3f})."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
