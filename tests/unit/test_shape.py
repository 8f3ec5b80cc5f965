"""The code keeps its shape: modules and functions stay small, and nothing is written twice."""

import ast
import io
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

APP = Path(__file__).parents[2] / "app"
LONGEST_MODULE, MEDIAN_MODULE, LONGEST_FUNCTION = 250, 100, 40  # lines
RUN = 6  # lines

PARTS = sorted(path.name for path in APP.iterdir() if path.name != "__pycache__")
UNREPEATED = ["profilers", "resolvers", "web"]
LEFT_OUT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


def modules(part: str) -> list[Path]:
    """A module at the root of app/, or all modules of a package."""
    path = APP / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def length(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.parametrize("part", PARTS)
def test_no_module_is_long(part: str) -> None:
    assert [f"{path.relative_to(APP)}: {length(path)}" for path in modules(part) if length(path) > LONGEST_MODULE] == []


@pytest.mark.parametrize("part", PARTS)
def test_no_function_is_long(part: str) -> None:
    functions = (
        (path, node)
        for path in modules(part)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    lengths = {f"{path.relative_to(APP)}: {f.name}": (f.end_lineno or 0) - f.lineno + 1 for path, f in functions}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_most_modules_are_short() -> None:
    assert median(length(path) for path in APP.rglob("*.py") if path.name != "__init__.py") <= MEDIAN_MODULE


@pytest.mark.parametrize("package", UNREPEATED)
def test_no_run_of_six_lines_stands_twice(package: str) -> None:
    """Imports, signatures, docstrings and comments aside; strings and numbers may differ."""
    seen: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path in modules(package):
        lines = list(normalised(path.read_text()))
        for at in range(len(lines) - RUN + 1):
            run = tuple(text for _, text in lines[at : at + RUN])
            seen[run].append(f"{path.relative_to(APP)}:{lines[at][0]}")
    assert [places for places in seen.values() if len(places) > 1] == []


def normalised(source: str) -> Iterator[tuple[int, str]]:
    """The lines that count, with their numbers: each as its tokens, a string as "" and a number as 0."""
    ignored = set(ignored_lines(ast.parse(source)))
    tokens: dict[int, list[str]] = defaultdict(list)
    named = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LEFT_OUT and token.start[0] not in ignored:
            tokens[token.start[0]].append({tokenize.STRING: '""', tokenize.NUMBER: "0"}.get(token.type, token.string))
        if token.type == tokenize.NAME:
            named.add(token.start[0])
    for number in sorted(named & set(tokens)):  # a line without a name is data or a bracket
        yield number, " ".join(tokens[number])


def ignored_lines(tree: ast.Module) -> Iterator[int]:
    """The lines of imports, signatures and docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from range(node.lineno, (node.end_lineno or 0) + 1)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from range(node.lineno, node.body[0].lineno)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from range(node.lineno, (node.end_lineno or 0) + 1)


def test_a_run_that_is_written_twice_is_found() -> None:
    body = "\n".join(f"    x{n} = call(x, 'a', {n})" for n in range(RUN))
    other = body.replace("'a'", '"b"').replace(", 1)", ",  7)  # of another kind")
    one = [text for _, text in normalised(f"def one(x):\n    '''Doc.'''\n{body}\n")]
    two = [text for _, text in normalised(f"import os\n\ndef two(x, y,\n    z):\n{other}\n")]
    assert len(one) == RUN and one == two
    assert one != [text for _, text in normalised(f"def one(x):\n{body.replace('call', 'ask')}\n")]
