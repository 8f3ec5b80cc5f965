"""What `ssh -G` prints for a host. Used by ssh_config.py, only for names that passed names.plain().

ssh runs the commands of `Match exec` for it, which may contain the host's name. The time limit ends them too.
"""

import glob
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

MATCH_EXEC = re.compile(r"^\s*match\b.*\bexec\b", re.IGNORECASE | re.MULTILINE)
INCLUDE = re.compile(r'^\s*"?include"?[\s=]+(.*)$', re.IGNORECASE | re.MULTILINE)
FOR_SOME = re.compile(
    r"^\s*host[\s=]+(?!\s*\*\s*$)|^\s*match[\s=]+(?!\s*all\s*$)|^\s*[^#\s].*%", re.IGNORECASE | re.MULTILINE
)
QUOTES = re.compile("['\"]")  # may stand around any part of a word
DEEPEST = 16  # files that include one another; ssh has the same limit


class NotSaid(Exception):
    """`ssh -G` failed; the message is its own."""


class TooSlow(NotSaid):
    """`ssh -G` was ended after its time limit."""


def ask(ssh: str, options: Sequence[str], host: str, limit: float) -> dict[str, list[str]]:
    """The values of every keyword. ssh: the program; options: of its command line; limit: seconds. Raises NotSaid.

    CanonicalizeHostname would look the name up, so it is switched off.
    """
    command = [ssh, "-G", "-o", "CanonicalizeHostname=no", *options, "--", host]
    try:
        out = _run(command, limit)
    except OSError as fault:
        raise NotSaid(f"ssh -G: {fault.strerror}") from fault
    said: dict[str, list[str]] = {}
    for line in out.splitlines():
        key, _, value = line.partition(" ")
        said.setdefault(key, []).append(value)
    return said


def _run(command: list[str], limit: float) -> str:
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as asked:
        try:
            out, err = asked.communicate(timeout=limit)
        except subprocess.TimeoutExpired as fault:
            os.killpg(asked.pid, signal.SIGKILL)  # what a Match exec has started holds our pipes open
            raise TooSlow(f"ssh -G gave no answer within {limit:g} s: is a command of its Match exec slow?") from fault
    if asked.returncode:
        raise NotSaid(" ".join(err.split())[:500] or f"ssh -G ended with {asked.returncode}")
    return out


def runs_commands(file: Path, relative_to: Path) -> bool:
    """Whether `file`, or a file that it includes, has a `Match exec`. An Include that cannot be followed counts as
    one."""
    return _has(MATCH_EXEC, file, relative_to)


def depends_on_host(file: Path, relative_to: Path) -> bool:
    """Whether `file`, or a file that it includes, may say of one host what it does not say of another. Then it has a
    section that is not for all, or a token (`%h`). An Include that cannot be followed counts as one."""
    return _has(FOR_SOME, file, relative_to)


def _has(what: re.Pattern[str], file: Path, relative_to: Path, depth: int = 0) -> bool:
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return False
    if what.search(QUOTES.sub("", text)):
        return True
    if depth == DEEPEST:
        return bool(INCLUDE.search(text))
    return any(each is None or _has(what, each, relative_to, depth + 1) for each in _included(text, relative_to))


def _included(text: str, relative_to: Path) -> Iterator[Path | None]:
    for line in INCLUDE.findall(text):
        for word in _words(line):
            if re.search(r"[%$]", word):
                yield None
            try:
                pattern = relative_to / Path(word).expanduser()
            except RuntimeError:  # ~name of no account
                continue
            yield from map(Path, glob.glob(str(pattern)))  # noqa: PTH207 - pathlib's ** is another


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return ["$"]


def paths_in(said: str) -> Iterator[str]:
    """The files of a list. `ssh -G` prints no quotes, so a word that does not begin a path continues the one before."""
    path = ""
    for word in shlex.split(said) if '"' in said else said.split(" "):
        if path and not word.startswith(("/", "~", "%", "$")):
            path += f" {word}"
            continue
        if path:
            yield path
        path = word
    if path:
        yield path
