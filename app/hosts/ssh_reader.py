"""Reads ssh_config where no `ssh` is installed, with paramiko's reader. Used by ssh_config.py.

paramiko takes every unknown `Match` for one that applies, follows no Include, looks names up for CanonicalizeHostname,
and expands only some tokens. So a file with such a Match or an Include is refused, no name is looked up, and
ssh_tokens.py expands the tokens.
"""

import re
import shlex
from pathlib import Path

import paramiko

from app.hosts.settings import SshOptions

INCLUDE = re.compile(r"^\s*include\b", re.IGNORECASE | re.MULTILINE)
MATCH = re.compile(r"^\s*match[\s=]+(.*)$", re.IGNORECASE | re.MULTILINE)
LOOKS_UP = re.compile(r"^\s*canonicalizehostname\b.*$", re.IGNORECASE | re.MULTILINE)
WITH_PATTERN = ("host", "originalhost", "user", "localuser")  # the criteria that paramiko understands, besides "all"
ONLY_SSH = "can be followed only where ssh (openssh-client) is installed"


class NotUnderstood(Exception):
    """The file has something that only `ssh` itself can follow, or that is invalid."""


class _Reader(paramiko.SSHConfig):
    def _expand_variables(self, config: paramiko.SSHConfigDict, target_hostname: str) -> paramiko.SSHConfigDict:
        return config


def read(file: Path, host: str, ours: SshOptions) -> dict[str, list[str]]:
    """The values of every keyword of `file` for `host`. ours: alertprof's options. Raises NotUnderstood, OSError."""
    text = file.read_text()
    if INCLUDE.search(text):
        raise NotUnderstood(f"its Include {ONLY_SSH}")
    for line in MATCH.findall(text):
        _check(line)
    try:
        found = _Reader.from_text(_said_before(ours) + LOOKS_UP.sub("", text)).lookup(host)
    except (paramiko.SSHException, KeyError, ValueError, IndexError) as fault:
        raise NotUnderstood(str(fault)) from fault
    return {key: value if isinstance(value, list) else [value or "none"] for key, value in found.items()}


def _said_before(ours: SshOptions) -> str:
    """Our own options as the file's first lines, so that its `Match user` sees them."""
    said = {"User": ours.user, "Port": ours.port, "HostName": ours.address}
    lines = "".join(f"  {keyword} {value}\n" for keyword, value in said.items() if value is not None)
    return f"Host *\n{lines}" if lines else ""


def _check(line: str) -> None:
    try:
        words = iter(shlex.split(line, comments=True))
    except ValueError as fault:
        raise NotUnderstood(f"Match {line}: {fault}") from fault
    for word in words:
        criterion = word.lstrip("!").lower()
        if criterion in WITH_PATTERN:
            next(words, None)
        elif criterion != "all":
            raise NotUnderstood(f"its `Match {criterion.partition('=')[0]}` {ONLY_SSH}")
