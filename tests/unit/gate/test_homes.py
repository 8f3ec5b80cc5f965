"""Where the gate keeps its journals, under every shell: one place, the same one at the next login, for a week."""

import os
import shutil
import time
from pathlib import Path

import pytest

from app.gate.assemble import TEXTS
from tests.unit.gate.shells import SHELLS, said

TOKEN = "0123456789abcdef" * 2
WEEKS_AGO = 20 * 86400
HOME = f".alertprof-{os.geteuid()}"
# The part as root's and as another user's gate has it, with two directories of the test's for /run and /tmp.
PART = TEXTS["journal"].replace("set -- /run /tmp", "set -- run tmp").replace('"${HOME:-/nonexistent}" /tmp', "run tmp")
FIND = "find_home && echo $home || echo none\n"


@pytest.fixture(params=sorted(SHELLS))
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def places(tmp_path: Path) -> None:
    for name in ("run", "tmp"):
        (tmp_path / name).mkdir()


def test_journals_stay_together_where_the_first_place_had_no_room_for_a_while(shell: str, tmp_path: Path) -> None:
    """A second home would not know what was signalled already."""
    full = f'mkdir() {{ case $* in *run/*) return 1 ;; esac; command mkdir "$@"; }}\n{FIND}'
    assert said(shell, "identity", PART + FIND, tmp_path) == f"run/{HOME}\n"
    shutil.rmtree(tmp_path / "run" / HOME)
    assert said(shell, "identity", PART + full, tmp_path) == f"tmp/{HOME}\n"
    assert said(shell, "identity", PART + FIND, tmp_path) == f"tmp/{HOME}\n"


def test_a_home_that_nobody_could_look_at_is_not_exchanged_for_another(shell: str, tmp_path: Path) -> None:
    for name in ("run", "tmp"):
        (tmp_path / name / HOME).mkdir(0o700)
    blind = 'find() { case $PWD in */run/*) return 126 ;; esac; command find "$@"; }\n'
    assert said(shell, "identity", PART + blind + FIND, tmp_path) == "none\n"
    assert said(shell, "identity", PART + FIND, tmp_path) == f"run/{HOME}\n"


def test_a_home_that_others_may_enter_is_left_for_the_next_place(shell: str, tmp_path: Path) -> None:
    (tmp_path / "run" / HOME).mkdir(0o755)
    assert said(shell, "identity", PART + FIND, tmp_path) == f"tmp/{HOME}\n"
    (tmp_path / "tmp" / HOME).chmod(0o777)
    assert said(shell, "identity", PART + FIND, tmp_path) == "none\n"


def test_journals_are_kept_for_a_week_and_what_was_written_anew_since_the_look_stays(
    shell: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir(0o700)
    for name in ("7-22.last", "8-22.lock", "9-22.last", TOKEN[::-1]):
        (home / name).touch()
        os.utime(home / name, (time.time() - WEEKS_AGO,) * 2)
    script = f"""
    home=$PWD/home
    find() {{
      command find "$@"
      for name in 7-22.last 8-22.lock {TOKEN}; do echo anew >|$name; done
    }}
    forget_old_journals && echo done
    """
    assert said(shell, "identity journal", script, tmp_path) == "done\n"
    assert {path.name for path in home.iterdir()} == {"7-22.last", "8-22.lock", TOKEN, "listed"}


@pytest.mark.parametrize(("ago", "kept"), [(80_000, True), (90_000, False), (-5, False)])
def test_journals_are_looked_through_once_a_day(shell: str, tmp_path: Path, ago: int, *, kept: bool) -> None:
    """An uptime that is still to come was noted before the host restarted."""
    (tmp_path / TOKEN).touch()
    os.utime(tmp_path / TOKEN, (time.time() - WEEKS_AGO,) * 2)
    (tmp_path / "listed").write_text(f"{1_000_000 - ago}\n")
    script = "home=$PWD; read_uptime() { now=1000000; }; forget_old_journals"
    said(shell, "identity journal", script, tmp_path)
    assert (tmp_path / TOKEN).exists() == kept


def test_a_login_does_not_list_the_journals(shell: str, tmp_path: Path) -> None:
    """There may be tens of thousands, and a signal waits."""
    home = tmp_path / "run" / HOME
    home.mkdir(0o700)
    (home / TOKEN).touch()
    os.utime(home / TOKEN, (time.time() - WEEKS_AGO,) * 2)
    watched = f'find() {{ command find "$@" | tee -a "$seen"; }}\n{FIND}'
    assert said(shell, "identity", f"seen=$PWD/seen; {PART}{watched}", tmp_path) == f"run/{HOME}\n"
    assert (tmp_path / "seen").read_text() == ".\n"
