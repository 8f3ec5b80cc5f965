"""Variables that the process was started with, where the rule names them. No other variable is read."""

from dataclasses import dataclass
from typing import ClassVar

from app.evidence.asked import asked_in
from app.evidence.base import Gathered, Rung, Subject, as_json
from app.evidence.logs import WHY_NOT

SCHEMA = "alertprof/environment/1"
SUFFIX = "-environment.json"


@dataclass(frozen=True, slots=True)
class Environment(Rung):
    """GOMEMLIMIT, GOGC and whatever else explains how a process behaves."""

    place: ClassVar[int] = 20

    def end(self, subject: Subject) -> Gathered:
        """What our store did not take at the beginning is asked for again: a process keeps what it was started with."""
        if any(artifact.name.endswith(SUFFIX) for artifact in subject.capture.artifacts):
            return Gathered()
        return self.begin(subject)

    def begin(self, subject: Subject) -> Gathered:
        asked = asked_in(subject.capture)
        if not asked.environment:
            return Gathered()
        code, found = subject.gate().variables(subject.process, asked.variables, asked.environment)
        if code != "ok":
            return Gathered(f"its variables: {WHY_NOT.get(code, code)}")
        unset = [name for name in asked.environment if name not in found]
        document = {"schema": SCHEMA, "pid": subject.process.pid, "variables": found, "unset": unset}
        return Gathered(pieces=(as_json(document, SUFFIX),))
