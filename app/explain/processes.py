"""The part of an explanation about the process: which resolver finds it, on which host, and which profiler fits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from app.captures.search import Resolution, Search, unaddressed
from app.captures.specs import spec_of
from app.errors import AlertprofError, Retryable
from app.explain.report import Report
from app.explain.unasked import UnaskedHosts
from app.explain.wording import about, because, shown
from app.gate.pool import HostPool
from app.hosts.route import Route
from app.intake.rules import Rule
from app.model import Alert, Blocked
from app.plugins import kind_of
from app.resolvers.base import Candidates, Resolver
from app.resolvers.inventory import Inventory


def report_resolvers(
    report: Report,
    resolvers: Sequence[Resolver],
    labels: Mapping[str, str],
    route: Callable[[str], Route],
    *,
    connect: bool,
) -> Candidates | None:
    """Which resolver would ask which host for what; None when there is none. No host is contacted.

    route: Connector.route; connect: hosts are looked at later, and so may inventories be.
    """
    report.begin("Which process? The resolvers, in their order")
    hosts = UnaskedHosts(route)
    for resolver in resolvers:
        kind = kind_of(resolver)
        if isinstance(resolver, Inventory) and resolver.urls and not connect:
            report.note(f"{kind}: asks {', '.join(resolver.urls)}, which is not done without looking at hosts")
            continue
        try:
            answer = resolver.find(labels, hosts.gate)
        except AlertprofError as fault:
            report.no(f"{kind}: {fault.reason.message}", passes=isinstance(fault, Retryable))
            return None
        if isinstance(answer, Candidates):
            report.ok(f"{kind}: would look on {answer.host}: {shown(answer.how)}")
            hosts.report(report)
            return replace(answer, labels=labels, by=kind)
        report.note(f"{kind}: {answer.how if answer else 'not addressed by these labels'}")
        labels = answer.labels if answer else labels
    report.no(unaddressed(tuple(resolvers), labels).reason.message)
    return None


def report_look(
    report: Report,
    alert: Alert,
    rule: Rule,
    pool: HostPool,
    *,
    resolvers: tuple[Resolver, ...],
    blocked: Callable[[str], Blocked | None],
) -> Resolution | None:
    """The process that a look at the host finds; None, with a hindrance, when it finds none. No signal is sent.

    resolvers: the default ones; blocked: the blocked executable of a build.
    """
    report.begin("On the host, which is only looked at")
    try:
        spec = rule.spec or spec_of(rule.profiler)
        resolution = Search(pool, resolvers, report.note, blocked).process(alert.labels, rule, spec)
    except AlertprofError as fault:
        report.no(fault.reason.message, passes=isinstance(fault, Retryable))
        return None
    for line in about(resolution.process):
        report.note(line)
    for other in resolution.rest:
        report.note(f"take: all, so there would be a capture of {other} too")
    return resolution


def report_profiler(report: Report, rule: Rule, resolution: Resolution | None) -> None:
    """How the process would be profiled, as far as that is known without looking at it."""
    report.begin("Profiler")
    if resolution is None:
        report.note(f"the rule says {rule.profiler}, for {rule.duration.total_seconds():g} s")
        for key, pattern in (("exe", rule.only_exe), ("cmdline", rule.only_cmdline)):
            if pattern:
                report.note(f"only where {key} has {pattern.pattern}")
        return
    selection = resolution.selection
    length = selection.length or rule.duration
    report.ok(f"{selection.name}, for {length.total_seconds():g} s{because(selection.why)}")
    if resolution.process.live:
        live = " ".join(resolution.process.live)
        report.note(f"it is being profiled just now ({live}): that is left alone, and its end waited for")
