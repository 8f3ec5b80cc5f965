"""From an alert's labels to one process and the way to profile it. Nothing is changed on any host.

Called by pipeline.py for a capture's first chapter, and by explain.py, which wants the trail. What was chosen from is
told, so that a person can judge the choice in the morning.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.errors import Code, Refusal
from app.hosts.door import Door
from app.hosts.facts import Seen
from app.hosts.gate import HIDDEN, Process
from app.intake.rules import Dropped, Rule, relabelled
from app.model import Blocked
from app.plugins import kind_of
from app.profilers.base import Chosen, Way
from app.resolvers.base import ID, Found, Resolver, Told, shown
from app.resolvers.loads import most
from app.resolvers.pod import words_of

SHOWN = 10  # candidates named in a sentence
TRIED = 10  # of a ranking, to find one that can be profiled


@dataclass(frozen=True, slots=True)
class Hit:
    """One process, and the way to profile it. `said`: what led here, for the timeline. `rest`: the other processes that
    the rule takes too."""

    found: Found
    process: Process
    chosen: Chosen
    said: tuple[str, ...]
    rest: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """`way` is how a process is profiled when nothing says it. `heed` hears every step of the way, in words; `blocked`
    tells by its build whether an executable is not signalled any more."""

    door: Door
    resolvers: tuple[Resolver, ...]
    heed: Callable[[str], None] = field(default=lambda said: None)
    blocked: Callable[[str], Blocked | None] = field(default=lambda build: None)

    def process(self, labels: Mapping[str, str], rule: Rule, way: Way) -> Hit:
        """Raises Refusal with what was looked for and what was found instead, Passing when a host does not answer."""
        found = self.found(labels, rule)
        candidates, rest = self._taken(found, rule)
        return replace(self.judged(found, candidates, rule, way), rest=rest)

    def found(self, labels: Mapping[str, str], rule: Rule) -> Found:
        """The candidates of the first resolver that feels addressed by the relabelled labels."""
        said = relabelled(rule.relabel, labels)
        if isinstance(said, Dropped):
            raise Refusal(Code.NO_RULE, f"the rule «{rule.name}» drops this alert: {said}")
        resolvers = rule.resolvers or self.resolvers
        for resolver in resolvers:
            answer = resolver.find(said, self.door.gate)
            if isinstance(answer, Told):
                said = answer.labels
            self.heed(f"{kind_of(resolver)}: {in_words(answer)}")
            if isinstance(answer, Found):
                return replace(answer, labels=said, by=kind_of(resolver))
        raise unaddressed(resolvers, said)

    def judged(self, found: Found, candidates: tuple[Seen, ...], rule: Rule, way: Way) -> Hit:
        """The first of the candidates that can be profiled; of candidates that are not ranked there is one."""
        refused: list[str] = []
        for seen in candidates:
            try:
                process = self.looked_at(found.host, seen)
                within(rule, found.host, process)
                chosen = way.choose(process, found.host, self.door)
            except Refusal as refusal:
                if not found.ranked:
                    raise
                refused.append(refusal.reason.message)
                self.heed(f"not {seen}: {refusal.reason.message}")
            else:
                self.heed(f"profiled by {chosen.name}" + (f" ({chosen.why})" if chosen.why else ""))
                return Hit(found, process, chosen, story(found, process, chosen, refused))
        raise Refusal(
            Code.NO_PROFILER,
            f"{found.host}: none of the {len(candidates)} processes {found.how} can be profiled: {'; '.join(refused)}",
        )

    def looked_at(self, host: str, seen: Seen) -> Process:
        process = self.door.gate(host).look(seen.id.pid)
        if process is None or process.id.life != seen.id.life:
            raise Refusal(Code.PROCESS_EXITED, f"{host}: pid {seen.id.pid} exited while it was looked at")
        return replace(process, blocked=self.blocked(process.build))

    def _taken(self, found: Found, rule: Rule) -> tuple[tuple[Seen, ...], tuple[Seen, ...]]:
        if not found.candidates and self.door.gate(found.host).hides():
            raise Refusal(Code.NOT_PERMITTED, f"{found.host}: no process {found.how} is shown: {HIDDEN}")
        if found.ranked:
            return found.candidates[:TRIED], ()
        if rule.take is None or len(found.candidates) < 2:
            return (only_one(found),), ()
        if rule.take in ("cpu", "memory"):
            return (most(self.door.gate(found.host), found.candidates, rule.take),), ()
        by_age = sorted(found.candidates, key=lambda seen: (seen.id.start, seen.id.pid))
        first, *rest = by_age[::-1] if rule.take == "newest" else by_age
        return (first,), tuple(rest) if rule.take == "all" else ()


def unaddressed(resolvers: Iterable[Resolver], labels: Mapping[str, str]) -> Refusal:
    tried = ", ".join(kind_of(resolver) for resolver in resolvers)
    return Refusal(
        Code.PROCESS_NOT_FOUND,
        f"the labels do not say which process: none of the resolvers {tried} feels addressed. They want a host "
        "(host, instance, node or host_name), and a pid, a process's name, a unit, a container, a pod, or a port in "
        f"instance{lacking(labels)}",
    )


def lacking(labels: Mapping[str, str]) -> str:
    """What is nearly said by them."""
    instance = (labels.get("exported_instance") or labels.get("instance", "")).strip()
    if ID.fullmatch(instance):
        return f". The instance {instance} is an id and no place: keep host_name or k8s_node_name in the alert"
    pod = words_of(labels)
    if pod.pod and not (pod.namespace or pod.uid):
        return f". The pod {shown(pod.pod)} is in some namespace: keep that label too"
    return ""


def only_one(found: Found) -> Seen:
    if not found.candidates:
        raise Refusal(Code.PROCESS_NOT_FOUND, f"{found.host}: no process {found.how}")
    if len(found.candidates) > 1:
        raise Refusal(
            Code.PROCESS_AMBIGUOUS,
            f"{found.host}: {len(found.candidates)} processes are {found.how}: {named(found.candidates)}. Name one by "
            "pid, or say in the rule which to take (take: newest, oldest, cpu, memory or all)",
        )
    return found.candidates[0]


def named(candidates: tuple[Seen, ...]) -> str:
    more = f" and {len(candidates) - SHOWN} more" if len(candidates) > SHOWN else ""
    return ", ".join(str(seen) for seen in candidates[:SHOWN]) + more


def within(rule: Rule, host: str, process: Process) -> None:
    """The rule's `only`: a process outside it is never signalled."""
    for pattern, text, key in (
        (rule.only_exe, process.exe, "exe"),
        (rule.only_cmdline, " ".join(process.cmdline), "cmdline"),
    ):
        if pattern and not pattern.search(text):
            raise Refusal(
                Code.NOT_PERMITTED,
                f"{host}: pid {process.id.pid} ({process.exe}) is outside the rule's only: {key}: {pattern.pattern}",
            )


def in_words(answer: Found | Told | None) -> str:
    if answer is None:
        return "not addressed by these labels"
    if isinstance(answer, Told):
        return answer.how
    return f"{len(answer.candidates)} on {answer.host} {answer.how}: {named(answer.candidates) or 'none'}"


def story(found: Found, process: Process, chosen: Chosen, refused: list[str]) -> tuple[str, ...]:
    what = f"pid {process.id.pid} ({process.exe}) on {found.host}, {found.how}: {chosen.name}"
    others = tuple(seen for seen in found.candidates if seen.id.pid != process.id.pid)
    chosen_from = (f"chosen from {named((*others,))} as well",) if others and not found.ranked else ()
    passed_over = (f"passed over: {'; '.join(refused)}",) if refused else ()
    return (what, *chosen_from, *passed_over, *([chosen.why] if chosen.why else []))
