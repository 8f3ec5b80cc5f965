"""Every fenced block of README and docs/ is good: configuration by the parser that will read it, commands by the shell
and by the command line's own parser. What wants a service or a host is run by tests/integration/test_doc_commands.py.
"""

import json
import re
import shutil
import subprocess
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from app.cli.program import app
from app.config import web
from app.config.file import Rule, Whole
from app.config.settings import parse
from tests.lab.pages import ROOT, Block, blocks, commands_in, simple_commands
from tests.unit.web.certificates import Authority

GROUP: Any = typer.main.get_command(app)
MAKEFILE = (ROOT / "Makefile").read_text()
OTHERS = {  # programs of the machine, or of .venv; what is given to them is not looked at here
    *(
        "amtool",
        "curl",
        "docker",
        "echo",
        "go",
        "helm",
        "jq",
        "kubectl",
        "ln",
        "mkdir",
        "openssl",
        "pipx",
        "printf",
        "python3",
        "sh",
        "ssh-copy-id",
        "ssh-keygen",
        "ssh-keyscan",
        "tail",
        "uv",
    ),
    *("build/bin/pip", "build/bin/python", "/opt/alertprof/bin/pip", ".venv/bin/lint-imports", ".venv/bin/ruff"),
}
PASSWORD = "$2b$04$L5IDZYDkR7QyHpUokb2zdu3XadFjr5m4SMSSkkHNYR2cUmd9NR/BG"  # of "one"
PICTURES = "docs/architecture.md"  # tests/unit/test_architecture.py looks at these
WALK = "docs/contributing.md"  # tests/unit/test_contributing.py makes these files and runs what is said of them


def check(block: Block, folder: Path) -> None:
    """Raises what the parser raises, or AssertionError, where this block would mislead its reader."""
    assert block.language in LANGUAGES, f"{block}: nothing checks {block.language or 'a block without a language'}"
    LANGUAGES[block.language](block, folder)


def javascript(block: Block, folder: Path) -> None:
    if not (node := shutil.which("node")):
        pytest.skip("JavaScript of the documents is NOT tested: there is no node here (Debian's nodejs)")
    (folder / "block.js").write_text(block.text)
    done = subprocess.run([node, "--check", folder / "block.js"], text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{block}: {done.stderr}"


def shell(block: Block, _folder: Path) -> None:
    commands = commands_in(block)
    assert commands, f"{block}: no command"
    done = subprocess.run(["sh", "-n"], input="\n".join(commands), text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{block}: {done.stderr}"
    for line in commands:
        for words in simple_commands(line):
            command(words)


def command(words: list[str]) -> None:
    name, *rest = words
    match [name, *rest]:
        case ["alertprof" | ".venv/bin/alertprof", *given]:
            ours(given)
        case [".venv/bin/python", "-m", "app", *given]:
            ours(given)
        case [".venv/bin/python", "-m", "pytest", *given]:
            paths = [Path(word) for word in given if word.startswith("tests/")]
            made = "tests/unit/resolvers/test_folder.py"  # by the walk-through, before
            assert all((ROOT / path).exists() or str(path) == made for path in paths), words
        case ["make", *given]:
            make(given)
        case _:
            assert name in OTHERS, f"nothing checks the command {name}"


def ours(words: list[str]) -> None:
    """Raises click's UsageError for a command or an option that there is not."""
    name, *rest = words
    assert name in GROUP.commands, f"there is no command {name!r}"
    GROUP.commands[name].make_context(name, rest)


def make(words: list[str]) -> None:
    targets = [word for word in words if "=" not in word]
    variables = [word.partition("=")[0] for word in words if "=" in word]
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in targets), words
    assert all(re.search(rf"\$\({name}\)|\bor \$\({name}\)|if \$\({name}\)", MAKEFILE) for name in variables), words


def configuration(block: Block, folder: Path) -> None:
    keys = set(yaml.safe_load(block.text))
    if block.place.startswith(WALK):
        return
    for names, read in READERS:
        if keys <= names:
            read(block.text, folder)
            return
    raise AssertionError(f"{block}: no program reads a file with the keys {sorted(keys)}")


def whole(text: str, folder: Path) -> None:
    parse(text, folder / "alertprof.yml")


def part_of_a_rule(text: str, folder: Path) -> None:
    whole("rules:\n  - name: a rule\n" + textwrap.indent(text, "    "), folder)


def web_configuration(text: str, folder: Path) -> None:
    authority = Authority(folder, "ca")
    authority.issue("server")
    for name in ("server.key", "server.pem", "ca.pem"):
        assert (folder / name).exists()
    file = folder / "web.yml"
    file.write_text(re.sub(r"\$2y\$10\$…", PASSWORD, text))
    web.load(file)


def alertmanagers(text: str, folder: Path) -> None:
    if not (amtool := shutil.which("amtool")):
        pytest.skip("the documents' configurations of Alertmanager are NOT tested: there is no amtool here")
    (file := folder / "alertmanager.yml").write_text(text)
    done = subprocess.run([amtool, "check-config", file], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def alert_rules(text: str, folder: Path) -> None:
    promtool("rules", text, folder)


def relabelling(text: str, folder: Path) -> None:
    job = "scrape_configs:\n  - job_name: a job\n    static_configs: [{targets: ['a:1']}]\n"
    promtool("config", job + textwrap.indent(text, "    "), folder)
    part_of_a_rule(text, folder)


def scrapes(text: str, folder: Path) -> None:
    promtool("config", text.replace("credentials_file", "credentials"), folder)  # it looks for the file


def promtool(what: str, text: str, folder: Path) -> None:
    """Prometheus' own verdict, where it is installed (tests/lab/prepare.sh does it)."""
    file = folder / f"{what}.yml"
    file.write_text(text)
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", what, str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


READERS: tuple[tuple[set[str], Callable[[str, Path], None]], ...] = (
    (set(Whole.model_fields), whole),
    ({"relabel_configs"}, relabelling),
    (set(Rule.model_fields), part_of_a_rule),
    (set(web.Whole.model_fields), web_configuration),
    ({"groups"}, alert_rules),
    ({"scrape_configs"}, scrapes),
    ({"route", "receivers"}, alertmanagers),
)


def only_on(page: str) -> Callable[[Block, Path], None]:
    def check(block: Block, _folder: Path) -> None:
        assert block.place.startswith(page), f"{block}: only {page} has such blocks, since a test of its own reads them"

    return check


LANGUAGES: Mapping[str, Callable[[Block, Path], None]] = {
    "sh": shell,
    "console": shell,
    "yaml": configuration,
    "js": javascript,
    "json": lambda block, folder: json.loads(block.text),
    "python": only_on(WALK),
    "markdown": only_on(WALK),
    "text": only_on(PICTURES),
}


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_every_block_of_the_documents_is_good(block: Block, tmp_path: Path) -> None:
    check(block, tmp_path)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("", "alertprof captures"),
        ("toml", "a = 1"),
        ("text", "a picture elsewhere"),
        ("sh", "# nothing but a comment"),
        ("sh", "alertprof captures | 'sh"),
        ("sh", "alertprof capture HOST --no-such-option"),
        ("sh", "alertprof no-such-command"),
        ("sh", "alertprof gate | alertprof nothing"),
        ("sh", "make nothing"),
        ("sh", "make demo NOTHING=1"),
        ("sh", ".venv/bin/python -m pytest tests/unit/test_nothing.py"),
        ("sh", "rm -rf /tmp/x"),
        ("console", "the output, without a command"),
        ("yaml", "rules: [{name: a, no_such_key: 1}]"),
        ("yaml", "profiler: {kind: nothing}"),
        ("yaml", "no_such_key: 1"),
        ("yaml", "tls_server_config: {cert_file: elsewhere.pem}"),
        ("json", "{'a': 1}"),
    ],
)
def test_a_block_that_would_mislead_its_reader_is_a_fault(language: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(Exception):  # noqa: B017 - each parser has a fault of its own
        check(Block("docs/made-up.md:1", language, text), tmp_path)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed: tests/lab/prepare.sh does it")
def test_an_expression_that_prometheus_cannot_read_is_a_fault(tmp_path: Path) -> None:
    text = "groups: [{name: a, rules: [{alert: A, expr: 'sum by ('}]}]"
    with pytest.raises(AssertionError, match="parse error"):
        check(Block("docs/made-up.md:1", "yaml", text), tmp_path)
