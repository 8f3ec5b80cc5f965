"""Go's own leaking programs, out of the toolchain's tests, and what is found of the profile of each.

`python -m tests.faults.leaks` takes all of them. They print the goroutineleak profile as text (debug=2), which marks
the goroutines that leak; here they write the profile itself besides, which a capture has.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.analysis.isolate import facts_of
from app.finding import Finding
from app.findings.every import findings
from app.findings.scene import File, scene
from app.model import Kind
from tests.lab import golang

GZIP = b"\x1f\x8b\x08"
BOTH = r"func() { \1.WriteTo(os.Stderr, 2); \1.WriteTo(os.Stdout, 0) }()"


class Programs:
    """The programs of one directory, built in `folder`. LookupError where this toolchain has none."""

    def __init__(self, folder: Path, package: str) -> None:
        """package: "." or "goker"."""
        env = golang.environment() | {"GOPROXY": "off"}
        root = subprocess.run([golang.GO, "env", "GOROOT"], env=env, capture_output=True, text=True, check=True).stdout
        source = Path(root.strip()) / "src/runtime/testdata/testgoroutineleakprofile"
        if not source.exists():
            raise LookupError(f"this Go has no {source}")
        self.source, self.binary = folder / "source", folder / "leaks"
        shutil.copytree(source, self.source)
        (self.source / "go.mod").write_text("module example.com/leaks\n\ngo 1.27\n")
        self.names: list[str] = []
        for file in sorted((self.source / package).glob("*.go")):
            text = file.read_text()
            file.write_text(re.sub(r"(\w+)\.WriteTo\(os\.Stdout, 2\)", BOTH, text))
            self.names += re.findall(r'register\("(\w+)"', text)
        build = [str(golang.GO), "build", "-o", str(self.binary), f"./{package}"]
        subprocess.run(build, cwd=self.source, env=env, check=True, timeout=170)

    def results(self, names: Sequence[str]) -> Iterator[tuple[str, set[str], tuple[Finding, ...]]]:
        """For each program the lines (`file.go:7`) at which goroutines leak by the runtime's own word, and the
        findings."""
        leaks = {name: self._run(name) for name in names}
        facts = facts_of([self._profile(name) for name in names])
        for name, lines in leaks.items():
            file = File(Kind.GOROUTINELEAK, f"{name}.pprof", facts[self._profile(name)])
            yield name, lines, findings(scene([file], 0, 0, ""))

    def _profile(self, name: str) -> Path:
        return self.source / f"{name}.pprof"

    def _run(self, name: str) -> set[str]:
        env = os.environ | {"GODEBUG": "asyncpreemptoff=1", "GOMAXPROCS": "1"}
        done = subprocess.run([self.binary, name], env=env, capture_output=True, timeout=60, check=False)
        last = done.stdout.rpartition(GZIP)[2]  # of several profiles
        self._profile(name).write_bytes(GZIP + last)
        return set(self._leaks(done.stderr.decode()))

    def _leaks(self, dump: str) -> list[str]:
        leaking = [each for each in dump.split("\n\n") if "(leaked)" in each.partition("\n")[0]]
        own = [re.search(rf"^\t{re.escape(str(self.source))}/(?:goker/)?(\S+:\d+)", each, re.M) for each in leaking]
        return [line[1] for line in own if line]


def missed(lines: set[str], found: tuple[Finding, ...]) -> list[str]:
    """The lines that no finding names."""
    return sorted(line for line in lines if not any(re.search(rf"{re.escape(line)}\b", each.detail) for each in found))


def main() -> None:
    """Prints what is missed, and how many leaks are named."""
    leaks, lost = 0, 0
    for package in (".", "goker"):
        with tempfile.TemporaryDirectory() as folder:
            programs = Programs(Path(folder), package)
            for name, lines, found in programs.results(programs.names):
                leaks, lost = leaks + len(lines), lost + len(missed(lines, found))
                print(name, f"{len(lines)} leaks", *(f"not named: {line}" for line in missed(lines, found)))
    print(f"{leaks - lost} of {leaks} leaks are named with their line")
    sys.exit(bool(lost))


if __name__ == "__main__":
    main()
