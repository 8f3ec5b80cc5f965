"""README's first ten minutes are so: its commands, its paths, its configuration. And docs/commands.md has them all."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli.program import app
from app.config.settings import parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
WALK = README.partition("## Against your own Alertmanager")[2].partition("\n## ")[0]
EXAMPLE = (ROOT / "deploy" / "alertprof.example.yml").read_text()
PAGE = (ROOT / "docs" / "commands.md").read_text()
GROUP: Any = typer.main.get_command(app)
UNIT = (ROOT / "deploy" / "systemd" / "alertprof.service").read_text()
CONFIG = Path("/etc/alertprof/alertprof.yml")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", WALK, re.MULTILINE | re.DOTALL)
    return [re.sub(r"^ {3}", "", block, flags=re.MULTILINE) for block in found]


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]
OURS = [line for line in COMMANDS if line.startswith("alertprof ")]


def test_it_shows_the_way_from_a_configuration_to_a_real_alert() -> None:
    assert [line.split()[1] for line in OURS] == ["check-config", "doctor", "serve", "capture", "captures"]
    assert WALK.index("pip install") < WALK.index("ssh-keygen -t") < WALK.index("ssh-keyscan")
    assert WALK.index("alertprof capture HOST") < WALK.index("amtool alert add")


@pytest.mark.parametrize("line", OURS)
def test_every_command_of_ours_is_one_that_there_is(line: str) -> None:
    name, *words = shlex.split(line)[1:]
    GROUP.commands[name].make_context(name, words)


def test_its_configuration_is_good_and_names_the_files_that_its_commands_make() -> None:
    (text,) = blocks("yaml")
    ssh = parse(text, CONFIG).hosts.ssh
    for file in (*ssh.identity_files, *ssh.known_hosts_files):
        assert any(line.endswith((f"-f {file}", f">> {file}")) for line in COMMANDS), file
    assert all(str(CONFIG) in line for line in OURS if "--config.file" in line or "check-config" in line)


def test_its_paths_are_those_of_deploy() -> None:
    named = {path.removesuffix(".pub").rstrip(".") for path in re.findall(r"/(?:etc|var/lib)/alertprof/[\w./]+", WALK)}
    assert named
    assert sorted(path for path in named if path not in EXAMPLE + UNIT) == []
    assert "/opt/alertprof/bin/pip" in WALK and "/opt/alertprof/bin/alertprof" in UNIT


@pytest.mark.parametrize("name", sorted(GROUP.commands))
def test_every_option_of_every_command_is_on_its_page(name: str) -> None:
    said = re.search(rf"^\| `{name}` \| .* \| (.*?) *\|$", PAGE, re.MULTILINE)
    assert said, f"{name} is not in the table"
    there = {max(option.opts, key=len) for option in GROUP.commands[name].params if option.opts[0].startswith("-")}
    assert set(re.findall(r"`(-[^`]+)`", said[1])) == there - {"--help"}


def test_every_file_that_it_links_to_exists() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
