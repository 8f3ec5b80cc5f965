"""Rung 3: samples while it is recorded. The host takes them itself, once a second, so that a capture that waits is a
row and no thread; they come home with the files. Rung 4 reads from them when and why a process has died.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from app.evidence.base import OLD_GATE, Gathered, Rung, Subject, as_json
from app.evidence.death import cause_of, death_finding
from app.evidence.series import Series, document_of, percent, series_in
from app.evidence.surroundings import pieces_of
from app.evidence.verdict import findings_of
from app.evidence.words import size

SCHEMA = "alertprof/samples/1"
SUFFIX = "-samples.json"
LONGEST = timedelta(minutes=1)  # of a recording that stops by itself, whatever length was asked for
MARGIN = timedelta(seconds=30)  # for a recording that begins or ends late
AROUND_LATER = 10  # seconds, while other hosts wait to be reached: to look around costs most of the first evidence
BEGUN = frozenset({"started", "replayed"})
WHY_NOT = {
    "verb": OLD_GATE,
    "ended": "those that were taken are home",
    "gone": "the process has ended",
    "replaced": "it runs another program now",
    "journal": "the host has no room for them",
}


@dataclass(frozen=True, slots=True)
class Samples(Rung):
    """Processor time, memory, threads and throttling of the process, and how its host fares."""

    place: ClassVar[int] = 30

    def begin(self, subject: Subject) -> Gathered:
        length = max(subject.capture.duration, LONGEST) + MARGIN
        later = AROUND_LATER if subject.crowded else 0
        code = subject.gate().sample(subject.process, round(length.total_seconds()), subject.capture.token, later)
        return Gathered() if code in BEGUN else Gathered(f"no samples are taken: {WHY_NOT.get(code, code)}")

    def end(self, subject: Subject) -> Gathered:
        lines = subject.gate().samples(subject.capture.token)
        if not lines:
            return Gathered()
        series = series_in(lines, subject.process.pid)
        if not series.samples:
            return Gathered("there are no samples: the process had ended already, or the host had no room for them")
        document = {"schema": SCHEMA, **document_of(series)}
        cause = cause_of(series, subject.process.pid)
        death = (death_finding(series, cause),) if cause and not is_told(subject, cause) else ()
        findings = (*death, *findings_of(series, subject.capture))
        return Gathered(in_words(series), (as_json(document, SUFFIX), *pieces_of(lines)), findings, cause)

    def clean(self, subject: Subject) -> Gathered:
        subject.gate().unsample(subject.capture.token)
        return Gathered()


def is_told(subject: Subject, cause: str) -> bool:
    """Whether a finding says already that the process ended after a signal of ours, and no better reason is known."""
    signalled = any(finding.code == "ended_after_signal" for finding in subject.capture.findings)
    return signalled and "OOM killer" not in cause


def in_words(series: Series) -> str:
    """The main numbers, for the timeline."""
    first, last = series.samples[0], series.samples[-1]
    count = len(series.samples)
    cpu = percent(last.cpu - first.cpu, series.seconds)
    busy = percent(last.all - first.all - (last.idle - first.idle), last.all - first.all)
    said = f"{count} sample{'' if count == 1 else 's'}"
    if count > 1:
        said += f" in {series.seconds:.0f} s: {cpu:.0f} % of a core, its host {busy:.0f} % busy"
    most = size(max(each.pages for each in series.samples) * series.page)
    return f"{said}, {most} resident at most, {last.threads} thread{'' if last.threads == 1 else 's'}"
