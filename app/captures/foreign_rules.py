"""A capture whose rule this replica does not have, or has with another content, is left to one that has it.

So it is while a change of rules is rolled out over several replicas. What was taken by a rule is worked on by that very
rule, as long as a living replica has it. Once none has, the rule was changed or removed: then what this replica has
under its name holds, or nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.captures.specs import PROFILER, profiler_of
from app.intake.rules import RULE, Rule
from app.model import Capture, Step

AGAIN = timedelta(seconds=1)  # until a replica looks again; whoever has the rule does so too
LONGEST = timedelta(minutes=5)  # then the other replica is alive and does not do it


@dataclass(frozen=True, slots=True)
class ForeignRules:
    """rules: of this replica; elsewhere: whether another one has the rule with this digest now."""

    rules: Callable[[], Sequence[Rule]]
    elsewhere: Callable[[str, datetime], bool]

    def left(self, capture: Capture, now: datetime) -> Capture | None:
        """The capture, left to another replica; None if it is this one's. Raises LedgerUnavailable."""
        digest = capture.notes.get(RULE, "")
        if not digest or any(rule.digest == digest for rule in self.rules()) or self._can_go_on(capture):
            return None
        said = f"another replica has the rule «{capture.rule}» as it was when this came; it is left to that one"
        since = next((event.at for event in capture.timeline if event.message == said), now)
        if now - since > LONGEST or not self.elsewhere(digest, now):
            return None
        return replace(capture, due_at=now + AGAIN).with_event_once(now, "waiting", said)

    def _can_go_on(self, capture: Capture) -> bool:
        """Whether the capture needs its rule no more: the gates of this replica know what its profiler does."""
        if capture.step is Step.RESOLVE or PROFILER not in capture.notes:
            return capture.step is not Step.RESOLVE
        parts = (part for rule in self.rules() for part in (rule.spec, rule.asked) if part)
        there = {recipe for part in parts for recipe in part.recipes()}
        return there.issuperset(profiler_of(capture).recipes())
