"""A program for arm64 that qemu-user emulates: its memory lies in the emulator's own, at the same addresses.

So its decoding is compared with what the program says, though no arm64 is there. The package is qemu-user-static.
"""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.analysis.goheap import program
from app.analysis.goheap.profile import pprofs_of
from app.analysis.goheap.ranges import Answer, Area, Range, Source, Unreadable, Unsteady
from app.analysis.goheap.reading import Profiles, read_profiles
from app.analysis.profile import read, read_file
from tests.integration.test_go_memory import MANY, of_main
from tests.lab import golang
from tests.lab.process import Process

AREA = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (r..)(.) ([0-9a-f]+) \S+ (\d+) *(.*)")
EMULATOR = "qemu-aarch64-static"


def compared(version: str, folder: Path) -> tuple[str, ...]:
    """The row of the matrix, of samples in the program's own package. version: of Go, "" for the tests' own"""
    name = f"delays-arm64-{version or 'newest'}"
    golang.TARGETS[name] = replace(golang.TARGETS["delays-arm64"], toolchain=f"go{version}" if version else "local")
    if not (emulator := shutil.which(EMULATOR)):
        return (f"{EMULATOR} is not installed", "", "")
    (home := folder / name).mkdir()
    binary = golang.build(name)
    with Process([emulator, binary], home / "log", env={"DIR": str(home), "GODEBUG": MANY}) as process:
        process.until(lambda: "READY" in process.log.read_text(), "it is ready")
        try:
            made = pprofs_of(_read(version or golang.version()[2:], process.pid, binary), str(binary), 0)
        except (Unreadable, Unsteady) as why:
            return (str(why), "", "")
    same = []
    for profiled, data in made.items():
        ours, theirs = of_main(read(data)), of_main(read_file(home / profiled.name.lower()))
        same.append(f"{(ours & theirs).total()} of {theirs.total()}")
    heap, *delays = same
    return (heap, " and ".join(delays), "")


def _read(version: str, pid: int, binary: Path) -> Profiles:
    program.MACHINES = frozenset({"arm64"})
    areas = _areas(pid, binary)
    code = next(area.start for area in areas if area.permissions == "r-xp")
    reading = read_profiles(f"go{version}", code)
    with binary.open("rb") as exe, Path(f"/proc/{pid}/mem").open("rb") as memory:
        files = {Source.EXE: exe.fileno(), Source.MEM: memory.fileno()}
        try:
            wanted: Sequence[Range] = next(reading)
            while True:
                pieces = (
                    os.pread(files[each.source], each.size, each.start).ljust(each.size, b"\0") for each in wanted
                )
                wanted = reading.send(Answer(tuple(pieces), areas))
        except StopIteration as done:
            found: Profiles = done.value
            return found


def _areas(pid: int, binary: Path) -> tuple[Area, ...]:
    """The mappings. The emulator reads the program's code, and does not run it: so it is not mapped as such."""
    found = []
    for match in map(AREA.match, Path(f"/proc/{pid}/maps").read_text().splitlines()):
        if match:
            start, limit, permissions, shared, offset, inode, file = match.groups()
            own = "r-x" if file == str(binary) and permissions == "r--" else permissions
            found.append(Area(int(start, 16), int(limit, 16), own + shared, int(offset, 16), int(inode)))
    return tuple(found)
