"""Programs of a newer Debian than the machine's, from the mirror that its apt knows, unpacked and run beside its own.

Nothing is installed: apt works on lists and a state of its own, and every program is changed so that it runs on the C
library that came with it.
"""

import shlex
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

SUITE = "unstable"


class NotToBeHad(Exception):
    """No mirror, or it has no such suite; the message says which."""


def unpacked(folder: Path, packages: Iterable[str], programs: Iterable[str], backports: str = "") -> Path:
    """A folder with these programs, by their bare names. Raises NotToBeHad.

    folder: where the packages are unpacked, below `root`
    packages, programs: names, and paths below /usr
    backports: a suite whose packages come before those of SUITE, such as trixie-backports
    """
    made = folder / "bin"
    if not made.exists():
        for package in _downloaded(folder, packages, backports):
            subprocess.run(["dpkg-deb", "-x", str(package), str(folder / "root")], check=True)
        half = folder / "half"
        half.mkdir(exist_ok=True)
        for each in programs:
            adapted(folder, folder / "root" / "usr" / each, half)
        half.rename(made)
    return made


def adapted(folder: Path, program: Path, to: Path) -> None:
    """A copy of the program that runs on the libraries which were unpacked in the folder."""
    root = folder / "root" / "usr"
    libraries = ":".join(sorted({str(found.parent) for found in root.glob("lib/*-linux-gnu/*.so*")}))
    loader = next(root.glob("lib*/ld-linux*"), None) or next(root.glob("lib/*/ld-linux*"))
    change = ["patchelf", "--set-interpreter", str(loader), "--force-rpath", "--set-rpath", libraries]
    subprocess.run([*change, "--output", str(to / program.name), str(program)], check=True)


def _downloaded(folder: Path, packages: Iterable[str], backports: str) -> Iterator[Path]:
    mirror = _mirror()
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    suites = filter(None, (SUITE, backports))
    (folder / "sources.list").write_text("".join(f"deb {mirror} {suite} main\n" for suite in suites))
    _apt(folder, "update")
    first = ["-t", backports] if backports else []
    _apt(folder, "--no-install-recommends", "--download-only", *first, "install", *packages)
    return (folder / "cache" / "archives").glob("*.deb")


def _apt(folder: Path, *words: str) -> None:
    options = {
        "Dir::Etc::SourceList": "sources.list",
        "Dir::State": "state",
        "Dir::State::status": "status",
        "Dir::Cache": "cache",
    }
    said = [f"-o{name}={folder / where}" for name, where in options.items()]
    command = ["apt-get", "-qq", "-y", *said, "-oDir::Etc::SourceParts=/dev/null", "-oDebug::NoLocking=1", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotToBeHad(f"{shlex.join(words)}: {done.stderr.strip()}")


def _mirror() -> str:
    asked = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError) as fault:
        raise NotToBeHad("this machine has no apt with lists; run apt-get update") from fault
    mirrors = [line.partition(" ")[2] for line in found if line.startswith("Debian ") and "security" not in line]
    if not mirrors:
        raise NotToBeHad("apt knows no mirror of Debian")
    return mirrors[0]
