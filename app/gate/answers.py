"""What the gate's answers mean: a process that was looked at, and a recording as it stands. Pure. Called by client.py.

Everything textual in an answer is untrusted: whatever has not its exact shape is left out, or the answer is refused.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from signal import Signals

from app.gate.facts import Harm, kilobytes, program
from app.gate.words import image_in, number_in, shaped
from app.model import Blocked, ProcessId
from app.redaction import BUILT_IN, Redaction

# Of go-zero; what a command wrote; what came of a signal, numbered.
REMOTE_KIND = re.compile("cpu|mem|mutex|block|threadcreate|trace|goroutines|output|file[1-9][0-9]?")
MODULE = re.compile(r"[A-Za-z0-9_.~/-]{1,200}", re.ASCII)  # as module.CheckPath of golang.org/x/mod allows
BUILD = re.compile(r"(?:go|gnu|sha256):[A-Za-z0-9_/:.+=-]{1,193}", re.ASCII)
ENDED = re.compile(r"(\d{1,4}(?:\.\d{1,3})?) ([A-Z][A-Z0-9]{1,9})", re.ASCII)
SAID_LINES, SAID_LINE = 10, 300  # of a command's last words


class Mode(StrEnum):
    """What SIGUSR2 means to a go-zero process, read from its function table."""

    TOGGLE = "toggle"  # up to v1.6.0: starts, and stops
    TIMED = "timed"  # from v1.6.1: starts, and stops itself after a minute
    CONFLICT = "conflict"  # what the executable says of itself does not agree
    NONE = "none"  # no go-zero


@dataclass(frozen=True, slots=True)
class Process:
    """Everything that a look at one process shows.

    cmdline: to compare with, since it may have secrets; `command` is to be shown and kept
    live: kinds of profile files that it holds open right now
    """

    id: ProcessId
    comm: str
    exe: str
    cmdline: tuple[str, ...] = field(repr=False)
    state: str
    uid: int
    nspid: int
    traced: bool
    mode: Mode
    gozero_version: str
    go_version: str
    catches: bool  # SIGUSR2 would not kill it
    listens: bool  # SIGUSR2 would reach somebody
    readable: bool  # its open files can be seen
    live: tuple[str, ...]
    free_bytes: int | None  # where its files would go
    age: float  # seconds since it was started
    groups: tuple[str, ...] = ()  # its cgroups' paths
    conflict: str = ""  # what its executable says of itself and does not agree, in the gate's words
    restarter: str = ""  # a library in it that does something else at SIGUSR2 or SIGUSR1
    threads: int | None = None  # how many it has; None: an earlier gate does not tell
    askers: tuple[int, int] | None = None  # how many ask for SIGUSR1 and SIGUSR2 in it; None where it cannot be seen
    build: str = ""  # of its executable: `go:…` or `gnu:…`, a build id, or `sha256:…`; "": it could not be read
    sampled: bool = False  # it catches SIGPROF, as one whose processor time is being sampled does
    module: str = ""  # the path of its main module, of Go's build information; "" where it has none
    blocked: Blocked | None = None  # where signals are known to harm this executable: added by who asks the ledger
    redaction: Redaction = field(default=BUILT_IN, repr=False, compare=False)

    @property
    def command(self) -> str:
        """Its command line without secrets."""
        return self.redaction.command(self.cmdline)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that a token made on the target; size in bytes, None when it has vanished."""

    kind: str
    stamp: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """How a verb ended, and the recording as it stands."""

    code: str
    files: tuple[RemoteFile, ...] = ()
    open: tuple[str, ...] = ()
    free_bytes: int | None = None
    fired: bool = False  # the dead-man's switch has acted
    stopped: bool = False  # the signal that ends it was sent
    died: bool = False  # the process was gone right after the signal
    left: bool = False  # it should have ended by itself, did not, and was left alone
    exit: int | None = None  # a command's status; None while it runs, or when nobody saw its end
    last_words: tuple[str, ...] = ()  # a command's last words, line by line
    ended: Harm | None = None  # what became of the process within seconds of our signal


def process_in(boot: str, facts: Mapping[str, str]) -> Process:
    """A process from the lines of `look`; `boot` is the host's boot id. Raises KeyError and ValueError for others."""
    start = number_in(facts["start"])
    versions = facts.get("versions", "").split(" ")
    mask, caught = facts["mask"], facts["caught"]
    return Process(
        id=ProcessId(boot, number_in(facts["pid"]), start, image_in(facts["image"])),
        comm=facts.get("comm", ""),
        exe=program(facts.get("exe", "")),
        cmdline=tuple(facts.get("cmdline", "").replace("\x02", " ").rstrip("\x01").split("\x01")),
        state=facts["state"],
        uid=number_in(facts["uid"]),
        nspid=number_in(facts["nspid"]),
        traced=facts["tracer"] != "0",
        mode=Mode(facts["mode"]),
        gozero_version=versions[0],
        go_version=versions[1] if len(versions) > 1 else "",
        catches=usr2(caught),
        listens=usr2(caught) and not (mask and usr2(mask)),
        readable="unreadable" not in facts,
        live=tuple(facts.get("live", "").split()),
        free_bytes=kilobytes(facts.get("free", "")),
        conflict=printable(facts.get("conflict", ""))[:SAID_LINE],
        restarter=printable(facts.get("restarter", ""))[:SAID_LINE],
        askers=askers_in(facts.get("asks", "")),
        age=float(shaped(facts["uptime"], r"\d{1,12}(\.\d{1,2})?", "time"))
        - start / 100,  # USER_HZ is 100 wherever SIGUSR2 is 12
        build=build_in(facts.get("build", "")),
        module=name if MODULE.fullmatch(name := facts.get("module", "")) else "",
        threads=number_in(facts["threads"]) if "threads" in facts else None,
        sampled=bool(int(caught, 16) >> 26 & 1),  # SIGPROF is 27 there, too
    )


def answer_of(code: str, lines: list[tuple[str, str]]) -> Answer:
    """The answer of a verb about a token: its code, and its lines as (key, value)."""
    facts = dict(lines)
    return Answer(
        code,
        files=tuple(remote_files(value for key, value in lines if key == "file")),
        open=tuple(facts.get("open", "").split()),
        free_bytes=kilobytes(facts.get("free", "")),
        fired="fired" in facts,
        stopped="stopped" in facts,
        died="warning" in facts,
        left="left" in facts,
        exit=int(facts["exit"]) if re.fullmatch(r"\d{1,3}", facts.get("exit", ""), re.ASCII) else None,
        last_words=tuple(printable(value)[:SAID_LINE] for key, value in lines if key == "error")[-SAID_LINES:],
        ended=harm_in(facts.get("ended", ""), replaced=code == "replaced"),
    )


def remote_files(values: Iterator[str]) -> Iterator[RemoteFile]:
    """The files in `KIND STAMP SIZE` or `KIND STAMP vanished`; other values are left out."""
    for value in values:
        m = re.fullmatch(r"([a-z]{1,12}\d{0,2}) (\d{10}) (\d{1,15}|vanished)", value, re.ASCII)
        if m and REMOTE_KIND.fullmatch(m[1]):
            yield RemoteFile(m[1], m[2], None if m[3] == "vanished" else int(m[3]))


def build_in(text: str) -> str:
    """An executable's build as the gate tells it; "" for anything else."""
    return text if BUILD.fullmatch(text) else ""


def harm_in(text: str, *, replaced: bool) -> Harm | None:
    """`SECONDS SIGNAL`, such as `0.42 USR2`: so soon after our signal the process ended."""
    m = ENDED.fullmatch(text)
    return Harm(f"SIG{m[2]}", float(m[1]), replaced) if m and f"SIG{m[2]}" in Signals.__members__ else None


def printable(text: str) -> str:
    """The text with a blank for each character that a terminal would not print."""
    return (text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)).strip()


def askers_in(value: str) -> tuple[int, int] | None:
    """`USR1 USR2`: how many ask for each; None for anything else."""
    m = re.fullmatch(r"(\d{1,3}) (\d{1,3})", value, re.ASCII)
    return (int(m[1]), int(m[2])) if m else None


def usr2(mask: str) -> bool:
    """Is the bit of SIGUSR2 (12) set in a mask of /proc/PID/status?"""
    return bool(int(mask, 16) >> 11 & 1)
