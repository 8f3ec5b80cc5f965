"""The newest servers that the machine's own Debian mirror has, unpacked beside the installed ones and run from there.

Nothing is installed: apt works on lists and a state of its own, and every program is changed so that it runs on the C
library that came with it.
"""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(".cache/matrix").resolve()
SUITE = "unstable"
PACKAGES = ("openssh-server", "openssh-client", "dropbear-bin")
PROGRAMS = ("sbin/sshd", "bin/ssh", "sbin/dropbear", "lib/openssh/sshd-session", "lib/openssh/sshd-auth")


class NotToBeHad(Exception):
    """No mirror, or it has no such suite; the message says which."""


def programs() -> Path:
    """A folder with PROGRAMS, by their bare names."""
    made = FOLDER / "bin"
    if not made.exists():
        for package in _downloaded():
            subprocess.run(["dpkg-deb", "-x", str(package), str(FOLDER / "root")], check=True)
        made.mkdir()
        for each in PROGRAMS:
            _adapted(FOLDER / "root" / "usr" / each, made)
    return made


def _apt(*words: str) -> str:
    for part in ("state/lists/partial", "cache/archives/partial"):
        (FOLDER / part).mkdir(parents=True, exist_ok=True)
    (FOLDER / "status").touch()
    (FOLDER / "sources.list").write_text(f"deb {_mirror()} {SUITE} main\n")
    options = {
        "Dir::Etc::SourceList": "sources.list",
        "Dir::State": "state",
        "Dir::State::status": "status",
        "Dir::Cache": "cache",
    }
    said = [f"-o{name}={FOLDER / where}" for name, where in options.items()]
    command = ["apt-get", "-qq", "-y", *said, "-oDir::Etc::SourceParts=/dev/null", "-oDebug::NoLocking=1", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotToBeHad(f"{shlex.join(words)}: {done.stderr.strip()}")
    return done.stdout


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


def _downloaded() -> Iterator[Path]:
    _apt("update")
    _apt("--no-install-recommends", "--download-only", "install", *PACKAGES)
    return (FOLDER / "cache" / "archives").glob("*.deb")


def _adapted(program: Path, folder: Path) -> None:
    root = FOLDER / "root" / "usr"
    libraries = ":".join(sorted({str(found.parent) for found in root.glob("lib/*-linux-gnu/*.so*")}))
    loader = next(root.glob("lib*/ld-linux*"), None) or next(root.glob("lib/*/ld-linux*"))
    change = ["patchelf", "--set-interpreter", str(loader), "--force-rpath", "--set-rpath", libraries]
    subprocess.run([*change, "--output", str(folder / program.name), str(program)], check=True)
