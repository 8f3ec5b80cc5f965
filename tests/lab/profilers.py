"""The newest profilers of other languages that registries have, beside those that are installed.

perf and Python's own sampler are Debian's, of later releases; austin and memray are PyPI's, for that Python; rbspy is a
crate. `python -m tests.lab.profilers` fetches them, except rbspy, which `make matrix` builds in many minutes.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.lab import debian
from tests.lab.golang import CACHE, Unavailable

BACKPORTS, PYTHON = "trixie-backports", "3.15"
PACKAGES = ("memray==1.20.0", "austin-dist==4.0.0", "austin-python==2.4.0")
RBSPY = "0.55.0"
FOLDER = CACHE / "newest"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
PIP = Path(__file__).parents[2] / ".cache" / "uv" / "bin" / "python"  # prepare.sh makes it
TIMEOUT = 300  # seconds


@dataclass(frozen=True, slots=True)
class NewestPython:
    """program: Python itself; home: its PYTHONHOME; packages: where PACKAGES are; austin: the program."""

    program: Path
    home: Path
    packages: Path
    austin: Path

    @property
    def env(self) -> dict[str, str]:
        return {"PYTHONHOME": str(self.home), "PYTHONPATH": str(self.packages)}

    def words(self, module: str) -> str:
        """`python -m module` as a command's words."""
        return " ".join([*self._program, "-m", module])

    def runs(self, script: str) -> str:
        """`python script` as a command's words. script: one that the packages bring."""
        return " ".join([*self._program, str(self.packages / "bin" / script)])

    @property
    def _program(self) -> list[str]:
        return ["env", *(f"{name}={value}" for name, value in self.env.items()), str(self.program)]


def perf() -> Path:
    """The newest perf. Raises Unavailable."""
    return fetched() / "bin" / "perf"


def python() -> NewestPython:
    """The newest Python, with the packages. Raises Unavailable."""
    folder = fetched()
    program = folder / "bin" / f"python{PYTHON}"
    return NewestPython(program, folder / "root" / "usr", folder / "packages", folder / "bin" / "austin")


def fetched() -> Path:
    """The folder with perf and Python. Raises Unavailable where nobody has fetched them."""
    if not (FOLDER / "done").exists():
        raise Unavailable("the newest perf and Python are NOT tested: `python -m tests.lab.profilers` fetches them")
    return FOLDER


def fetch() -> Path:
    """The same, fetched by one process at a time unless they are there. Raises Unavailable."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (FOLDER / "done").exists():
            shutil.rmtree(FOLDER, ignore_errors=True)
            _fetch()
            shutil.rmtree(FOLDER / "cache")
            (FOLDER / "done").touch()
    return FOLDER


def rbspy(*, build: bool = False) -> Path:
    """rbspy. build: compile it unless it is there already. Raises Unavailable."""
    program = CACHE / "rbspy" / "bin" / "rbspy"
    if not program.exists() and not (build and shutil.which("cargo")):
        raise Unavailable("rbspy is NOT tested: it is not built: `make matrix` does it")
    if not program.exists():
        _run(
            "rbspy", ["cargo", "install", "--quiet", "rbspy", "--version", RBSPY, "--root", str(CACHE / "rbspy")], 3600
        )
    return program


def _fetch() -> None:
    if not PIP.exists():
        raise Unavailable("austin and memray cannot be had: there is no pip here: `make setup` has one")
    try:
        debian.unpacked(
            FOLDER, ("linux-perf", f"python{PYTHON}"), ("bin/perf", f"bin/python{PYTHON}"), backports=BACKPORTS
        )
    except debian.NotToBeHad as reason:
        raise Unavailable(f"the newest perf and Python cannot be had: {reason}") from reason
    words = ["install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", f"--python-version={PYTHON}"]
    _run("memray", [str(PIP), "-m", "pip", *words, "--target", str(FOLDER / "packages"), *PACKAGES], TIMEOUT)
    debian.adapted(FOLDER, FOLDER / "packages" / "bin" / "austin", FOLDER / "bin")


def _run(name: str, words: list[str], limit: int) -> None:
    env = {"PIP_CERT": CERTIFICATES, **os.environ}
    try:
        subprocess.run(words, timeout=limit, capture_output=True, text=True, check=True, env=env)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{name} is NOT tested: it did not come in {limit} s") from error
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"{name} is NOT tested: {error.stderr.strip().splitlines()[-1][:300]}") from error


if __name__ == "__main__":
    try:
        print(f"the newest profilers: {fetch()}")
    except Unavailable as reason:
        print(reason, file=sys.stderr)
