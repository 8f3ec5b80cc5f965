"""The recipes of docs/profilers.md on the newest profilers of other languages, with rbspy, which is built for it."""

import re
import subprocess
import sys
from collections.abc import Iterator

from tests.lab import profilers
from tests.lab.golang import Unavailable

HEAD = ("recipe, on the newest that registries have", "")
TESTS = "tests/integration/test_newest_profilers.py"


def rows() -> Iterator[tuple[str, ...]]:
    for have in (profilers.fetch, lambda: profilers.rbspy(build=True)):
        try:
            have()
        except Unavailable as reason:
            yield (str(reason), "")
    words = [sys.executable, "-m", "pytest", TESTS, "-v", "-n", "0", "--no-header"]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    for name, outcome in re.findall(r"::test_(\S+) (PASSED|FAILED|SKIPPED)", said):
        yield name.replace("_", " "), outcome.lower()
