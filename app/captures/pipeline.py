"""The story of one capture, chapter by chapter. Called by worker.py with one capture that is due.

    resolve   which host, which process, may it be profiled           no trace is left anywhere if we die here
    start     make it record; its token is committed before            asked again, the target knows the token
    wait      look now and then whether it still records               a row, not a thread
    stop      see to it that it ends                                   asked again, nothing is sent twice
    collect   bring the files home, judge them, store them             what is stored already is not fetched again
    clean     remove what we made on the target                        only when ours is durable and written down

Each chapter takes the capture and the time and returns the next capture; nothing is remembered here. A `Refusal` ends
the capture with its reason; a `Passing` fault is tried again until the chapter's time is up, then it ends it too.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from app.analysis.isolate import convert_file, merge_files
from app.analysis.profile import BadProfile
from app.captures.holding import WHILE_PAUSED, held, may_be_held
from app.captures.search import Resolution, Search, only_one
from app.errors import AlertprofError, Code, Reason, Refused, Retryable
from app.gate.client import Process
from app.gate.entry import NoEntry
from app.gate.pool import HostPool
from app.intake.rules import DEFAULT, Rule
from app.ledger.ledger import Bounds, Ledger, LedgerUnavailable
from app.model import Artifact, Blocked, Capture, Kind, State, Step, Target
from app.plugins import from_plain, kinds, to_plain
from app.profilers import harm
from app.profilers.base import Fetched, Profiler, ProfilerSpec, StepResult
from app.resolvers.base import Candidates, Resolver, host_of
from app.resolvers.families import container_of, unit_of
from app.resolvers.words import service_of
from app.stores import NO_ROOM, Store

DEADLINES = {
    Step.RESOLVE: timedelta(minutes=5),
    Step.START: timedelta(minutes=5),
    Step.WAIT: timedelta(minutes=30),
    Step.STOP: timedelta(minutes=30),
    Step.COLLECT: timedelta(hours=1),
    Step.CLEAN: timedelta(minutes=10),
}
BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)  # seconds after the first, second … passing fault of a chapter
# Once a signal may have been sent there is something to end and to fetch: a host that shuts us out is asked again.
UNDER_WAY = frozenset({Step.START, Step.WAIT, Step.STOP, Step.COLLECT})
SHUT = frozenset({Code.AUTH_FAILED, Code.HOST_KEY_MISMATCH})
SUFFIX = {Kind.TRACE: ".trace", Kind.GOROUTINE: ".txt"}
HOLD = Bounds().hold
PROFILER, ONE_OF = "profiler", "one of"  # keys of a capture's notes

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The world that the chapters act on. `check` judges a file: None, or why it is no good; `stopping`: the service is
    about to end. `clock` tells when a recording that streams was over; `hold`: how long an alert may be held back."""

    pool: HostPool
    store: Store
    ledger: Ledger
    rules: Callable[[], Sequence[Rule]]
    resolvers: tuple[Resolver, ...]
    check: Callable[[Sequence[tuple[Kind, Path]]], Mapping[Path, str | None]]
    stopping: Callable[[], bool] = lambda: False
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    hold: timedelta = HOLD

    def advance(self, capture: Capture, now: datetime) -> Capture:
        """The capture after its next step."""
        capture = with_deadline(capture, now, self.hold)
        try:
            return self._chapter(capture, now)
        except Refused as refused:
            if capture.step in UNDER_WAY and (refused.reason.code in SHUT or isinstance(refused, NoEntry)):
                return retry_later(capture, now, Retryable(refused.reason.code, refused.reason.message))
            return fail(capture, now, refused.reason)
        except Retryable as fault:
            return retry_later(capture, now, fault)
        except Exception as fault:
            # A fault of ours must not lose the capture: it is tried again, and ends with this as its reason.
            log.exception("a step broke", capture=capture.id, step=capture.step.value)
            said = f"alertprof's own fault while at {capture.step.value}: {type(fault).__name__}: {fault}"
            return retry_later(capture, now, Retryable(Code.TIMEOUT, said[:500]))

    def _chapter(self, capture: Capture, now: datetime) -> Capture:
        chapters = {
            Step.RESOLVE: self._resolve,
            Step.START: self._start,
            Step.WAIT: self._wait,
            Step.STOP: self._stop,
            Step.COLLECT: self._collect,
            Step.CLEAN: self._clean,
        }
        return chapters[capture.step](capture, now)

    # ------------------------------------------------------------------ resolve

    def _resolve(self, capture: Capture, now: datetime) -> Capture:
        if capture.stop_requested_at:
            return capture.ended(State.CANCELED, now, Reason(Code.REQUESTED, "stopped by request before it began"))
        if self._resolved(capture):
            return resolved_before_start(capture, now)
        if hindered := self._still_hindered(capture, now):
            return hindered
        rule = self._rule(capture)
        resolution = self._search(capture, rule)
        target = target_of(capture, resolution, now)
        last = self._last(capture, resolution.process, target)
        if reason := cooling(last, rule, target, now):
            until = last.ended_at + rule.cooldown if last and last.ended_at else None
            return held_back(replace(capture, target=target), now, reason, until)
        self._beside(capture, resolution, now)
        profiler, selection = resolution.selection.name, to_plain(resolution.selection.profiler)
        notes = {**capture.notes, PROFILER: selection, harm.BUILD: resolution.process.build}
        capture = replace(
            capture, target=target, process=resolution.process.id, profiler=profiler, notes=notes, reason=None
        )
        for said in resolution.said:
            capture = capture.with_event(now, "resolved", said)
        return capture.to(Step.START, due=now)

    def _resolved(self, capture: Capture) -> bool:
        """That an alert was resolved is noted on the capture that it began, not on those beside it."""
        one = capture.notes.get(ONE_OF)
        first = self.ledger.get(one["of"]) if one else None
        return bool(capture.resolved_at or (first and first.resolved_at))

    def _still_hindered(self, capture: Capture, now: datetime) -> Capture | None:
        """Held back again for what needs no look at the host."""
        if paused := self.ledger.paused():
            reason = Reason(Code.PAUSED, f"captures are {paused}; POST /-/resume takes them up again")
            return held_back(capture, now, reason, now + WHILE_PAUSED)
        waits = capture.reason is not None and capture.reason.code is Code.BUDGET
        if waits and (full := self.ledger.full(capture, now)):
            return held_back(capture, now, Reason(Code.BUDGET, str(full)), full.until)
        return None

    def _rule(self, capture: Capture) -> Rule:
        """The rule that let the alert in. Without it nobody knows what it allowed: raises Refusal."""
        if capture.rule == "manual":
            return DEFAULT
        for rule in self.rules() or (DEFAULT,):
            if rule.name == capture.rule:
                return rule
        raise Refused(Code.NO_RULE, f"the rule «{capture.rule}» is no longer in the configuration")

    def _search(self, capture: Capture, rule: Rule) -> Resolution:
        search = Search(self.pool, self.resolvers, blocked=self.ledger.blocked_as)
        spec = rule.spec or spec_of(capture.profiler)
        if one := capture.notes.get(ONE_OF):
            seen = tuple(s for s in self.pool.gate(one["host"]).process(one["pid"]) if s.id.key == one["life"])
            how = f"pid {one['pid']}, one of several that the rule takes"
            candidates = Candidates(one["host"], seen, how, labels=one["labels"], by=one["by"])
            return search.judged(candidates, (only_one(candidates),), rule, spec)
        return search.process(capture.trigger.labels, rule, spec)

    def _beside(self, capture: Capture, resolution: Resolution, now: datetime) -> None:
        """A capture for each of the other processes that the rule takes. Their ids come from this one's, so that doing
        it again makes no more of them."""
        candidates = resolution.candidates
        for seen in resolution.rest:
            one = {"host": candidates.host, "pid": seen.id.pid, "life": seen.id.key}
            one |= {"labels": dict(candidates.labels), "by": candidates.by, "of": capture.id}
            beside = replace(capture, id=id_beside(capture.id, seen.id.key), created_at=now, due_at=now, timeline=())
            beside = replace(beside, give_up_at=None, attempt=0, reason=None, notes={ONE_OF: one})
            with suppress(ValueError):
                self.ledger.create(
                    beside.with_event(now, "received", f"one of several processes of capture {capture.id}")
                )

    def _last(self, capture: Capture, process: Process, target: Target) -> Capture | None:
        """The capture after which this one has to keep a distance: an alert's after an alert's. A person may ask at
        once, and nobody has to wait because a person did."""
        if capture.trigger.kind != "alert":
            return None
        # One of several is not kept waiting by the end of another of them, only by a recording of its own process.
        of_service = ("", "") if ONE_OF in capture.notes else (target.host, target.service)
        return self.ledger.last_ended(process.id.key, *of_service, by="alert")

    # ------------------------------------------------------------------ start · wait · stop

    def _start(self, capture: Capture, now: datetime) -> Capture:
        if capture.stop_requested_at and not profiler_of(capture).begun(capture, self.pool):
            return capture.ended(State.CANCELED, now, Reason(Code.REQUESTED, "stopped by request before it began"))
        if one := self._blocked(capture):
            begun = replace(capture, started_at=capture.started_at or now)
            return begun.with_event(now, "stopping", harm.meanwhile(one)).to(Step.STOP, due=now)
        progress = profiler_of(capture).start(capture, self.pool, now)
        started = replace(remembered(capture, progress), started_at=capture.started_at or now)
        started = self._harmed(started.with_event(now, "started", progress.message), progress, now)
        if progress.harm:
            return started.to(Step.STOP, due=now)
        return started.to(Step.WAIT, due=now + (progress.again or timedelta(0)))

    def _blocked(self, capture: Capture) -> Blocked | None:
        """What is known against signalling the executable, where something has begun already, which then has to end.
        Raises Refusal where nothing has."""
        profiler, target = profiler_of(capture), capture.target or Target("")
        one = self.ledger.blocked_as(capture.notes.get(harm.BUILD, "")) if profiler.signals else None
        if one and not profiler.begun(capture, self.pool):
            raise harm.refusal(target.host, target.pid or 0, Path(target.exe).name, one)
        return one

    def _harmed(self, capture: Capture, progress: StepResult, now: datetime) -> Capture:
        """The capture, with the harm that a signal of it did. The executable is blocked first: whatever becomes of us,
        it is not signalled again, and the next of us is told the same by the target."""
        if progress.harm is None or harm.reason_of(capture):
            return capture
        if one := harm.blocked(capture, progress.harm, now):
            self.ledger.block(one)
        return harm.harmed(capture, progress.harm, now)

    def _wait(self, capture: Capture, now: datetime) -> Capture:
        if profiler_of(capture).streams:
            if capture.stop_requested_at and capture.attempt:
                return capture.ended(
                    State.CANCELED, now, Reason(Code.REQUESTED, "stopped by request; nothing was kept")
                )
            if lacking := self.store.shortage():
                raise Retryable(Code.NO_SPACE, lacking)
            over = self._collect(capture, now)
            return replace(over, stopped_at=over.due_at)
        if capture.stop_requested_at:
            said = profiler_of(capture).asked_to_stop(capture)
            return capture.with_event(now, "stopping", said).to(Step.STOP, due=now)
        progress = profiler_of(capture).watch(capture, self.pool, now)
        if progress.again is not None:
            return self._again(capture, progress, now)
        over = self._harmed(remembered(capture, progress), progress, now).to(Step.STOP, due=now)
        return over.with_event(now, "stopping", progress.message) if progress.message else over

    def _stop(self, capture: Capture, now: datetime) -> Capture:
        progress = profiler_of(capture).stop(capture, self.pool, now)
        if progress.again is not None:
            return self._again(capture, progress, now)
        stopped = replace(self._harmed(remembered(capture, progress), progress, now), stopped_at=now)
        return stopped.with_event(now, "stopped", progress.message).to(Step.COLLECT, due=now)

    def _again(self, capture: Capture, progress: StepResult, now: datetime) -> Capture:
        """Once more later. It answers, so patience starts anew; but not for an end that never comes."""
        again = replace(capture, due_at=now + (progress.again or timedelta(0)))
        if capture.step is Step.STOP and capture.give_up_at and now >= capture.give_up_at:
            raise Refused(
                Code.TIMEOUT, f"the recording does not end; {capture.target and capture.target.host} was asked often"
            )
        return again if capture.step is Step.STOP else replace(again, give_up_at=None, attempt=0)

    # ------------------------------------------------------------------ collect · clean

    def _collect(self, capture: Capture, now: datetime) -> Capture:
        try:
            return self._brought_home(capture, now)
        except OSError as error:
            code = Code.NO_SPACE if error.errno in NO_ROOM else Code.COLLECT_FAILED
            raise Retryable(code, f"our own store does not take the files (they stay on the host): {error}") from error

    def _brought_home(self, capture: Capture, now: datetime) -> Capture:
        fetched: list[Fetched] = []
        with self.store.incoming(capture.id) as folder:
            asked = partial(self._asked_to_stop, capture)
            progress = profiler_of(capture).collect(capture, self.pool, folder, fetched.append, asked)
            now = self.clock() if profiler_of(capture).streams else now
            fetched = [joined(file) if file.slices else file for file in fetched]
            fetched += [made for file in fetched if file.format and (made := converted(capture, file))]
            verdicts = self.check([(file.kind, file.path) for file in fetched])
            faults = dict(capture.notes.get("faults", {}))
            artifacts = list(capture.artifacts)
            for file in fetched:
                if fault := file.fault or verdicts[file.path]:
                    faults[f"{file.kind.value}{file.suffix}"] = fault
                artifacts.append(self._keep(capture, file))
        artifacts.sort(key=lambda artifact: list(Kind).index(artifact.kind))
        kept = replace(remembered(capture, progress), artifacts=tuple(artifacts))
        kept = replace(kept, notes={**kept.notes, "faults": faults})
        return kept.with_event(now, "collected", progress.message).to(Step.CLEAN, due=now)

    def _asked_to_stop(self, capture: Capture) -> bool:
        try:
            latest = self.ledger.get(capture.id)
        except LedgerUnavailable:
            return False
        return self.stopping() or (latest is not None and latest.stop_requested_at is not None)

    def _keep(self, capture: Capture, file: Fetched) -> Artifact:
        artifact = Artifact(artifact_name(capture, file.kind, file.suffix), file.kind, file.size, sha256(file.path))
        self.store.put(f"{capture.id}/{artifact.name}", file.path)
        return artifact

    def _clean(self, capture: Capture, now: datetime) -> Capture:
        try:
            capture = capture.with_event(now, "cleaned", profiler_of(capture).clean(capture, self.pool).message)
        except AlertprofError as fault:
            if isinstance(fault, Retryable) and not past_deadline(capture, now):
                raise
            capture = capture.with_event(now, "cleaned", f"files may remain on the host: {fault}")
        reason = shortfall(capture, profiler_of(capture))
        return capture.ended(State.FAILED if reason else State.COMPLETED, now, reason)


# ---------------------------------------------------------------------- pure


def with_deadline(capture: Capture, now: datetime, hold: timedelta = HOLD) -> Capture:
    """The capture with the time at which its chapter's passing faults become final."""
    length = hold if may_be_held(capture) else DEADLINES[capture.step]
    return capture if capture.give_up_at else replace(capture, give_up_at=now + length)


def held_back(capture: Capture, now: datetime, reason: Reason, until: datetime | None = None) -> Capture:
    """An alert's capture waits for the reason to pass; a person's ends with it."""
    waits = held(capture, now, reason, until) if may_be_held(capture) else None
    return waits or fail(capture, now, reason)


def resolved_before_start(capture: Capture, now: datetime) -> Capture:
    """Its end, with the reason that it was held back for if it was."""
    if capture.reason:
        said = "the alert was resolved while it was held back"
        return fail(capture.with_event(now, "resolved", said), now, capture.reason)
    return capture.skipped(now, Code.RESOLVED_BEFORE_START, "the alert was resolved before a recording began")


def fail(capture: Capture, now: datetime, reason: Reason) -> Capture:
    """The capture after a final fault: what was decided against is skipped, what could not be done has failed."""
    decided = reason.code in (Code.COOLDOWN, Code.BUDGET, Code.PAUSED, Code.DUPLICATE, Code.NO_RULE)
    capture = replace(capture, target=capture.target or meant(capture.trigger.labels))
    if harmed := harm.reason_of(capture):
        return capture.with_event(now, "waiting", reason.message).ended(State.FAILED, now, harmed)
    return capture.ended(State.SKIPPED if decided else State.FAILED, now, reason)


def meant(labels: Mapping[str, str]) -> Target | None:
    """What the labels speak of, for a row whose process was never found."""
    host, pid = host_of(labels), labels.get("pid", "")
    number = int(pid) if re.fullmatch(r"[1-9][0-9]{0,6}", pid, re.ASCII) else None
    return Target(host, number, service_of(labels)) if host else None


def cooling(last: Capture | None, rule: Rule, target: Target, now: datetime) -> Reason | None:
    """Why it is too early after `last`, the latest capture of the same process or service, or None."""
    if last is None or last.ended_at is None or now >= last.ended_at + rule.cooldown:
        return None
    until = (last.ended_at + rule.cooldown).strftime("%H:%M:%S")
    said = f"{target.service} on {target.host} was profiled by {last.id}; not again before {until} UTC (cooldown)"
    return Reason(Code.COOLDOWN, said)


def past_deadline(capture: Capture, now: datetime) -> bool:
    """Its chapter's time is up, and was used: of an hour in which we were away ourselves the host knows nothing."""
    return capture.give_up_at is not None and now >= capture.give_up_at and capture.attempt >= len(BACK_OFF)


def retry_later(capture: Capture, now: datetime, fault: Retryable) -> Capture:
    """The capture after a fault that may pass: due again soon, or at its end when the chapter's time is up.

    That our own disk is full is no reason to give up: the files are safe where they are. Unless there are none, since
    the recording itself would have to come home, or somebody has asked since it ended."""
    if fault.reason.code is Code.NO_SPACE and capture.step is not Step.WAIT:
        if capture.stopped_at and capture.stop_requested_at and capture.stop_requested_at > capture.stopped_at:
            return fail(capture, now, fault.reason)
        capture = replace(capture, give_up_at=None)
    if may_be_held(capture):
        return held_back(capture, now, fault.reason)
    if past_deadline(capture, now):
        return fail(capture, now, fault.reason)
    wait = BACK_OFF[min(capture.attempt, len(BACK_OFF) - 1)]
    later = replace(capture, attempt=capture.attempt + 1, due_at=now + timedelta(seconds=wait))
    news = not capture.timeline or capture.timeline[-1].message != fault.reason.message
    return later.with_event(now, "waiting", fault.reason.message) if news else later


def spec_of(kind: str) -> ProfilerSpec:
    """The profiler of that kind, without options. Raises Refusal for one that this version has not."""
    there = kinds("app.profilers", ProfilerSpec)
    if kind not in there:
        raise Refused(Code.NO_PROFILER, f"there is no profiler {kind!r}; there are {', '.join(sorted(there))}")
    if needed := needs(there[kind]):
        raise Refused(Code.NO_PROFILER, f"the profiler {kind} needs {', '.join(needed)}: only a rule can say them")
    spec: ProfilerSpec = there[kind]()
    return spec


def needs(spec: type[ProfilerSpec]) -> list[str]:
    """The options without which there is none of it."""
    return [option.name for option in fields(spec) if option.default is option.default_factory is MISSING]  # type: ignore[arg-type]


def named_alone() -> frozenset[str]:
    """The kinds of profiler that a person may ask for by name. Loads them all: a program that is replaced on disk under
    a running service must not be read from later."""
    return frozenset(kind for kind, spec in kinds("app.profilers", ProfilerSpec).items() if not needs(spec))


def profiler_of(capture: Capture) -> Profiler:
    """The one that was chosen, with the options that it had then."""
    if PROFILER not in capture.notes:
        raise Refused(Code.NO_PROFILER, f"capture {capture.id} was started without a profiler")
    profiler: Profiler = from_plain("app.profilers", Profiler, capture.notes[PROFILER])
    return profiler


def id_beside(capture_id: str, process_key: str) -> str:
    """A UUIDv7 of the same millisecond, always the same for the same two."""
    drawn = hashlib.sha256(f"{capture_id} {process_key}".encode()).hexdigest()
    return f"{capture_id[:24]}{drawn[:12]}"


def target_of(capture: Capture, resolution: Resolution, now: datetime) -> Target:
    labels, process = resolution.candidates.labels, resolution.process
    return Target(
        host=resolution.candidates.host,
        pid=process.id.pid,
        service=service_of(labels) or Path(process.exe).name or process.comm,
        exe=process.exe,
        cmdline=" ".join(process.cmdline),
        started_at=now - timedelta(seconds=max(process.age, 0)),
        go_version=process.go_version or None,
        gozero_version=process.gozero_version or None,
        resolved_by=resolution.candidates.by,
        container=container_of(resolution.process.groups),
        unit=unit_of(resolution.process.groups),
    )


def remembered(capture: Capture, progress: StepResult) -> Capture:
    notes: Mapping[str, Any] = {**capture.notes, **progress.notes}
    return replace(capture, notes=notes, findings=(*capture.findings, *progress.findings))


def joined(file: Fetched) -> Fetched:
    """One profile of a recording that came in slices; where they do not fit, the first of them with the fault."""
    out = file.path.with_name(f"{file.kind.value}{file.suffix}")
    try:
        merge_files([file.path, *file.slices], out)
    except BadProfile as bad:
        return replace(
            file, size=file.path.stat().st_size, fault=f"its slices do not make one profile: {bad}", slices=()
        )
    return replace(file, path=out, size=out.stat().st_size, slices=())


def converted(capture: Capture, file: Fetched) -> Fetched:
    """The profile in pprof's form that a text of another profiler comes to; with a fault for one that it is not."""
    out = file.path.with_name(f"{file.path.name}.pprof")
    try:
        convert_file(file.format, file.path, out, seconds=capture.duration.total_seconds())
    except BadProfile as bad:
        out.touch()
        return Fetched(Kind.CPU, out, 0, f"{file.format}: {bad}", ".pprof")
    return Fetched(Kind.CPU, out, out.stat().st_size, suffix=".pprof")


def artifact_name(capture: Capture, kind: Kind, suffix: str = "") -> str:
    """`<service>-<pid>-<kind>-<time>.pprof`, of harmless characters only."""
    target = capture.target
    service = (
        "".join(c if c.isascii() and (c.isalnum() or c in "._") else "-" for c in target.service) if target else ""
    )
    stamp = (capture.started_at or capture.created_at).strftime("%Y%m%dT%H%M%SZ")
    pid = target.pid if target else 0
    return f"{service[:80].strip('.-') or 'service'}-{pid}-{kind.value}-{stamp}{suffix or SUFFIX.get(kind, '.pprof')}"


def shortfall(capture: Capture, profiler: Profiler) -> Reason | None:
    """Why this capture has failed, though it came to its end, or None."""
    harmed = harm.reason_of(capture)
    if still := capture.notes.get("left"):
        return Reason(Code.TIMEOUT, still)
    faults: Mapping[str, str] = capture.notes.get("faults", {})
    have = frozenset(artifact.kind for artifact in capture.artifacts)
    missing = [kind.value for kind in profiler.missing(have)]
    if not faults and not missing:
        return harmed
    bad = [f"{kind}: {fault}" for kind, fault in faults.items()] + [
        f"{kind}: there is no such file" for kind in missing
    ]
    if harmed:
        return Reason(harmed.code, f"{harmed.message} ({'; '.join(bad)})")
    if capture.notes.get("lost"):
        return Reason(Code.PROCESS_EXITED, f"the process ended while it was recording ({'; '.join(bad)})")
    code = Code.PROFILE_EMPTY if faults else Code.COLLECT_FAILED
    return Reason(code, f"not every file is good: {'; '.join(bad)}")


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
