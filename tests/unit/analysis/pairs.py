"""Recordings of one program, several of each kind, unpacked. tests/data/profiles/README.md says where they are from."""

import tarfile
from functools import cache
from pathlib import Path

from app.analysis.profile import Profile, read

PACKED = Path(__file__).parents[2] / "data" / "profiles" / "pairs.tar.xz"


@cache
def recordings() -> dict[str, bytes]:
    """The files by their names: calm/cpu-00.pprof and so on."""
    with tarfile.open(PACKED) as packed:
        members = [member for member in packed.getmembers() if member.isfile()]
        return {member.name: content.read() for member in members if (content := packed.extractfile(member))}


def profiles(prefix: str) -> list[Profile]:
    """Those whose names begin with it."""
    return [read(data) for name, data in sorted(recordings().items()) if name.startswith(prefix)]
