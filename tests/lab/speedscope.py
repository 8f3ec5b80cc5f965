"""speedscope as its project publishes it, from npm: a page that shows profiles, of a pinned content."""

import fcntl
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.lab.golang import CACHE

VERSION = "1.25.0"  # MIT
SHA256 = "2831f1e0d26df914b477e522d78b8485511495a6af81a0b88158f8b48f9e0d03"
TIMEOUT = 100  # seconds


class Unavailable(Exception):
    """It cannot be had here. Tests skip with this sentence."""


def home() -> Path:
    """The folder with its index.html."""
    folder = CACHE / f"speedscope-{SHA256[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "speedscope.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder)
    return folder / "package" / "dist" / "release"


def _fetch(folder: Path) -> None:
    """All of it or nothing: under another name first."""
    if not shutil.which("npm"):
        raise Unavailable("speedscope is NOT tested: there is no npm here to fetch it with")
    with tempfile.TemporaryDirectory(dir=CACHE) as place:
        try:
            words = ["npm", "pack", "--silent", f"speedscope@{VERSION}"]
            subprocess.run(words, cwd=place, timeout=TIMEOUT, capture_output=True, text=True, check=True)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            raise Unavailable(f"speedscope is NOT tested: npm could not fetch it: {error}") from error
        packed = Path(place, f"speedscope-{VERSION}.tgz")
        if (found := hashlib.sha256(packed.read_bytes()).hexdigest()) != SHA256:
            raise RuntimeError(f"{packed.name} is not what is pinned in {__name__}: its sha256 is {found}")
        with tarfile.open(packed) as archive:
            archive.extractall(Path(place, "unpacked"), filter="data")
        Path(place, "unpacked").rename(folder)
