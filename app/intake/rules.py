"""Which rule answers an alert: the first whose matchers all hold.

Pure. main.py binds `first_match` into admission; `explain` and the pipeline ask it too. The matchers' syntax is
matchers.py's; it is offered here so that a rule and what it is made of come from one place.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.intake.matchers import Matcher, MatcherError, parse_matcher, parse_matchers

__all__ = ["DEFAULT", "Matcher", "MatcherError", "Rule", "first_match", "parse_matcher", "parse_matchers"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done about the alerts that all its matchers match."""

    name: str
    matchers: tuple[Matcher, ...] = ()
    duration: timedelta = timedelta(seconds=30)
    cooldown: timedelta = timedelta(minutes=10)
    profiler: str = "auto"
    resolvers: tuple[Any, ...] = ()  # in the order they are tried; none: every resolver, in the default order
    only_exe: re.Pattern[str] | None = None  # a process whose exe or cmdline these do not find is never signalled
    only_cmdline: re.Pattern[str] | None = None

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(matcher.matches(labels) for matcher in self.matchers)


DEFAULT = Rule("default")


def first_match(rules: Sequence[Rule], labels: Mapping[str, str]) -> Rule | None:
    """The alert's rule, or None. With no rules at all every alert has the default one."""
    return next((rule for rule in rules or (DEFAULT,) if rule.matches(labels)), None)
