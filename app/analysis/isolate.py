"""Reads untrusted files in a process of its own: a hostile profile can exhaust or crash only that process.

The pipeline, the API and the pages call this module; the service never calls another module of this package on a file.
child.py is the other side. Every function raises Retryable when no process can be started.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from app.analysis.child import MOST_ANSWERED, Json, Limits
from app.analysis.convert import Format
from app.analysis.facts import Facts, of_json
from app.analysis.profile import BadProfile, Mapped
from app.analysis.stacks import UNTOLD, Options
from app.analysis.top import Row, Top
from app.analysis.tree import Node, Tree
from app.errors import Code, Retryable
from app.model import Kind

ROOT: Final = Path(__file__).parents[2]  # where `app` is found
KEPT_ENVIRONMENT: Final = ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")  # the child gets no secret

LIMITS: Final = Limits()

Ask = Callable[
    [Json, Limits], tuple[list[Json], str]
]  # answers in the order of the paths; if too few, the sentence why


def ask_once(request: Json, limits: Limits) -> tuple[list[Json], str]:
    """The answers of a process that is started for this request and ends with it; see Ask."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            ended = subprocess.run(
                command(), input=asking(request, limits), stdout=out, stderr=err, cwd=ROOT, env=environment(),
                timeout=limits.wall_seconds * len(request["paths"]), check=False,
            )  # fmt: skip
            end = why(ended.returncode, err, limits)
        except subprocess.TimeoutExpired:
            end = too_long(limits)
        except OSError as error:  # says nothing about the file
            raise no_process(error) from error
        return _answers(out), end


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


def mapped_of(paths: Sequence[Path], *, limits: Limits = LIMITS) -> dict[Path, tuple[Mapped, ...]]:
    """For each file, where the code lay in the memory of the profiled process. Files that cannot be read are left out.

    One child reads all files; another one goes on behind a file that ends it.
    """
    answered = _ask_all({"do": "mapped"}, paths, limits)
    return {path: tuple(Mapped(*each) for each in answer["mapped"]) for path, answer in answered.items()}


def facts_of(paths: Sequence[Path], module: str = "", *, limits: Limits = LIMITS) -> dict[Path, Facts]:
    """For each file, the facts that findings are made of; see facts.facts. Files that cannot be read are left out."""
    answered = _ask_all({"do": "facts", "module": module}, paths, limits)
    return {path: of_json(answer) for path, answer in answered.items()}


def _ask_all(request: Json, paths: Sequence[Path], limits: Limits) -> dict[Path, Json]:
    found: dict[Path, Json] = {}
    waiting = list(paths)
    while waiting:
        answers, _ = ask_once(request | {"paths": [str(path.absolute()) for path in waiting]}, limits)
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


def check_files(files: Iterable[tuple[Kind, Path]], *, limits: Limits = LIMITS) -> dict[Path, str | None]:
    """check_file for several files: one child reads them all, and another one goes on behind a file that ends it."""
    verdicts: dict[Path, str | None] = {}
    waiting = list(files)
    while waiting:
        answers, end = ask_once(_check_request(waiting), limits)
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


def _tree(plain: Json) -> Tree:
    nodes = tuple(Node(*node) for node in plain["nodes"])
    return Tree(**{**plain, "nodes": nodes, "sample_types": tuple(plain["sample_types"])})


def one_answer(request: Json, limits: Limits, ask: Ask = ask_once) -> Json:
    """The answer about a single file. Raises BadProfile."""
    answers, end = ask(request, limits)
    if not answers:
        raise BadProfile(end)
    if answers[0].get("bad"):
        raise BadProfile(answers[0]["bad"])
    return answers[0]


def _answers(out: Any) -> list[Json]:
    out.seek(0)
    lines = out.read(MOST_ANSWERED).split(b"\n")
    return [json.loads(line) for line in lines[:-1]]  # an answer without its newline is cut


def command() -> list[str]:
    """How the process that reads is started, in ROOT and with environment()."""
    return [sys.executable, "-c", "from app.analysis.child import main; main()"]  # -m takes longer


def environment() -> dict[str, str]:
    """The environment of the process that reads: no secret of the service."""
    return {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}


def asking(request: Json, limits: Limits) -> bytes:
    """The request as child.py takes it: one line."""
    return json.dumps(request | {"limits": limits._asdict()}).encode() + b"\n"


def too_long(limits: Limits) -> str:
    """What is wrong with a file at which the process that reads it was ended."""
    return f"takes more than {limits.wall_seconds:g} s to read"


def why(code: int, err: Any, limits: Limits) -> str:
    """What is wrong with a file at which the process that reads it ended. code: as Popen's; err: what it wrote."""
    if -code == signal.SIGXCPU:
        return f"takes more than {limits.cpu_seconds} s of processor time to read"
    last_words = _tail(err)
    return f"cannot be read: the process that reads it ended with {code}" + (f" ({last_words})" if last_words else "")


def no_process(error: OSError) -> Retryable:
    """The error when no process can be started."""
    return Retryable(Code.COLLECT_FAILED, f"no process to read profiles in: {error.strerror}")


def _tail(err: Any) -> str:
    err.seek(0)
    lines = err.read(MOST_ANSWERED).decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""
