"""What the CPU time is spent for: library calls of one kind, charged to the own function that makes them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.analysis.charges import Charge, Charges
from app.analysis.owners import short
from app.finding import INFO, WARNING, Finding
from app.findings import thresholds
from app.findings.garbage import yielded_by_sweeper
from app.findings.scene import Found, Scene
from app.findings.words import caller, concerned, names, past, percent


@dataclass(frozen=True, slots=True)
class Purpose:
    """A purpose that is worth a finding. does: completes the function's name to a sentence; least: a share of the CPU
    time."""

    does: str
    least: float
    severity: str
    helps: str
    of: tuple[str, ...] = ()


WARNINGS: Final = {
    "regexp_compile": Purpose(
        "compiles regular expressions", thresholds.COMPILING, WARNING,
        "Compile each pattern once, in a package variable or a cache that is bounded.",
    ),
    "template_parse": Purpose(
        "parses templates", thresholds.COMPILING, WARNING,
        "Parse each template once, in a package variable or when the program begins.",
    ),
    "timers": Purpose(
        "makes timers", thresholds.WASTED, WARNING,
        "Make one timer or ticker outside the loop and Reset it, instead of time.After each time round.",
    ),
    "spinning": Purpose(
        "polls without waiting", thresholds.WASTED, WARNING,
        "Remove the `default` of the select, or wait in it: on a channel, a timer or a condition.",
    ),
    "concatenation": Purpose(
        "joins strings one by one", thresholds.JOINED, WARNING,
        "Write to one strings.Builder, or collect the parts and use strings.Join.",
    ),
    "logging": Purpose(
        "writes log lines", thresholds.OVERHEAD, WARNING,
        "Log less at this place, sample, or check the level before the arguments are made.",
    ),
    "formatting": Purpose(
        "formats text", thresholds.OVERHEAD, WARNING,
        "Use strconv.Append… or a struct as map key instead of fmt.Sprintf; format once, outside the loop.",
    ),
    "reflection": Purpose(
        "uses reflection", thresholds.OVERHEAD, WARNING,
        "Compare or copy the fields by hand, or with slices.Equal and maps.Equal, instead of reflect.",
    ),
    "copying": Purpose(
        "copies memory", thresholds.OVERHEAD, WARNING,
        "Share the slice, copy only what changes, or give append the capacity that it needs.",
    ),
    "system_calls": Purpose(
        "makes system calls", thresholds.OVERHEAD, WARNING,
        "Put a bufio.Writer or Reader around the file, batch the calls, or keep what they answer.",
    ),
}  # fmt: skip
ONCE: Final = "See whether it must be done so often: keep the result, do it outside the loop, or do it on less."
JOBS: Final = {
    "json": Purpose("encodes or decodes JSON", thresholds.JOB, INFO, ONCE, ("json", "json_decoding")),
    "encoding": Purpose("encodes and decodes", thresholds.JOB, INFO, ONCE),
    "template": Purpose("renders templates", thresholds.JOB, INFO, "Parse templates once; keep what seldom changes."),
    "regexp": Purpose(
        "matches regular expressions", thresholds.JOB, INFO, "Check a prefix first; simplify the pattern."
    ),
    "compression": Purpose("compresses", thresholds.JOB, INFO, "Use a lower level, or keep what was compressed."),
    "cryptography": Purpose("computes hashes or ciphers", thresholds.JOB, INFO, ONCE),
    "sorting": Purpose("sorts", thresholds.JOB, INFO, "Sort once, outside the loop; keep it sorted."),
    "hash_maps": Purpose("looks up and changes maps", thresholds.JOB, INFO, ONCE),
    "locking": Purpose("takes locks", thresholds.JOB, INFO, "Hold the lock for less, or split what it guards."),
    "channels": Purpose(
        "passes values through channels",
        thresholds.JOB,
        INFO,
        "Pass batches, not single values.",
        ("channels", "selecting"),
    ),
}
PURPOSES: Final[Mapping[str, Purpose]] = WARNINGS | JOBS
JSON_COPY, SPINNING, SELECTING = "json_copy", "spinning", "selecting"


def purposes(scene: Scene) -> Iterator[Found]:
    """One finding for each purpose that costs more than its threshold and is mostly paid by one function."""
    cpu = scene.cpu
    if cpu is None or scene.cores < thresholds.CORES or cpu.totals[0] < thresholds.SAMPLES:
        return
    yield from _json_copy(cpu)
    yield from _polling(cpu)
    yield from _yielding(cpu)
    yield from _running(scene, cpu)
    for code, purpose in PURPOSES.items():
        if purpose.severity == WARNING or scene.cores >= thresholds.BUSY:
            yield from _of(cpu, code, purpose)


def _of(cpu: Charges, code: str, purpose: Purpose) -> Iterator[Found]:
    kinds = purpose.of or (code,)
    total = cpu.totals[cpu.measured]
    whole = sum(cpu.purposes.get(kind, 0) for kind in kinds)
    payer = max(cpu.functions, key=lambda each: _paid(each, kinds), default=None)
    if payer is None or not total:
        return
    share = _paid(payer, kinds) / total
    if share >= purpose.least and _paid(payer, kinds) >= thresholds.CHARGED * whole:
        text = f"{percent(share)} of the CPU time in the CPU profile, {past(share, purpose.least)}"
        whole_text = f"all functions together spend {percent(whole / total)} on it"
        said = f"{text}; {whole_text}"
        yield _found(code, payer, share, severity=purpose.severity, does=purpose.does, text=said, helps=purpose.helps)


def _json_copy(cpu: Charges) -> Iterator[Found]:
    """A function that encodes and decodes: it copies a value through JSON."""
    total = cpu.totals[cpu.measured]
    both = [
        each for each in cpu.functions if min(_paid(each, ("json",)), _paid(each, ("json_decoding",))) > 0.05 * total
    ]
    payer = max(both, key=lambda each: _paid(each, ("json", "json_decoding")), default=None)
    share = _paid(payer, ("json", "json_decoding")) / total if payer else 0.0
    if payer is None or share < thresholds.COPIED_BY_JSON:
        return
    text = f"{percent(share)} of the CPU time in the CPU profile, {past(share, thresholds.COPIED_BY_JSON)}"
    does, helps = "encodes JSON and decodes it again", "Copy the fields by hand, or pass the value itself."
    yield _found(JSON_COPY, payer, share, severity=WARNING, does=does, text=text, helps=helps)


def _polling(cpu: Charges) -> Iterator[Found]:
    """A select with a `default` and several cases: a select that waits would let the scheduler work."""
    total = cpu.totals[cpu.measured]
    payer = max(cpu.functions, key=lambda each: _paid(each, (SELECTING,)), default=None)
    share = _paid(payer, (SELECTING,)) / total if payer else 0.0
    if payer is None or share < thresholds.HOT or cpu.means.get("scheduling", 0) > thresholds.PARKED * total:
        return
    yield _spins(payer, share, "in a select, and hardly any in the scheduler, so it does not wait", thresholds.HOT)


def _yielding(cpu: Charges) -> Iterator[Found]:
    """A loop that yields or sleeps for a moment each time round: its cost is the scheduler's."""
    total = cpu.totals[cpu.measured]
    payer = max(cpu.functions, key=lambda each: _paid(each, (SPINNING,)), default=None)
    if payer is None or _paid(payer, (SPINNING,)) < thresholds.YIELDS * total:
        return
    share = (_paid(payer, (SPINNING,)) + cpu.means.get("scheduling", 0) - yielded_by_sweeper(cpu)) / total
    if share >= thresholds.HOT:
        yield _spins(payer, share, "in the scheduler, which this function calls all the time", thresholds.HOT)


def _running(scene: Scene, cpu: Charges) -> Iterator[Found]:
    """runtime.Gosched in a loop: the profile shows only the scheduler, the snapshots show who runs all the time."""
    share = (cpu.purposes.get(SPINNING, 0) - yielded_by_sweeper(cpu)) / cpu.totals[cpu.measured]
    if share < thresholds.HOT:
        return
    seen = Counter(
        place
        for groups in scene.snapshots
        for place in {(g.place.path, g.place.line) for g in groups if g.place.state == "running" and g.place.at}
    )
    (path, line), times = max(seen.items(), key=lambda each: each[1], default=(((), ""), 0))
    if times >= thresholds.PERSISTS:
        payer = Charge(path[-1], (0,), 0, 0, {}, {}, path, line, "", 0)
        yield _spins(payer, share, "in the scheduler, and this function runs in all snapshots", thresholds.HOT)


def _spins(payer: Charge, share: float, where: str, least: float) -> Found:
    purpose = PURPOSES[SPINNING]
    text = f"{percent(share)} of the CPU time in the CPU profile is {where}; {past(share, least)}"
    return _found(SPINNING, payer, share, severity=WARNING, does=purpose.does, text=text, helps=purpose.helps)


def _paid(charge: Charge, kinds: tuple[str, ...]) -> int:
    return sum(charge.purposes.get(kind, 0) for kind in kinds)


def _found(code: str, payer: Charge, share: float, *, severity: str, does: str, text: str, helps: str) -> Found:
    finding = Finding(
        severity,
        f"{short(payer.function)} {does}: {percent(share)} of the CPU time{caller(payer.path)}",
        f"{text}. It is called by the way of {names(payer.path)}; the dearest line is {payer.place or 'not known'}",
        kind="cpu",
        functions=concerned(payer.path, payer.function),
        code=code,
        path=payer.path,
        refuted_by=f"a calm capture of this service in which {short(payer.function)} has the same share",
        helps=helps,
    )
    return Found(finding, share)
