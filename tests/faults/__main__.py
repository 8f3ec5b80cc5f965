"""`make faults` prints what is found of every service.

ARGS="--write" keeps the files in tests/data/faults; names choose some of the services.
"""

import gzip
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.faults.expected import FAULTS, HEALTHY
from tests.faults.line import SECONDS, captured, running
from tests.integration.scene import Scene

KEPT = Path("tests/data/faults")
KINDS = ("cpu", "heap", "mutex", "goroutine", "goroutineleak")


def keep(name: str, capture: dict[str, Any], scene: Scene) -> None:
    """Writes the files that findings are made of: short names, texts compressed."""
    folder = KEPT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for artifact in capture["artifacts"]:
        if artifact["kind"] in KINDS:
            data = scene.ask("GET", artifact["href"]).content
            after = "-after" if "-after" in artifact["name"] else ""
            suffix = Path(artifact["name"]).suffix
            if suffix == ".txt":
                suffix, data = ".txt.gz", gzip.compress(data, mtime=0)
            (folder / f"{artifact['kind']}{after}{suffix}").write_bytes(data)


def main() -> None:
    names = [word for word in sys.argv[1:] if not word.startswith("-")] or [*FAULTS, *HEALTHY]
    with tempfile.TemporaryDirectory() as place, Scene(Path(place), duration=f"{SECONDS}s") as scene:
        for number, name in enumerate(names, 1):
            with running(name, Path(place) / name) as service:
                capture = captured(scene, service, number)
            print(f"{name}: {capture['state']}")
            for finding in capture["findings"]:
                print(f"  {finding['severity']} {finding['code']}: {finding['title']}")
            if "--write" in sys.argv:
                keep(name, capture, scene)


main()
