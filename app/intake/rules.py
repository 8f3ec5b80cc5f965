"""Rules: the first one whose matchers all match answers an alert. Pure.

main.py binds `first_match` into admission; `explain` and the pipeline use it too. matchers.py and relabelling.py are
re-exported, so that a rule and its parts come from one module.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from app.intake.matchers import Matcher, MatcherError, parse_matcher, parse_matchers
from app.intake.re2 import Pattern
from app.intake.relabel import Relabel
from app.intake.relabelling import Dropped, relabelled
from app.model import State

__all__ = [
    "DEFAULT",
    "RULE",
    "Dropped",
    "Matcher",
    "MatcherError",
    "Recipient",
    "Relabel",
    "Rule",
    "first_match",
    "parse_matcher",
    "parse_matchers",
    "relabelled",
]


RULE = "rule"  # the key in a capture's notes: the digest of the rule that took it


@dataclass(frozen=True, slots=True)
class Recipient:
    """A notifier that is told of captures that end so. to: its name."""

    to: str
    on: frozenset[State]


@dataclass(frozen=True, slots=True)
class Rule:
    """How alerts are captured that all its matchers match."""

    name: str
    matchers: tuple[Matcher, ...] = ()
    duration: timedelta = timedelta(seconds=30)
    cooldown: timedelta = timedelta(minutes=10)
    profiler: str = "auto"
    spec: Any = None  # that profiler with its options; None: without options
    asked: Any = None  # what else is brought home, see app.evidence.asked; None: nothing
    take: Literal["newest", "oldest", "cpu", "memory", "all"] | None = None  # of several processes; None: refuse
    resolvers: tuple[Any, ...] = ()  # in the order in which they are tried; empty: every resolver, in the default order
    only_exe: Pattern | None = None  # a process that these do not match is never signalled
    only_cmdline: Pattern | None = None
    prearm: bool = False  # evidence is taken while such an alert is pending
    notify: tuple[Recipient, ...] | None = None  # who is told of its captures; None: as for all
    baseline_every: timedelta | None = None  # how often a calm capture is taken, to compare others with; None: never
    digest: str = ""  # of what the configuration says; "": of no configuration
    relabel: tuple[
        Relabel, ...
    ] = ()  # applied to the alert's labels before resolving; matchers see the original labels

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether all matchers match."""
        return all(matcher.matches(labels) for matcher in self.matchers)

    @property
    def notes(self) -> Mapping[str, str]:
        """What its captures note of it."""
        return {RULE: self.digest} if self.digest else {}

    def drops(self, labels: Mapping[str, str]) -> str | None:
        """Which of the relabel_configs drops an alert with these labels, and why; None if none does."""
        left = relabelled(self.relabel, labels)
        return str(left) if isinstance(left, Dropped) else None


DEFAULT = Rule("default")


def first_match(rules: Sequence[Rule], labels: Mapping[str, str]) -> Rule | None:
    """The rule of an alert with these labels, or None. Without any rules it is DEFAULT."""
    return next((rule for rule in rules or (DEFAULT,) if rule.matches(labels)), None)
