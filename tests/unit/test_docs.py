"""What the documents name exists: tests, files, headings, kinds of plug-ins."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli.program import app
from app.errors import Code
from app.findings.purposes import PURPOSES
from app.notifiers.base import Notifier
from app.plugins import kinds
from app.profilers.base import ProfilerSpec
from app.resolvers.base import Resolver
from app.web.api.schemas.notification import NotificationOut
from tests.lab.pages import PAGES, ROOT, anchors_of, prose_of, section, text_of
from tests.unit.web.web_app import WebApp

TESTS = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^ *(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
}
NAMING_TESTS = ["docs/alerts.md", "docs/architecture.md", "docs/reliability.md", "docs/security.md", "docs/ssh.md"]
FOLDERS = ("app/", "tests/", "docs/", "deploy/", "findings/")
IN_THE_WALK = {"app/resolvers/folder.py", "tests/unit/resolvers/test_folder.py"}  # the reader makes these


def named_tests(page: str) -> set[str]:
    return set(re.findall(r"\btest_\w+\b(?!\.py|\*|/)", prose_of(page)))


def links_of(page: str) -> list[tuple[str, str]]:
    """(file, anchor) of every link that does not leave the repository; the file is empty for the page itself."""
    targets = re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose_of(page))
    return [(file, anchor) for file, _, anchor in (target.partition("#") for target in targets)]


def page_at(page: str, file: str) -> Path:
    return (PAGES[page].parent / file).resolve() if file else PAGES[page]


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    assert sorted(named_tests(page) - TESTS) == []


@pytest.mark.parametrize("page", NAMING_TESTS)
def test_pages_that_promise_something_name_the_tests_that_show_it(page: str) -> None:
    assert named_tests(page)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_links_to_exists(page: str) -> None:
    assert [file for file, _ in links_of(page) if not page_at(page, file).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_heading_that_a_page_links_to_exists(page: str) -> None:
    names = {file.resolve(): name for name, file in PAGES.items()}
    missing = [
        f"{file}#{anchor}"
        for file, anchor in links_of(page)
        if anchor and anchor not in anchors_of(names[page_at(page, file).resolve()])
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_path_of_the_repository_that_a_page_names_exists(page: str) -> None:
    named = {path for path in re.findall(r"`([\w./-]+)`", prose_of(page)) if path.startswith(FOLDERS)}
    assert sorted(path for path in named - IN_THE_WALK if not (ROOT / path).exists()) == []


def test_a_page_that_is_in_no_table_of_contents_is_not_forgotten() -> None:
    linked = {file for file, _ in links_of("README.md")}
    assert sorted(page for page in PAGES if page != "README.md" and page not in linked) == []


def test_every_kind_of_resolver_is_in_the_table_of_the_rules() -> None:
    table = section(text_of("docs/rules.md"), "## resolvers")
    rows = {kind for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for kind in re.findall(r"`(\S+)`", row)}
    assert rows == set(kinds("app.resolvers", Resolver))


def test_every_kind_of_profiler_is_in_the_table_of_the_profilers() -> None:
    rows = set(
        re.findall(r"^\| `([\w-]+)` \|.*\|.*\|$", text_of("docs/profilers.md").partition("\n## ")[0], re.MULTILINE)
    )
    assert rows == set(kinds("app.profilers", ProfilerSpec))


def test_every_kind_of_notifier_is_in_the_table_of_notifying() -> None:
    table = section(text_of("docs/notifying.md"), "## Kinds")
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == set(kinds("app.notifiers", Notifier))


def test_the_schema_of_a_notification_is_that_of_what_is_sent() -> None:
    there = json.loads((ROOT / "docs" / "notification.schema.json").read_text(encoding="utf-8"))
    assert there == NotificationOut.model_json_schema()


def test_every_reason_code_is_documented_with_its_remedy_and_no_other_is() -> None:
    rows = re.findall(r"^\| `(\w+)` \|[^|]+\|[^|]+\|$", text_of("docs/reasons.md"), re.MULTILINE)
    assert sorted(rows) == sorted(Code)


def strings_named(tree: ast.AST) -> dict[str, list[str]]:
    """The strings that each name of a module is set to."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not isinstance(first := node.targets[0], ast.Name | ast.Tuple):
            continue
        several = isinstance(first, ast.Tuple) and isinstance(node.value, ast.Tuple)
        pairs = zip(first.elts, node.value.elts, strict=True) if several else [(first, node.value)]  # type: ignore[union-attr,attr-defined]
        for name, value in pairs:
            said = [each.value for each in ast.walk(value) if isinstance(each, ast.Constant)]
            found.setdefault(ast.unparse(name), []).extend(each for each in said if isinstance(each, str))
    return found


def codes_of_findings() -> Iterator[str]:
    """What is given as `code`, by name or by its place, to a Finding and to the functions that make one."""
    for file in (ROOT / "app").rglob("*.py"):
        if "Finding" not in (text := file.read_text(encoding="utf-8")):
            continue
        tree = ast.parse(text)
        strings = strings_named(tree)
        places = {
            node.name: names.index("code")
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and "code" in (names := [each.arg for each in node.args.args])
        }
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            place = places.get(ast.unparse(call.func), len(call.args))
            for value in (*call.args[place : place + 1], *(word.value for word in call.keywords if word.arg == "code")):
                given = [str(value.value)] if isinstance(value, ast.Constant) else strings.get(ast.unparse(value), [])
                yield from given


def test_every_code_of_a_finding_is_documented_and_no_other_is() -> None:
    findings = text_of("docs/findings.md")
    described = re.findall(r"^### `(\w+)`$", section(findings, "## Codes"), re.MULTILINE)
    for text, heading in ((findings, "### About the capture itself"), (text_of("docs/evidence.md"), "## What it says")):
        described += re.findall(r"^\| `(\w+)` \|", section(text, heading), re.MULTILINE)
    made = {code for code in codes_of_findings() if re.fullmatch("[a-z]+(_[a-z]+)*", code)}
    assert set(described) == made | set(PURPOSES)


PLACEHOLDER = re.compile(r"\{[^}]*\}")


def test_every_route_is_documented_with_its_parameters_and_no_other_is(tmp_path: Path) -> None:
    web = WebApp(tmp_path)
    paths = web.client.get("/openapi.json").json()["paths"]
    web.ledger.close()
    there = {
        f"{method.upper()} {path}": [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "app" / "web" / "pages").glob("*.py"))
    pages = re.findall(r'@router\.(get|post)\(\s*"(/(?!static)[^"]*)"', sources)
    there = {**{f"{method.upper()} {path}": [] for method, path in pages}, **there}
    documented: dict[str, list[str]] = {}
    for first, rest in re.findall(r"^\| (`(?:GET|POST|DELETE) .+?) \|(.*)$", text_of("docs/api.md"), re.MULTILINE):
        query = re.findall(r"`(\w+)`", rest.rstrip("|").rpartition("|")[2]) if rest.count("|") == 2 else []
        documented |= dict.fromkeys(re.findall(r"`([^`]+)`", first), query)
    assert {PLACEHOLDER.sub("{}", route): names for route, names in documented.items()} == {
        PLACEHOLDER.sub("{}", route): names for route, names in there.items()
    }


def test_every_command_is_documented_with_its_options_and_no_other_is() -> None:
    group: Any = typer.main.get_command(app)
    rows = re.findall(r"^\| `([a-z][a-z-]*)` \|.*\|([^|]*)\|$", text_of("docs/commands.md"), re.MULTILINE)
    documented = {name: set(re.findall(r"`(--?[\w.-]+)`", options)) for name, options in rows}
    there = {name: [o.opts for o in command.params if o.opts[0][0] == "-"] for name, command in group.commands.items()}
    assert set(documented) == set(there)
    for name, options in there.items():
        assert [opts for opts in options if len(documented[name] & set(opts)) != 1] == [], name
        assert documented[name] <= {each for opts in options for each in opts}, name
