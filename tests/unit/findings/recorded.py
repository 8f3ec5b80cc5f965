"""The files of tests/data/faults as scenes: taken once through the whole line by `make faults ARGS=--write`."""

import gzip
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from app.analysis.facts import as_json, facts, of_json
from app.finding import Finding
from app.findings.every import findings
from app.findings.scene import File, scene
from app.model import Kind
from tests.faults.line import SECONDS

PROFILES = Path(__file__).parents[2] / "data" / "profiles"
FOLDER = Path(__file__).parents[2] / "data" / "faults"


def file_of(path: Path) -> File:
    """The facts in a file, by the way that they take between two processes."""
    with TemporaryDirectory() as folder:
        name = path.name.removesuffix(".gz")
        plain = Path(folder) / name
        plain.write_bytes(gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes())
        return File(Kind(name.partition(".")[0].removesuffix("-after")), name, of_json(as_json(facts(plain))))


@lru_cache
def found(name: str) -> tuple[Finding, ...]:
    """The findings of a recorded service."""
    files = [file_of(path) for path in sorted((FOLDER / name).iterdir())]
    return findings(scene(files, SECONDS, SECONDS + 5, "HighCPU"))
