"""Reads files of strangers in a process of its own: what a hostile profile can exhaust or crash is that process.

The pipeline, the API and the pages come here; nothing else of this room is called on a file by the service. The
child (`python -m app.analysis.isolate`) gets one request as JSON on stdin, limits itself before it opens a file, and
answers on stdout one JSON line a file, so that a file that kills it costs no other file its answer. Passing is raised
when there is no such process to be had.
"""

import json
import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, Final

from app.analysis.convert import PY_SPY_RATE, Format, convert
from app.analysis.merge import merged
from app.analysis.profile import BadProfile, Mapped, read_file
from app.analysis.top import Row, Top, top
from app.analysis.tree import Node, Tree, tree
from app.analysis.verdict import check
from app.errors import Code, Retryable
from app.model import Kind

ANSWER: Final = 16 << 20  # bytes
NICENESS: Final = 10
ROOT: Final = Path(__file__).parents[2]  # where `app` is found
KEPT_ENVIRONMENT: Final = ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")  # no secret goes along

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may cost."""

    memory: int = 1 << 30  # bytes of address space
    cpu_seconds: int = 30
    wall_seconds: float = 120.0  # the machine may be busy


LIMITS: Final = Limits()


def top_of(path: Path, n: int = 30, sample_type: str | None = None, *, limits: Limits = LIMITS) -> Top:
    """The n functions of a file with the most of their own; see top.top. Raises BadProfile, whatever went wrong."""
    return _top(_ask_one({"do": "top", "paths": [str(path.absolute())], "n": n, "type": sample_type}, limits)["top"])


def tree_of(path: Path, sample_type: str | None = None, *, limits: Limits = LIMITS) -> Tree:
    """The call tree of a file; see tree.tree. Raises BadProfile, whatever went wrong."""
    return _tree(_ask_one({"do": "tree", "paths": [str(path.absolute())], "type": sample_type}, limits)["tree"])


def mapped_of(paths: Sequence[Path], *, limits: Limits = LIMITS) -> dict[Path, tuple[Mapped, ...]]:
    """Where the code lay in memory of the process that each file is a profile of; those that cannot be read are left
    out. In one child unless one of them is its end."""
    found: dict[Path, tuple[Mapped, ...]] = {}
    waiting = list(paths)
    while waiting:
        answers, _ = _ask({"do": "mapped", "paths": [str(path.absolute()) for path in waiting]}, limits)
        for path, answer in zip(waiting, answers, strict=False):
            if "mapped" in answer:
                found[path] = tuple(Mapped(*each) for each in answer["mapped"])
        waiting = waiting[len(answers) + 1 :]
    return found


def convert_file(
    format: Format | str,
    path: Path,
    out: Path,
    *,
    rate: int | None = PY_SPY_RATE,
    seconds: float | None = None,
    limits: Limits = LIMITS,
) -> None:
    """Writes `out`, a pprof file, of the text in `path`; see convert.convert for `rate` and `seconds`.

    Raises BadProfile, whatever is wrong with the text, and Passing when `out` cannot be written; then it is not there.
    """
    request = {
        "do": "convert", "paths": [str(path.absolute())], "format": Format(format).value, "out": str(out.absolute()),
        "rate": rate, "seconds": seconds,
    }  # fmt: skip
    _made(request, out, limits)


def merge_files(paths: Sequence[Path], out: Path, *, limits: Limits = LIMITS) -> None:
    """Writes `out`, one profile of all; see merge.merged. Raises as convert_file does."""
    first, *more = (str(path.absolute()) for path in paths)
    _made({"do": "merge", "paths": [first], "more": more, "out": str(out.absolute())}, out, limits)


def _made(request: Json, out: Path, limits: Limits) -> None:
    try:
        answer = _ask_one(request, limits)
        if answer["unwritten"]:
            raise Retryable(
                Code.COLLECT_FAILED, f"the profile cannot be written in pprof's form: {answer['unwritten']}"
            )
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def check_file(kind: Kind, path: Path, *, limits: Limits = LIMITS) -> str | None:
    """None when the file is a whole one of its kind, otherwise why it is no good; see verdict.check."""
    return check_files([(kind, path)], limits=limits)[path]


def check_files(files: Iterable[tuple[Kind, Path]], *, limits: Limits = LIMITS) -> dict[Path, str | None]:
    """check_file for several files, in one child unless one of them is its end."""
    verdicts: dict[Path, str | None] = {}
    waiting = list(files)
    while waiting:
        answers, end = _ask(_check_request(waiting), limits)
        for (_, path), answer in zip(waiting, answers, strict=False):
            verdicts[path] = answer["bad"]
        if len(answers) < len(waiting):
            verdicts[waiting[len(answers)][1]] = end
        waiting = waiting[len(answers) + 1 :]
    return verdicts


def _check_request(files: Sequence[tuple[Kind, Path]]) -> Json:
    return {"do": "check", "kinds": [kind.value for kind, _ in files], "paths": [str(p.absolute()) for _, p in files]}


def _top(plain: Json) -> Top:
    rows = tuple(Row(**row) for row in plain["rows"])
    return Top(**{**plain, "rows": rows, "sample_types": tuple(plain["sample_types"])})


def _tree(plain: Json) -> Tree:
    nodes = tuple(Node(*node) for node in plain["nodes"])
    return Tree(**{**plain, "nodes": nodes, "sample_types": tuple(plain["sample_types"])})


def _ask_one(request: Json, limits: Limits) -> Json:
    """The child's answer about a single file. Raises BadProfile."""
    answers, end = _ask(request, limits)
    if not answers:
        raise BadProfile(end)
    if answers[0].get("bad"):
        raise BadProfile(answers[0]["bad"])
    return answers[0]


def _ask(request: Json, limits: Limits) -> tuple[list[Json], str]:
    """The child's answers, in the order of the paths; when they are too few, why."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        command = [sys.executable, "-m", "app.analysis.isolate"]
        environment = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
        try:
            ended = subprocess.run(
                command, input=json.dumps(request | {"limits": asdict(limits)}).encode(), stdout=out, stderr=err,
                cwd=ROOT, env=environment, timeout=limits.wall_seconds * len(request["paths"]), check=False,
            )  # fmt: skip
            end = _why(ended.returncode, _tail(err), limits)
        except subprocess.TimeoutExpired:
            end = f"takes more than {limits.wall_seconds:g} s to read"
        except OSError as error:  # says nothing about the file
            raise Retryable(Code.COLLECT_FAILED, f"no process to read profiles in: {error.strerror}") from error
        return _answers(out), end


def _answers(out: Any) -> list[Json]:
    out.seek(0)
    lines = out.read(ANSWER).split(b"\n")
    return [json.loads(line) for line in lines[:-1]]  # what stands behind the last newline is a cut answer


def _tail(err: Any) -> str:
    err.seek(0)
    lines = err.read(ANSWER).decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""


def _why(code: int, last_words: str, limits: Limits) -> str:
    if -code == signal.SIGXCPU:
        return f"takes more than {limits.cpu_seconds} s of processor time to read"
    return f"cannot be read: the process that reads it ended with {code}" + (f" ({last_words})" if last_words else "")


def _limit(memory: int) -> None:
    _lower(resource.RLIMIT_AS, memory)
    _lower(resource.RLIMIT_FSIZE, ANSWER)
    _lower(resource.RLIMIT_CORE, 0)
    os.nice(NICENESS)


def _lower(what: int, most: int) -> None:
    """The soft limit only: at the hard limit of processor time the kernel kills without saying why."""
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _answer(request: Json, at: int, memory: int) -> Json:
    try:
        return _done(request, at, Path(request["paths"][at]))
    except MemoryError:
        return {"bad": f"needs more than {memory >> 20} MiB of memory to read"}
    except BadProfile as error:
        return {"bad": str(error)}


def _done(request: Json, at: int, path: Path) -> Json:
    match request["do"]:
        case "check":
            return {"bad": check(Kind(request["kinds"][at]), path)}
        case "mapped":
            return {"mapped": [astuple(each) for each in read_file(path).mapped]}
        case "top":
            return {"top": asdict(top(read_file(path), request["n"], request["type"]))}
        case "tree":
            made = tree(read_file(path), request["type"])
            return {"tree": {**asdict(made), "nodes": [astuple(node) for node in made.nodes]}}
        case "merge":
            return {"unwritten": _write(merged([path, *map(Path, request["more"])]), Path(request["out"]))}
        case _:
            told = {"rate": request["rate"], "seconds": request["seconds"], "most": ANSWER}
            return {"unwritten": _write(convert(Format(request["format"]), path, **told), Path(request["out"]))}


def _write(data: bytes, out: Path) -> str | None:
    """None when it is written, otherwise why not: that says nothing about the profile."""
    try:
        out.write_bytes(data)
    except OSError as error:
        return error.strerror or str(error)
    return None


def main() -> None:
    request = json.load(sys.stdin)
    limits = Limits(**request["limits"])
    _limit(limits.memory)
    for at in range(len(request["paths"])):
        _lower(resource.RLIMIT_CPU, math.ceil(time.process_time()) + limits.cpu_seconds)
        print(json.dumps(_answer(request, at, limits.memory)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
