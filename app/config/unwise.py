"""What is right in a configuration, and not wise: `check-config` says it, a sentence each."""

import re
from collections.abc import Iterator, Sequence

from app.intake.rules import Rule

ROOTLESS = re.compile(r"\^[A-Za-z0-9_-]")


def notes(rules: Sequence[Rule]) -> Iterator[str]:
    """What there is to say of the rules, with the rule's name and the remedy."""
    for index, rule in enumerate(rules):
        for note in (shadowed(rule, rules[:index]), contradicted(rule), outside(rule)):
            if note:
                yield f"rule {rule.name}: {note}"
        yield from (f"rule {rule.name}: {note}" for note in (rule.spec.notes() if rule.spec else ()))


def shadowed(rule: Rule, earlier: Sequence[Rule]) -> str:
    """Why no alert ever comes to the rule: an earlier one takes all that it would match; "" if none does."""
    for other in earlier:
        if set(other.matchers) <= set(rule.matchers):
            what = "every alert" if not other.matchers else "every alert that it would match"
            return f"never matches: {other.name}, before it, takes {what}; put {rule.name} first"
    return ""


def contradicted(rule: Rule) -> str:
    """Which two matchers exclude each other; "" if none do."""
    for one in rule.matchers:
        labels = {one.name: one.value}
        for other in rule.matchers if one.op == "=" else ():
            if other.name == one.name and not other.matches(labels):
                return f"never matches: no label is both {one} and {other}; take one of them out"
    return ""


def outside(rule: Rule) -> str:
    """Why `only.exe` lets no process through; "" where it may."""
    pattern = rule.only_exe.pattern if rule.only_exe else ""
    if ROOTLESS.match(pattern) and "|" not in pattern:
        return f"only.exe {pattern!r} matches no process: paths of executables begin with /; write ^/{pattern[1:]}"
    return ""
