"""Which rule answers an alert: the first whose matchers all hold.

Pure. main.py binds `first_match` into admission; `explain` and the pipeline ask it too. The matchers' syntax is
matchers.py's and relabelling relabel.py's; they are offered here so that a rule and what it is made of come from one
place.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from app.intake.matchers import Matcher, MatcherError, parse_matcher, parse_matchers
from app.intake.relabel import Relabel
from app.intake.relabelling import Dropped, relabelled

__all__ = [
    "DEFAULT",
    "Dropped",
    "Matcher",
    "MatcherError",
    "Relabel",
    "Rule",
    "first_match",
    "parse_matcher",
    "parse_matchers",
    "relabelled",
]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done about the alerts that all its matchers match."""

    name: str
    matchers: tuple[Matcher, ...] = ()
    duration: timedelta = timedelta(seconds=30)
    cooldown: timedelta = timedelta(minutes=10)
    profiler: str = "auto"
    spec: Any = None  # that profiler with its options; None: with none
    take: Literal["newest", "oldest", "cpu", "memory", "all"] | None = None  # of several processes; None: refuse
    resolvers: tuple[Any, ...] = ()  # in the order they are tried; none: every resolver, in the default order
    only_exe: re.Pattern[str] | None = None  # a process whose exe or cmdline these do not find is never signalled
    only_cmdline: re.Pattern[str] | None = None
    relabel: tuple[Relabel, ...] = ()  # on the alert's labels, before resolving; the matchers see them as they came

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(matcher.matches(labels) for matcher in self.matchers)

    def drops(self, labels: Mapping[str, str]) -> str | None:
        """Which of its relabel_configs drops an alert with these labels, and why; None if they let it through."""
        left = relabelled(self.relabel, labels)
        return str(left) if isinstance(left, Dropped) else None


DEFAULT = Rule("default")


def first_match(rules: Sequence[Rule], labels: Mapping[str, str]) -> Rule | None:
    """The alert's rule, or None. With no rules at all every alert has the default one."""
    return next((rule for rule in rules or (DEFAULT,) if rule.matches(labels)), None)
