"""Starts the process that reads untrusted files, and asks it one question. child.py is that process.

isolate.py has the questions; readers.py keeps such processes for many of them.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from app.analysis.child import MOST_ANSWERED, Json, Limits
from app.analysis.profile import BadProfile
from app.errors import Code, Retryable

ROOT: Final = Path(__file__).parents[2]  # where `app` is found
KEPT_ENVIRONMENT: Final = ("LD_LIBRARY_PATH", "PYTHONHOME")  # the child gets no secret

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
    return [sys.executable, "-S", "-c", "from app.analysis.child import main; main()"]  # -m and site take longer


def environment() -> dict[str, str]:
    """The environment of the process that reads: no secret of the service. It finds libraries where the service does,
    because it starts without site."""
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def asking(request: Json, limits: Limits) -> bytes:
    """The request as child.py takes it: one line."""
    return json.dumps(request | {"limits": limits._asdict()}).encode() + b"\n"


def too_long(limits: Limits) -> str:
    """What is wrong with a file at which the process that reads it was ended."""
    return f"takes more than {limits.wall_seconds:g} s to read"


def why(code: int, err: Any, limits: Limits) -> str:
    """What is wrong with a file at which the process that reads it ended. code: as Popen's; err: what it wrote, or None
    if nobody may know that."""
    if -code == signal.SIGXCPU:
        return f"takes more than {limits.cpu_seconds} s of processor time to read"
    last_words = _tail(err) if err else ""
    return f"cannot be read: the process that reads it ended with {code}" + (f" ({last_words})" if last_words else "")


def no_process(error: OSError) -> Retryable:
    """The error when no process can be started."""
    return Retryable(Code.COLLECT_FAILED, f"no process to read profiles in: {error.strerror}")


def _tail(err: Any) -> str:
    err.seek(0)
    lines = err.read(MOST_ANSWERED).decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""
