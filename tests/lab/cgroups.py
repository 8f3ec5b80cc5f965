"""Control groups of any path, as systemd, Docker and the kubelet name them, in whatever hierarchy this machine has.

Neither of them runs here: what is real is the kernel's, and what it shows of a process in /proc/PID/cgroup. Needs root.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Self

from tests.lab.process import eventually

NUMBERS = count()
ORDER = ("cgroup2", "name=systemd", "pids", "memory", "freezer")  # cpuset takes nobody before it is told which CPUs


@cache
def hierarchy() -> Path | None:
    """Where groups can be made and entered here: cgroup2 if mounted, else systemd's own of v1, else another."""
    found = {kind: place for place, kinds in _mounted() for kind in kinds if os.access(place, os.W_OK)}
    return next((found[kind] for kind in ORDER if kind in found and _takes(found[kind])), None)


def _mounted() -> Iterator[tuple[Path, list[str]]]:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            yield Path(place), ["cgroup2"] if kind == "cgroup2" else options.split(",")


def _takes(root: Path) -> bool:
    try:
        (root / f"alertprof-lab-{os.getpid()}").mkdir()
        (root / f"alertprof-lab-{os.getpid()}").rmdir()
    except OSError:
        return False
    return True


class Cgroup:
    """The group of this path, and those above it that were not there yet; all gone again at the end."""

    def __init__(self, path: str) -> None:
        root = hierarchy()
        assert root, "no hierarchy takes new groups here: ask hierarchy() first"
        self.path, self._root = path, root
        self._made: list[Path] = []
        folder = root
        for part in path.strip("/").split("/"):
            folder /= part
            with suppress(FileExistsError):
                folder.mkdir(parents=True)  # another test may have just removed what was there a moment ago
                self._made.append(folder)
        self._folder = folder

    def add(self, pid: int) -> None:
        """With all its threads; what it starts from now on is in the group too."""
        (self._folder / "cgroup.procs").write_text(f"{pid}\n")

    def cpu_ms(self) -> float:
        """Milliseconds of processor time of all who were ever in it. OSError where only cgroup v1 is to be had."""
        fields = dict(line.split() for line in (self._folder / "cpu.stat").read_text().splitlines())
        return int(fields["usage_usec"]) / 1000

    def remove(self) -> None:
        """What is still in it goes back to the root's group. Another's that was made below ours keeps ours alive."""
        for pid in (self._folder / "cgroup.procs").read_text().split():
            with suppress(OSError):
                (self._root / "cgroup.procs").write_text(pid)
        for folder in reversed(self._made):
            eventually(lambda folder=folder: _gone(folder), f"{folder} is empty")  # type: ignore[misc]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def _gone(folder: Path) -> bool:
    """Also when another group is below it: whoever made that one needs it."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return any(each.is_dir() for each in folder.iterdir())
    return True


@contextmanager
def memory_group(limit: int) -> Iterator[Path | None]:
    """A group that has so many bytes of memory, of version 2 or 1; None where this machine makes none. What is in it at
    the end is killed."""
    v2 = [place for place, kinds in _mounted() if kinds == ["cgroup2"]]
    able = [place for place in v2 if "memory" in (place / "cgroup.controllers").read_text().split()]
    v1 = [place for place, kinds in _mounted() if "memory" in kinds]
    root = next((place for place in (*able, *v1) if os.access(place, os.W_OK)), None)
    if root is None:
        yield None
        return
    if root in able:
        with suppress(OSError):
            (root / "cgroup.subtree_control").write_text("+memory")
    group = root / f"alertprof-memory-{os.getpid()}-{next(NUMBERS)}"
    group.mkdir()
    (group / ("memory.max" if root in able else "memory.limit_in_bytes")).write_text(str(limit))
    try:
        yield group
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        eventually(lambda: _gone(group), f"{group} is empty")
