"""From an alert's labels to one process and the profiler for it. Changes nothing on any host.

Called by resolve.py for a capture's first step, and by explain/explainer.py, which shows every step of the search. The
timeline names the candidates that were not chosen, so that a person can judge the choice later.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.captures.seen import Asked
from app.errors import Code, Refused
from app.gate.answers import Process
from app.gate.client import HIDDEN, Gate
from app.gate.facts import Seen
from app.gate.pool import HostPool
from app.intake.rules import Dropped, Rule, relabelled
from app.model import Blocked
from app.plugins import kind_of
from app.profilers.base import ProfilerSpec, Selection
from app.resolvers.base import ID, Candidates, Enriched, Resolver, shown
from app.resolvers.loads import most
from app.resolvers.pod import words_of

SHOWN = 10  # candidates named in a sentence
TRIED = 10  # candidates of a ranking, until one can be profiled


@dataclass(frozen=True, slots=True)
class Resolution:
    """One process and the profiler for it.

    messages: how they were found, for the timeline
    rest: the other processes that the rule takes as well
    """

    candidates: Candidates
    process: Process
    selection: Selection
    messages: tuple[str, ...]
    rest: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """The search for a process.

    resolvers: for rules that name none
    report: receives every step of the search, in words
    blocked: the block of an executable by its build, or None
    look: everything about a process; evidence.Scenes.look asks for its scene as well
    enter: called with each host before it is reached
    """

    pool: HostPool
    resolvers: tuple[Resolver, ...]
    report: Callable[[str], None] = field(default=lambda said: None)
    blocked: Callable[[str], Blocked | None] = field(default=lambda build: None)
    look: Callable[[Gate, int], Process | None] = field(default=lambda gate, pid: gate.look(pid))
    enter: Callable[[str], None] = field(default=lambda host: None)

    def process(self, labels: Mapping[str, str], rule: Rule, spec: ProfilerSpec) -> Resolution:
        """The process that the labels mean. Raises Refused, which says what was sought and what was found instead, or
        Retryable if a host does not answer."""
        candidates = self.candidates(labels, rule)
        processes, rest = self._taken(candidates, rule)
        return replace(self.judged(candidates, processes, rule, spec), rest=rest)

    def candidates(self, labels: Mapping[str, str], rule: Rule) -> Candidates:
        """The candidates of the first resolver that the relabelled labels address."""
        said = relabelled(rule.relabel, labels)
        if isinstance(said, Dropped):
            raise Refused(Code.NO_RULE, f"the rule «{rule.name}» drops this alert: {said}")
        resolvers, enriched, asked = rule.resolvers or self.resolvers, False, Asked(said)
        for resolver in resolvers:
            answer = resolver.find(asked, self._gate)
            if isinstance(answer, Enriched):
                said, enriched, asked = answer.labels, True, Asked(answer.labels)
            self.report(f"{kind_of(resolver)}: {in_words(answer)}")
            if isinstance(answer, Candidates):
                known = None if enriched else asked.answers()
                return replace(answer, labels=said, by=kind_of(resolver), asked=known)
        raise unaddressed(resolvers, said)

    def _gate(self, host: str, pid: int = 0) -> Gate:
        self.enter(host)
        return self.pool.gate(host, pid)

    def judged(self, candidates: Candidates, processes: tuple[Seen, ...], rule: Rule, spec: ProfilerSpec) -> Resolution:
        """The first of the processes that can be profiled. If the candidates are not ranked there is only one."""
        refused: list[str] = []
        for seen in processes:
            try:
                process = self.looked_at(candidates.host, seen)
                within(rule, candidates.host, process)
                selection = spec.choose(process, candidates.host, self.pool)
            except Refused as refusal:
                if not candidates.ranked:
                    raise
                refused.append(refusal.reason.message)
                self.report(f"not {seen}: {refusal.reason.message}")
            else:
                self.report(f"profiled by {selection.name}" + (f" ({selection.why})" if selection.why else ""))
                return Resolution(candidates, process, selection, in_messages(candidates, process, selection, refused))
        none = f"none of the {len(processes)} processes {candidates.how} can be profiled"
        raise Refused(Code.NO_PROFILER, f"{candidates.host}: {none}: {'; '.join(refused)}")

    def looked_at(self, host: str, seen: Seen) -> Process:
        """Everything about a candidate. Raises Refused if it has exited."""
        process = self.look(self.pool.gate(host), seen.id.pid)
        if process is None or process.id.key != seen.id.key:
            raise Refused(Code.PROCESS_EXITED, f"{host}: pid {seen.id.pid} exited while it was looked at")
        return replace(process, blocked=self.blocked(process.build))

    def _taken(self, candidates: Candidates, rule: Rule) -> tuple[tuple[Seen, ...], tuple[Seen, ...]]:
        if not candidates.processes and self.pool.gate(candidates.host).hides():
            raise Refused(Code.NOT_PERMITTED, f"{candidates.host}: no process {candidates.how} is shown: {HIDDEN}")
        if candidates.ranked:
            return candidates.processes[:TRIED], ()
        if rule.take is None or len(candidates.processes) < 2:
            return (only_one(candidates),), ()
        if rule.take in ("cpu", "memory"):
            return (most(self.pool.gate(candidates.host), candidates.processes, rule.take),), ()
        by_age = sorted(candidates.processes, key=lambda seen: (seen.id.start, seen.id.pid))
        first, *rest = by_age[::-1] if rule.take == "newest" else by_age
        return (first,), tuple(rest) if rule.take == "all" else ()


def unaddressed(resolvers: Iterable[Resolver], labels: Mapping[str, str]) -> Refused:
    """The error for labels that address none of the resolvers."""
    tried = ", ".join(kind_of(resolver) for resolver in resolvers)
    return Refused(
        Code.PROCESS_NOT_FOUND,
        f"the labels do not say which process: none of the resolvers {tried} feels addressed. They want a host "
        "(host, instance, node or host_name), and a pid, a process's name, a unit, a container, a pod, or a port in "
        f"instance{lacking(labels)}",
    )


def lacking(labels: Mapping[str, str]) -> str:
    """The label that nearly addresses a resolver, as the end of a sentence, or ""."""
    instance = (labels.get("exported_instance") or labels.get("instance", "")).strip()
    if ID.fullmatch(instance):
        return f". The instance {instance} is an id and no place: keep host_name or k8s_node_name in the alert"
    pod = words_of(labels)
    if pod.pod and not (pod.namespace or pod.uid):
        return f". The pod {shown(pod.pod)} is in some namespace: keep that label too"
    return ""


def only_one(candidates: Candidates) -> Seen:
    """The single candidate. Raises Refused if there is none or more than one."""
    if not candidates.processes:
        raise Refused(Code.PROCESS_NOT_FOUND, f"{candidates.host}: no process {candidates.how}")
    if len(candidates.processes) > 1:
        raise Refused(
            Code.PROCESS_AMBIGUOUS,
            f"{candidates.host}: {len(candidates.processes)} processes are {candidates.how}: "
            f"{named(candidates.processes)}. Name one by "
            "pid, or say in the rule which to take (take: newest, oldest, cpu, memory or all)",
        )
    return candidates.processes[0]


def named(processes: tuple[Seen, ...]) -> str:
    """The first few processes by pid and executable."""
    more = f" and {len(processes) - SHOWN} more" if len(processes) > SHOWN else ""
    return ", ".join(str(seen) for seen in processes[:SHOWN]) + more


def within(rule: Rule, host: str, process: Process) -> None:
    """Raises Refused for a process outside the rule's `only`, which is never signalled."""
    for pattern, text, key in (
        (rule.only_exe, process.exe, "exe"),
        (rule.only_cmdline, " ".join(process.cmdline), "cmdline"),
    ):
        if pattern and not pattern.search(text):
            raise Refused(
                Code.NOT_PERMITTED,
                f"{host}: pid {process.id.pid} ({process.exe}) is outside the rule's only: {key}: {pattern.pattern}",
            )


def in_words(answer: Candidates | Enriched | None) -> str:
    """A resolver's answer."""
    if answer is None:
        return "not addressed by these labels"
    if isinstance(answer, Enriched):
        return answer.how
    return f"{len(answer.processes)} on {answer.host} {answer.how}: {named(answer.processes) or 'none'}"


def in_messages(candidates: Candidates, process: Process, selection: Selection, refused: list[str]) -> tuple[str, ...]:
    """The timeline's messages about the search.

    refused: why processes before this one were passed over"""
    what = f"pid {process.id.pid} ({process.exe}) on {candidates.host}, {candidates.how}: {selection.name}"
    others = tuple(seen for seen in candidates.processes if seen.id.pid != process.id.pid)
    chosen_from = (f"chosen from {named((*others,))} as well",) if others and not candidates.ranked else ()
    passed_over = (f"passed over: {'; '.join(refused)}",) if refused else ()
    return (what, *chosen_from, *passed_over, *([selection.why] if selection.why else []))
