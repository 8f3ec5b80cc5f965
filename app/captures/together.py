"""Alerts about a host that is left alone for a while are held back together, not one after the other.

One visit has found that the host is left alone. The others of its lane would find the same, at the cost of two commits
each. A lane is only what labels seem to name, so those alone are held back whose search would reach that very host
first. Called by resolve.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from app.captures.failures import with_deadline
from app.captures.holding import held
from app.captures.seen import ONE_OF
from app.gate.client import Gate
from app.gate.host_session import LeftAlone
from app.hosts.names import plain
from app.intake.rules import DEFAULT, Dropped, Rule, relabelled
from app.ledger.ledger import Ledger
from app.model import Capture
from app.resolvers.base import Resolver

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Together:
    """rules, resolvers: as the search has them; hold: how long an alert may be held back"""

    ledger: Ledger
    rules: Callable[[], Sequence[Rule]]
    resolvers: tuple[Resolver, ...]
    hold: timedelta

    def hold_back(self, fault: LeftAlone, now: datetime) -> None:
        """Holds back the alerts that would meet this fault now. Raises LedgerUnavailable."""
        until = now + timedelta(seconds=fault.seconds)
        waiting = self.ledger.waiting.of_lane(fault.host, now, until)
        there = [capture for capture in waiting if self._leads_there(capture, fault.host)]
        limited = (with_deadline(capture, now, self.hold) for capture in there)
        later = [each for each in (held(capture, now, fault.reason, until) for capture in limited) if each]
        self.ledger.waiting.hold(later, now)
        if later:
            log.info("captures are held back together", host=fault.host, captures=len(later), reason=str(fault))

    def _leads_there(self, capture: Capture, host: str) -> bool:
        if ONE_OF in capture.notes:  # its host is known, and not from labels
            return False
        rules = (rule for rule in self.rules() or (DEFAULT,) if rule.name == capture.rule)
        return any(leads_to(host, capture.trigger.labels, rule, self.resolvers) for rule in rules)


def leads_to(host: str, labels: Mapping[str, str], rule: Rule, resolvers: Sequence[Resolver]) -> bool:
    """Whether the search for the process that these labels mean reaches this host before any other. False where only a
    resolver that asks elsewhere could say that. Asks nobody."""

    def reach(named: str, pid: int = 0) -> Gate:
        raise _Reached(plain(named))

    try:
        said = relabelled(rule.relabel, labels)
        for resolver in rule.resolvers or resolvers:
            if isinstance(said, Dropped) or resolver.asks_elsewhere:
                return False
            resolver.find(said, reach)
    except _Reached as reached:
        return reached.host == host
    except Exception:  # whatever is wrong with these labels, their own visit says so
        return False
    return False


class _Reached(Exception):
    """A search would reach this host."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host
