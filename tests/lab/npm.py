"""Packages from npm for tests: nothing of them is committed. A package alone is of a pinned content, a program with all
that it depends on of a pinned version.
"""

import fcntl
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.lab.golang import CACHE

TIMEOUT = 100  # seconds
INSTALLING = 3600  # seconds for some hundred packages on a busy machine
SPEEDSCOPE = ("speedscope", "1.25.0", "2831f1e0d26df914b477e522d78b8485511495a6af81a0b88158f8b48f9e0d03")  # MIT


class Unavailable(Exception):
    """It cannot be had here. Tests skip with this sentence."""


def package(name: str, version: str, sha256: str) -> Path:
    """The folder of the unpacked package. sha256: of its tarball. Raises Unavailable; RuntimeError for another
    content."""
    file = name.removeprefix("@").replace("/", "-")  # as npm names the tarball
    folder = CACHE / f"{file}-{sha256[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{file}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(name, version, sha256, folder, f"{file}-{version}.tgz")
    return folder / "package"


def _fetch(name: str, version: str, sha256: str, folder: Path, tarball: str) -> None:
    """All of it or nothing: under another name first."""
    if not shutil.which("npm"):
        raise Unavailable(f"{name} is NOT tested with: there is no npm here to fetch it with")
    with tempfile.TemporaryDirectory(dir=CACHE) as place:
        try:
            words = ["npm", "pack", "--silent", f"{name}@{version}"]
            subprocess.run(words, cwd=place, timeout=TIMEOUT, capture_output=True, text=True, check=True)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            raise Unavailable(f"{name} is NOT tested with: npm could not fetch it: {error}") from error
        packed = Path(place, tarball)
        if (found := hashlib.sha256(packed.read_bytes()).hexdigest()) != sha256:
            raise RuntimeError(f"{packed.name} is not what is pinned: its sha256 is {found}")
        with tarfile.open(packed) as archive:
            archive.extractall(Path(place, "unpacked"), filter="data")
        Path(place, "unpacked").rename(folder)


def installed(package: str) -> Path:
    """The folder node_modules of a package, `NAME@VERSION`, with all that it depends on. No script of any of them is
    run. Raises Unavailable."""
    folder = CACHE / f"npm-{package.replace('/', '-')}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(package, folder)
    return folder / "node_modules"


def _install(package: str, folder: Path) -> None:
    if not shutil.which("npm"):
        raise Unavailable(f"{package} is NOT tested with: there is no npm here to fetch it with")
    words = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev,optional"]
    with tempfile.TemporaryDirectory(dir=CACHE) as place:
        made = Path(place, "made")
        asked = [*words, "--prefix", str(made), package]
        try:
            subprocess.run(asked, timeout=INSTALLING, capture_output=True, text=True, check=True)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            raise Unavailable(f"{package} is NOT tested with: npm could not install it: {error}") from error
        made.rename(folder)
