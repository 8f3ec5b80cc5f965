"""The gate's own tests under every shell, of which `make test` takes one a test (tests/lab/shell.py), and in a kernel
that has nothing but cgroup v2."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HEAD = ("the gate's tests", "under every shell")


def rows() -> Iterator[tuple[str, ...]]:
    for file in sorted(Path("tests/integration").glob("*.py")):
        if re.search("CHOSEN|EVERY_SHELL", file.read_text()):
            command = [sys.executable, "-m", "pytest", "-q", "-n", "4", "--dist", "worksteal", str(file)]
            done = subprocess.run(
                command, env={**os.environ, "EVERY_SHELL": "1"}, stdout=subprocess.PIPE, text=True, check=False
            )
            yield file.stem, done.stdout.strip().splitlines()[-1]
