"""alertprof as it was at an earlier commit, out of the repository's own objects, on the libraries of today."""

import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.lab.golang import CACHE
from tests.lab.process import Process
from tests.lab.tools import Unavailable

ROOT = Path(__file__).parents[2]


def older(commit: str) -> type[Process]:
    """What makes a process of that `app`: for `run` of Alertprof. Raises Unavailable where the commit is not there, as
    in a shallow clone."""
    tree = CACHE / "older" / commit
    if not tree.exists():
        tree.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=tree.parent) as folder:
            _extract(commit, Path(folder))
            with suppress(OSError):  # another test was quicker
                (Path(folder) / "tree").rename(tree)

    class Older(Process):
        def start(self) -> None:
            # -P: the folder where it is started, which has our own `app`, is no place to import from
            self.argv = [sys.executable, "-P", "-m", *self.argv[self.argv.index("app") :]]
            self.env["PYTHONPATH"] = str(tree)
            super().start()

    return Older


def _extract(commit: str, folder: Path) -> None:
    packed = folder / "packed.tar"
    words = ["git", "-C", str(ROOT), "archive", f"--output={packed}", commit, "app"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"the commit {commit} is not in this clone (shallow?): {done.stderr.strip()}")
    shutil.unpack_archive(packed, folder / "tree", filter="data")
