"""What became of each test of a module, as rows of a table."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator


def outcomes(tests: str, **env: str) -> Iterator[tuple[str, ...]]:
    """tests: the path of the module; env: added to ours."""
    words = [sys.executable, "-m", "pytest", tests, "-v", "-n", "0", "--no-header"]
    said = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **env}).stdout
    for name, outcome in re.findall(r"::test_(\S+) (PASSED|FAILED|SKIPPED)", said):
        yield name.replace("_", " "), outcome.lower()
