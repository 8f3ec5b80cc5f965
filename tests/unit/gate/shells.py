"""Parts of the gate by themselves, under every shell that they have to run under, on a made-up tree of files."""

import shutil
import subprocess
from pathlib import Path

import pytest

from app.gate.assemble import TEXTS
from tests.lab.shell import SHELLS as TESTED

SHELLS = {**TESTED, "mksh": ["mksh"], "ksh": ["ksh"]}
NOTHING = "code=error token='' in_switch='' lock_held='' opened='' unread='' shows='' comm='' state='' start='' image='' odd='?'\n"  # noqa: E501


def said(shell: str, parts: str, script: str, folder: Path) -> str:
    """What the script prints after these parts, whose names are separated by blanks; it runs in the folder."""
    if not shutil.which(SHELLS[shell][0]):
        pytest.skip(f"the gate's parts are NOT tested under {shell}: it is not installed")
    whole = "".join(TEXTS[name] for name in ("setup", *parts.split())) + NOTHING + script
    command = [*SHELLS[shell], "-c", whole]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    return done.stdout.decode()
