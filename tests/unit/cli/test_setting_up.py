"""Commands that come before the first capture: migrate, completion; and what a terminal is shown while it waits."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from app.cli.init import written
from app.cli.progress import Progress
from tests.unit.cli.conftest import Run
from tests.unit.web.web_app import WebApp


def test_migrate_says_what_it_did_and_then_that_there_is_nothing_to_do(run: Run, tmp_path: Path) -> None:
    first, again = (run("migrate", f"--storage.path={tmp_path}") for _ in range(2))
    lines = first.out.splitlines()
    assert lines[0] == "applied 0001_captures"
    assert lines[-1] == f"sqlite:///{tmp_path}/alertprof.db is up to date: {lines[-2].removeprefix('applied ')}"
    assert again == (0, lines[-1] + "\n", "")


def test_migrate_leaves_a_database_alone_that_is_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "alertprof.db").write_text("not a database, but a text of some length" * 100)
    refused = run("migrate", f"--storage.path={tmp_path}")
    assert (refused.code, refused.out) == (1, "")
    assert "restore a backup" in refused.err


def test_init_leaves_nothing_behind_where_it_cannot_write_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "known_hosts").write_text("mine")  # made by somebody else meanwhile
    with pytest.raises(SystemExit):
        written(tmp_path, "root", 22, [])
    assert "known_hosts cannot be written: File exists; nothing was left there" in capsys.readouterr().err
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("known_hosts", "mine")]


def test_what_init_writes_means_the_same_in_yaml_whatever_the_names_are(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "it's # a: folder? %41"
    written(folder, "null", 2222, [])
    said = yaml.safe_load((folder / "alertprof.yml").read_text())
    assert (said["ssh"]["user"], said["storage"]["artifacts"]) == ("null", f"{folder}/artifacts")
    assert run("migrate", f"--config.file={folder / 'alertprof.yml'}").code == 0
    assert (folder / "alertprof.db").exists()
    assert run("migrate", f"--storage.path={tmp_path / 'other? %41'}").code == 0
    assert (tmp_path / "other? %41" / "alertprof.db").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_of_its_own(run: Run, shell: str) -> None:
    script = run("completion", shell)
    assert script.code == 0
    assert f"complete_{shell}" in script.out


def test_bash_completes_commands_and_options_with_the_script() -> None:
    asked = (
        'PATH="$1:$PATH"; eval "$(alertprof completion bash)"; _complete() { COMP_WORDS=("$@"); '
        'COMP_CWORD=$(($# - 1)); _alertprof_completion alertprof; echo "${COMPREPLY[@]}"; }; '
        "_complete alertprof capt; _complete alertprof captures --wat"
    )
    words = ["bash", "-c", asked, "bash", str(Path(sys.executable).parent)]
    env = {name: text for name, text in os.environ.items() if not name.startswith("ALERTPROF")}
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=100, env=env)
    assert done.stdout.splitlines() == ["capture captures", "--watch"]


def test_the_bar_is_for_terminals_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    recording = {"state": "recording", "started_at": "2026-11-23T22:40:00Z", "profiler": "http-pprof"}
    Progress(30).show(recording)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bar = Progress(30)
    bar.show(recording)
    bar.clear()
    said = capsys.readouterr()
    assert said.out == ""
    assert f"[{'#' * 30}]" in said.err
    assert said.err.endswith("\x1b[K")


@pytest.mark.usefixtures("service")
def test_watch_prints_a_capture_once_and_again_when_its_state_changes(
    run: Run, web: WebApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, looks = web.keep_failed(), list[str]()

    def wait(_: float) -> None:
        looks.append("")
        if len(looks) == 2:
            looks.append(web.keep_completed().id)
        if len(looks) > 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("app.cli.following.time.sleep", wait)
    lines = run("captures", "--watch").out.splitlines()
    assert [line.split()[-1] for line in lines] == [first.id, looks[2]]
    assert "failed (process_not_found)" in lines[0]
    assert "completed" in lines[1]


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_no_color_is_obeyed(no_color: str, coloured: bool) -> None:
    words = [sys.executable, "-m", "app", "captures", "--nonsense"]
    env = {**os.environ, "FORCE_COLOR": "1", "NO_COLOR": no_color}
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=100, env=env)
    assert bool(re.search(r"\x1b\[(\d+;)*3\dm", done.stderr)) is coloured
