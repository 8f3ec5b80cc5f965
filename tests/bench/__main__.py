"""`python -m tests.bench [name …] [--quick]`: measures, and prints markdown. Never fails for a figure."""

import sys
import tempfile
import traceback
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

from tests.bench import (
    calm,
    cold,
    cost,
    download,
    evidence,
    far,
    flood,
    line,
    pages,
    reading,
    storm,
    target,
    throughput,
    warm,
    wide,
)
from tests.bench.report import report
from tests.bench.rounds import Group, Unmeasured

GROUPS: dict[str, Callable[..., Group | str | tuple[Group, ...]]] = {
    "line": line.measure,
    "cold": cold.measure,
    "warm": warm.measure,
    "throughput": throughput.measure,
    "storm": storm.measure,
    "flood": flood.measure,
    "download": lambda folder, quick: (
        download.measure(folder / "near", quick=quick),
        *far.measure(folder, quick=quick),
    ),
    "cost": cost.measure,
    "target": target.measure,
    "reading": reading.measure,
    "evidence": evidence.measure,
    "pages": pages.measure,
    "calm": calm.measure,
    "wide": wide.measure,
}


def main() -> int:
    parser = ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(GROUPS)}; all of them by default")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: to see that it runs")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    return sum([not measured(name, quick=asked.quick) for name in asked.names or GROUPS]) and 1


def measured(name: str, *, quick: bool) -> bool:
    print(f"measuring: {name} …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        try:
            groups = GROUPS[name](Path(folder), quick=quick)
            for group in groups if isinstance(groups, tuple) else (groups,):
                print(group if isinstance(group, str) else report(group), end="\n\n", flush=True)
        except Unmeasured as reason:
            print(f"## {name}\n\nnot measured: {reason}\n", flush=True)
            return False
        except Exception:
            traceback.print_exc()
            print(f"## {name}\n\nnot measured: see the traceback\n", flush=True)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
