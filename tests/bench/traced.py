"""What an sshd under strace starts: every execve and every fork of it and of whatever came of its sessions."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

SSHD = "sshd"
EXECVE = re.compile(r'execve\("([^"]+)"')
FORKED = re.compile(r"(?:clone3?|v?fork)(?:\(| resumed).* = (\d+)$")


def strace(log: Path) -> list[str]:
    """The command that runs a program so that Trace can read the log."""
    calls = "trace=execve,clone,clone3,fork,vfork"
    return ["strace", "-f", "-qq", "-e", calls, "-e", "signal=none", "-o", str(log)]


@dataclass(frozen=True, slots=True)
class Started:
    """programs: name -> how often an execve of it succeeded. forks, sshd_forks: of others, and of sshd's processes."""

    programs: Counter[str]
    forks: int
    sshd_forks: int

    @property
    def sshd_programs(self) -> int:
        return self.programs[SSHD]

    @property
    def others(self) -> int:
        return self.programs.total() - self.sshd_programs


@dataclass(slots=True)
class Trace:
    """Reads strace's log on from where it was read the last time."""

    log: Path
    _read: int = 0
    _program: dict[str, str] = field(default_factory=dict)
    _parent: dict[str, str] = field(default_factory=dict)

    def started(self) -> Started:
        """What was started since the last call."""
        lines = self._lines()
        for pid, call in lines:
            if m := FORKED.search(call):
                self._parent[m[1]] = pid
                self._program.pop(m[1], None)  # a number that was used before
        programs: Counter[str] = Counter()
        forks: Counter[bool] = Counter()
        trying: dict[str, str] = {}
        for pid, call in lines:
            if m := EXECVE.search(call):
                trying[pid] = Path(m[1]).name
            if "execve" in call and call.endswith("= 0"):
                self._program[pid] = trying[pid]
                programs[trying[pid]] += 1
            elif m := FORKED.search(call):
                forks[self._runs(pid) == SSHD] += 1
                self._program.setdefault(m[1], self._runs(pid))
        return Started(programs, forks[False], forks[True])

    def _lines(self) -> list[tuple[str, str]]:
        with self.log.open() as file:
            file.seek(self._read)
            text = file.read()
        text = text[: text.rfind("\n") + 1]
        self._read += len(text.encode())
        return [(pid, call.strip()) for pid, _, call in (line.partition(" ") for line in text.splitlines())]

    def _runs(self, pid: str) -> str:
        """The program that a process runs; a new one runs its parent's."""
        while pid not in self._program and pid in self._parent:
            pid = self._parent[pid]
        return self._program.get(pid, "")
