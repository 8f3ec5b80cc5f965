"""The first part of an explanation: which rule answers the alert, and what its relabelling makes of the labels."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from app.explain.report import Report
from app.explain.wording import differences, listed, mismatch
from app.intake.rules import DEFAULT, Dropped, Rule, first_match, relabelled


def report_rule(report: Report, rules: Sequence[Rule], labels: Mapping[str, str]) -> Rule | None:
    """The rule that answers an alert with these labels, or None, which is a hindrance."""
    rules = rules or (DEFAULT,)
    answering = first_match(rules, labels)
    report.begin("Rules, in their order")
    for rule in rules:
        unfit = [matcher for matcher in rule.matchers if not matcher.matches(labels)]
        if unfit:
            report.note(f"«{rule.name}» does not match: {'; '.join(mismatch(each, labels) for each in unfit)}")
        elif rule is answering:
            report.ok(f"«{rule.name}» matches{listed(rule.matchers) or ': it has no matchers'}")
        else:
            report.note(f"«{rule.name}» would match too, but an earlier rule answers")
    if answering and answering.baseline_every:
        report.note(
            f"«{answering.name}» also takes calm captures of such processes, {hours(answering.baseline_every)} or more "
            "apart and never while an alert of the service fires: baselines to compare with"
        )
    if answering is None:
        report.no(f"none of the {len(rules)} rules matches this alert's labels: add one, or change a matcher")
    return answering


def hours(length: timedelta) -> str:
    """`24 h`, `0.5 h`."""
    return f"{length / timedelta(hours=1):g} h"


def report_relabelling(report: Report, rule: Rule, labels: Mapping[str, str]) -> Mapping[str, str] | None:
    """The labels after the rule's relabel_configs; None when they drop the alert, which is a hindrance."""
    made = relabelled(rule.relabel, labels)
    report.begin("Labels after relabel_configs")
    if isinstance(made, Dropped):
        report.no(f"the rule «{rule.name}» drops this alert: {made}")
        return None
    if rule.relabel:
        for line in differences(labels, made) or ("they change nothing",):
            report.note(line)
    return made
