"""Where the files of a signal are looked for is what the rule says, and nothing else of it reaches the shell."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.model import Kind
from app.plugins import from_plain, to_plain
from app.profilers.base import Profiler
from app.profilers.globs import shell_glob
from app.profilers.signal import NUMBERS, Signal
from tests.lab.shell import SHELLS

PRINTABLE = st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="/*?{}"), min_size=1, max_size=20)


def found(glob: str, cwd: Path, shell: str = "dash") -> list[str]:
    """What the shell finds below `cwd`/root, with TMPDIR=/t, the directory /d and the pid 7."""
    run = f"set -uf\ntmp=/t dir=/d ns=7\nset +f\nprintf '%s\\0' {shell_glob(glob)}\n"
    done = subprocess.run([*SHELLS[shell], "-s"], input=run.encode(), cwd=cwd, capture_output=True, check=True)
    return [name.decode() for name in done.stdout.split(b"\0")[:-1]]


@settings(max_examples=60, deadline=None)
@given(name=PRINTABLE.filter(lambda name: name not in (".", "..")))
def test_a_name_without_wildcards_is_that_name(name: str) -> None:
    Signal("SIGUSR1", (name,))
    for shell in SHELLS:
        assert found(name, Path("/"), shell) == [f"root/d/{name}"]


@pytest.mark.parametrize("shell", sorted(SHELLS))
def test_wildcards_and_placeholders_find_what_they_say(tmp_path: Path, shell: str) -> None:
    for name in ("t/heap 7-1.prof", "t/heap 8-1.prof", "d/$(x)7.out", "d/$(x)77.out", "var/a.b"):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).touch()
    assert found("{tmp}/heap {pid}-*.prof", tmp_path, shell) == ["root/t/heap 7-1.prof"]
    assert found("$(x){pid}.out", tmp_path, shell) == ["root/d/$(x)7.out"]
    assert found("$(x)?{pid}.out", tmp_path, shell) == ["root/d/$(x)77.out"]
    assert found("/var/*.b", tmp_path, shell) == ["root/var/a.b"]
    assert found("{pid}[ab].out", tmp_path, shell) == ["root/d/7[ab].out"], "no other wildcards"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start_signal": "SIGKILL", "files": ("a",)}, "SIGKILL' is none that is sent"),
        ({"start_signal": "SIGTERM", "files": ("a",)}, "there are SIGHUP, SIGQUIT"),
        ({"start_signal": "SIGUSR1", "files": ("a",), "stop_signal": "9"}, "none that is sent"),
        ({"start_signal": "SIGUSR1", "files": ()}, "1 to 10"),
        ({"start_signal": "SIGUSR1", "files": ("a",) * 11}, "1 to 10"),
        ({"start_signal": "SIGUSR1", "files": ("{cwd}/a",)}, "{cwd} is no placeholder"),
        ({"start_signal": "SIGUSR1", "files": ("a/{tmp}/b",)}, "no path of files"),
        ({"start_signal": "SIGUSR1", "files": ("a\nb",)}, "no path of files"),
        ({"start_signal": "SIGUSR1", "files": ("",)}, "no path of files"),
        ({"start_signal": "SIGUSR1", "files": ("{tmp}/*",)}, "any file"),
        ({"start_signal": "SIGQUIT", "files": ("{stdout}", "a")}, "{stdout} stands alone"),
        ({"start_signal": "SIGQUIT", "files": ("{stdout}",), "stop_signal": "SIGQUIT"}, "without a stop_signal"),
        ({"start_signal": "SIGUSR1", "files": ("a",), "go_function": "a b"}, "full name of a function"),
        ({"start_signal": "SIGUSR1", "files": ("a",), "format": "folded", "artifact": "log"}, "pprof profile"),
        ({"start_signal": "SIGUSR1", "files": ("a",), "format": "folded", "rate": 0}, "signal: rate: samples a second"),
    ],
)
def test_what_is_no_signal_and_no_place_is_told(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Signal(**options)


def test_numbers_are_those_of_this_machine() -> None:
    import signal

    assert {name: signal.Signals[name].value for name in NUMBERS} == NUMBERS


def test_the_row_of_a_capture_holds_the_options_and_gives_them_back() -> None:
    one = Signal("SIGTRAP", ("{tmp}/a*", "b"), "SIGTRAP", "x", "main.(*p).run", "duration", "pprof", "heap")
    assert from_plain("app.profilers", Profiler, to_plain(one)) == one
    assert "'main.(*p).run'" in one.recipe.body


def test_the_kinds_of_a_whole_capture_follow_from_the_format() -> None:
    one = Signal("SIGUSR1", ("a*",))
    assert one.missing(frozenset()) == (Kind.OTHER,)
    assert replace(one, format="pprof").missing(frozenset()) == (Kind.CPU,)
    assert replace(one, format="folded").missing(frozenset({Kind.OTHER})) == (Kind.CPU,)
    assert replace(one, artifact="heap").missing(frozenset()) == (Kind.HEAP,)
