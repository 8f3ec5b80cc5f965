"""Node itself: the one of the machine, and others from npm, where the packages node-linux-… hold it.

`python -m tests.lab.node VERSION…` fetches them beforehand.
"""

import fcntl
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.lab.golang import CACHE

MACHINES = {"x86_64": "x64", "aarch64": "arm64"}
OLDEST, NEWEST = "14.21.3", "26.10.0"
VERSIONS = (OLDEST, "16.20.2", "18.20.8", "20.19.5", "22.20.0", "24.21.0", NEWEST)
TIMEOUT = 200  # seconds


class Unavailable(Exception):
    """It cannot be had here. Tests skip with this sentence."""


def node(version: str = "") -> Path:
    """The program `node` of a version; "" for the one that is installed."""
    if version:
        return _fetched(version)
    if installed := shutil.which("node"):
        return Path(installed).resolve()
    raise Unavailable("Node is NOT tested: there is no node here (Debian's nodejs)")


def _fetched(version: str) -> Path:
    package = f"node-linux-{MACHINES.get(platform.machine(), '')}"
    program = CACHE / f"{package}-{version}" / "node"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "node.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _unpack(f"{package}@{version}", program)
    return program


def _unpack(package: str, program: Path) -> None:
    if not shutil.which("npm"):
        raise Unavailable(f"Node is NOT tested: there is no npm here to fetch {package} with")
    with tempfile.TemporaryDirectory(dir=CACHE) as made:
        words = ["npm", "pack", "--silent", "--pack-destination", made, package]
        try:
            subprocess.run(words, timeout=TIMEOUT, capture_output=True, text=True, check=True, cwd=made)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            raise Unavailable(f"Node is NOT tested: npm could not fetch {package}: {error}") from error
        (archive,) = Path(made).glob("*.tgz")
        with tarfile.open(archive) as packed:
            packed.extract("package/bin/node", made, filter="data")
        program.parent.mkdir(exist_ok=True)
        (Path(made) / "package" / "bin" / "node").rename(program)


if __name__ == "__main__":
    try:
        for asked in sys.argv[1:] or VERSIONS:
            print(f"node: {node(asked)}")
    except Unavailable as reason:
        print(reason, file=sys.stderr)
