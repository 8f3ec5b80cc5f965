"""alertprof with a watch: `python -m tests.bench.stamped serve …` is `python -m app serve …`, and writes down when it
passed the points on the way from an alert to its signal. For the table of where the time goes, never for a ratio.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STAMPS = "ALERTPROF_BENCH_STAMPS"  # the file


def stamp(owner: Any, name: str, *, before: str = "", after: str = "") -> None:
    """Has a method write a line when it is called, when it returns, or both."""
    plain: Callable[..., Any] = getattr(owner, name)

    def watched(*words: Any, **more: Any) -> Any:
        began = time.monotonic_ns()
        result = plain(*words, **more)
        ended = time.monotonic_ns()
        lines = [f"{at} {what}\n" for at, what in ((began, before), (ended, after)) if what and result is not None]
        os.write(OUT, "".join(lines).encode())
        return result

    setattr(owner, name, watched)


def main() -> None:
    from app.captures.resolve import ResolveStep
    from app.cli import program as cli
    from app.gate.client import Gate
    from app.ledger.ledger import Ledger

    stamp(Ledger, "receive", before="received")
    stamp(Ledger, "_record", after="committed")
    stamp(Ledger, "claim", after="claimed")
    stamp(Gate, "process", after="found")
    stamp(Gate, "listeners", after="found")
    stamp(Gate, "look", after="looked")
    stamp(ResolveStep, "run", after="resolved")
    stamp(Gate, "start", before="asked")
    cli.main()


def passed(since: int) -> list[tuple[str, int]]:
    """(point, ns) in the order of time, for what came after `since`."""
    lines = (line.split() for line in Path(os.environ[STAMPS]).read_text().splitlines())
    return sorted(((what, int(at)) for at, what in lines if int(at) >= since), key=lambda one: one[1])


if __name__ == "__main__":
    OUT = os.open(os.environ[STAMPS], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    main()
