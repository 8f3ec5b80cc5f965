"""Reads untrusted files in a process of its own: a hostile profile can exhaust or crash only that process.

The pipeline, the API and the pages call this module; the service never calls another module of this package on a file.
child.py is the other side. Every function raises Retryable when no process can be started.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.analysis.child import Json, Limits
from app.analysis.convert import Format
from app.analysis.facts import Facts, of_json
from app.analysis.goroutines import Group
from app.analysis.peek import Call, Peek, Peeked
from app.analysis.profile import Mapped
from app.analysis.reading_process import LIMITS, Ask, ask_once, one_answer
from app.analysis.stacks import UNTOLD, Options
from app.analysis.top import Row, Top
from app.analysis.tree import Node, Tree
from app.analysis.unnamed import Named, Unnamed
from app.errors import Code, Retryable
from app.model import Kind

STACKS = 50  # groups of goroutines with a stack


def top_of(
    path: Path, n: int = 30, sample_type: str | None = None, *, limits: Limits = LIMITS, ask: Ask = ask_once
) -> Top:
    """The n functions of a file with the largest flat values; see top.top. Raises BadProfile for any fault of the
    file."""
    request = {"do": "top", "paths": [str(path.absolute())], "n": n, "type": sample_type}
    return _top(one_answer(request, limits, ask)["top"])


def tree_of(path: Path, sample_type: str | None = None, *, limits: Limits = LIMITS, ask: Ask = ask_once) -> Tree:
    """The call tree of a file; see tree.tree. Raises BadProfile for any fault of the file."""
    return _tree(one_answer({"do": "tree", "paths": [str(path.absolute())], "type": sample_type}, limits, ask)["tree"])


def peek_of(
    path: Path, function: str, n: int = 10, sample_type: str | None = None, *, limits: Limits = LIMITS,
    ask: Ask = ask_once,
) -> Peek:  # fmt: skip
    """The callers and callees of functions; see peek.peek. Raises BadProfile for any fault of the file."""
    request = {"do": "peek", "paths": [str(path.absolute())], "function": function, "n": n, "type": sample_type}
    return _peek(one_answer(request, limits, ask)["peek"])


def mapped_of(paths: Sequence[Path], *, limits: Limits = LIMITS) -> dict[Path, tuple[Mapped, ...]]:
    """For each file, where the code lay in the memory of the profiled process. Files that cannot be read are left out.

    One child reads all files; another one goes on behind a file that ends it.
    """
    answered = _ask_all({"do": "mapped"}, paths, limits)
    return {path: tuple(Mapped(*each) for each in answer["mapped"]) for path, answer in answered.items()}


def facts_of(
    paths: Sequence[Path], module: str = "", *, limits: Limits = LIMITS, ask: Ask = ask_once
) -> dict[Path, Facts]:
    """For each file, the facts that findings are made of; see facts.facts. Files that cannot be read are left out."""
    answered = _ask_all({"do": "facts", "module": module, "stacks": 0}, paths, limits, ask)
    return {path: of_json(answer) for path, answer in answered.items()}


def goroutines_of(path: Path, module: str = "", *, limits: Limits = LIMITS, ask: Ask = ask_once) -> tuple[Group, ...]:
    """The groups of goroutines in a dump or a goroutine profile, those at own functions first, and the
    first STACKS with a stack; none in other files. module: see Owners. Raises BadProfile for any fault of the file."""
    request = {"do": "facts", "paths": [str(path.absolute())], "module": module, "stacks": STACKS}
    found = of_json(one_answer(request, limits, ask))
    return found if isinstance(found, tuple) else ()


def _ask_all(request: Json, paths: Sequence[Path], limits: Limits, ask: Ask = ask_once) -> dict[Path, Json]:
    found: dict[Path, Json] = {}
    waiting = list(paths)
    while waiting:
        answers, _ = ask(request | {"paths": [str(path.absolute()) for path in waiting]}, limits)
        found |= {path: answer for path, answer in zip(waiting, answers, strict=False) if not answer.get("bad")}
        waiting = waiting[len(answers) + 1 :]
    return found


def convert_file(
    format: Format | str,
    path: Path,
    out: Path,
    options: Options = UNTOLD,
    *,
    limits: Limits = LIMITS,
) -> tuple[Kind, int, str]:
    """Writes `out`, a pprof file, from the file in `path`; see convert.convert. Returns the kind, the nanoseconds and
    the note of Converted.

    Raises BadProfile for any fault of that file; Retryable when `out` cannot be written. Then `out` does not exist.
    """
    request = {
        "do": "convert", "paths": [str(path.absolute())], "format": Format(format).value, "out": str(out.absolute()),
        "options": asdict(options),
    }  # fmt: skip
    answer = _write(request, out, limits)
    return Kind(answer["kind"]), int(answer["nanoseconds"]), str(answer["note"])


def merge_files(paths: Sequence[Path], out: Path, *, limits: Limits = LIMITS) -> None:
    """Writes `out`, the profiles in one; see merge.merged. Raises as convert_file."""
    first, *more = (str(path.absolute()) for path in paths)
    _write({"do": "merge", "paths": [first], "more": more, "out": str(out.absolute())}, out, limits)


def unnamed_of(path: Path, *, limits: Limits = LIMITS) -> tuple[Unnamed, ...]:
    """The addresses in a profile that have no names; see symbolize.unnamed. Raises BadProfile."""
    answer = one_answer({"do": "unnamed", "paths": [str(path.absolute())]}, limits)
    return tuple(Unnamed(file, base, tuple(addresses)) for file, base, addresses in answer["unnamed"])


def symbolize_file(path: Path, out: Path, names: Mapping[int, Sequence[Named]], *, limits: Limits = LIMITS) -> None:
    """Writes `out`, the profile with these names by address; see symbolize.symbolized. Raises as convert_file."""
    _write(
        {"do": "symbolize", "paths": [str(path.absolute())], "names": dict(names), "out": str(out.absolute())},
        out,
        limits,
    )


def _write(request: Json, out: Path, limits: Limits) -> Json:
    try:
        answer = one_answer(request, limits)
        if answer["unwritten"]:
            raise Retryable(
                Code.COLLECT_FAILED, f"the profile cannot be written in pprof's form: {answer['unwritten']}"
            )
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return answer


def check_file(kind: Kind, path: Path, *, limits: Limits = LIMITS) -> str | None:
    """None for a valid file of its kind, otherwise a sentence why it is not; see verdict.check."""
    return check_files([(kind, path)], limits=limits)[path]


def check_files(
    files: Iterable[tuple[Kind, Path]], *, limits: Limits = LIMITS, ask: Ask = ask_once
) -> dict[Path, str | None]:
    """check_file for several files: one child reads them all, and another one goes on behind a file that ends it."""
    verdicts: dict[Path, str | None] = {}
    waiting = list(files)
    while waiting:
        answers, end = ask(_check_request(waiting), limits)
        for (_, path), answer in zip(waiting, answers, strict=False):
            verdicts[path] = answer["bad"]
        if len(answers) < len(waiting):
            verdicts[waiting[len(answers)][1]] = end
        waiting = waiting[len(answers) + 1 :]
    return verdicts


def _check_request(files: Sequence[tuple[Kind, Path]]) -> Json:
    return {"do": "check", "kinds": [kind.value for kind, _ in files], "paths": [str(p.absolute()) for _, p in files]}


def _top(plain: Json) -> Top:
    rows = tuple(Row(*row) for row in plain["rows"])
    return Top(**{**plain, "rows": rows, "sample_types": tuple(plain["sample_types"])})


def _peek(plain: Json) -> Peek:
    functions = tuple(
        each._replace(callers=_calls(each.callers), callees=_calls(each.callees))
        for each in (Peeked(*one) for one in plain["functions"])
    )
    return Peek(**{**plain, "functions": functions, "sample_types": tuple(plain["sample_types"])})


def _calls(plain: Sequence[Sequence[Any]]) -> tuple[Call, ...]:
    return tuple(Call(*call) for call in plain)


def _tree(plain: Json) -> Tree:
    nodes = tuple(Node(*node) for node in plain["nodes"])
    return Tree(**{**plain, "nodes": nodes, "sample_types": tuple(plain["sample_types"])})
