"""The questions and answers of the gate (parts/), typed. Called by resolvers and profilers, through gate/pool.py.

A request is built from validated numbers and enumerations only and is matched once more, whole, before a byte is sent;
an answer is bounded in size and time and believed about that host alone. Everything textual in it is untrusted.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from signal import Signals
from threading import Lock
from time import monotonic

from app.errors import Code, Refused, Retryable
from app.gate.assemble import script
from app.gate.facts import (
    Layout,
    Named,
    Pod,
    Ports,
    Seen,
    address_in,
    kilobytes,
    layout_in,
    named_in,
    pod_in,
    ports_in,
    program,
    seen_in,
)
from app.gate.recipes import Recipe
from app.hosts.pipe import Pipe
from app.model import Blocked, Harm, ProcessId

REQUEST = re.compile(rb"[0-9]{1,9} [a-z]+( [0-9a-z:]+)*\n")
ANSWER_LIMIT = 4 << 20  # bytes; a list of every process of a large host
LINE_LIMIT = 16 << 10
CHUNK = 256 << 10
SILENCE = 20.0  # seconds without a byte of a file after which the line counts as dead, however long the whole may take


class Mode(StrEnum):
    """What SIGUSR2 means to a go-zero process, read from its function table."""

    TOGGLE = "toggle"  # up to v1.6.0: starts, and stops
    TIMED = "timed"  # from v1.6.1: starts, and stops itself after a minute
    CONFLICT = "conflict"  # what the executable says of itself does not agree
    NONE = "none"  # no go-zero


# Of go-zero; what a command wrote; what came of a signal, numbered.
REMOTE_KIND = re.compile("cpu|mem|mutex|block|threadcreate|trace|goroutines|output|file[1-9][0-9]?")
BUILD = re.compile(r"(?:go|gnu|sha256):[A-Za-z0-9_/:.+=-]{1,193}", re.ASCII)
ENDED = re.compile(r"(\d{1,4}(?:\.\d{1,3})?) ([A-Z][A-Z0-9]{1,9})", re.ASCII)
BLIND = "could not be looked at: its host is short of processes or memory"
HIDDEN = (
    "/proc is mounted with hidepid there, so this account sees no processes but its own: log in as the service's user "
    "or as root, or set become: sudo"
)
SAID_LINES, SAID_LINE = 10, 300  # of a command's last words


@dataclass(frozen=True, slots=True)
class Process:
    """Everything that a look at one process shows. `live`: kinds of profile files that it holds open right now."""

    id: ProcessId
    comm: str
    exe: str
    cmdline: tuple[str, ...]
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
    askers: tuple[int, int] | None = None  # how many ask for SIGUSR1 and SIGUSR2 in it; None where it cannot be seen
    build: str = ""  # of its executable: `go:…` or `gnu:…`, a build id, or `sha256:…`; "": it could not be read
    blocked: Blocked | None = None  # where signals are known to harm this executable: added by who asks the ledger


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
    said: tuple[str, ...] = ()  # a command's last words, line by line
    ended: Harm | None = None  # what became of the process within seconds of our signal


class Gate:
    """One gate on one host: asks one question at a time, whoever asks. Passing when it is lost or talks nonsense."""

    def __init__(
        self, pipe: Pipe, host: str, *, send_script: bool, timeout: float = 10.0, recipes: Iterable[Recipe] = ()
    ) -> None:
        self.host = host
        self._pipe, self._timeout = pipe, timeout
        self._lock, self._numbers, self._buffer = Lock(), count(1), b""
        self.lost = False
        if send_script:
            pipe.send(script(recipes), timeout)
        words = self._line(monotonic() + timeout).split()
        if len(words) != 4 or words[:2] != ["ready", "1"]:
            raise self._broken(f"does not let us work there: {' '.join(words)[:80]!r}")
        self.boot, self.user = words[2], words[3]  # the user by number

    # ------------------------------------------------------------------ verbs

    def process(self, pid: int) -> tuple[Seen, ...]:
        """The process with that number, if there is one, as cheaply as can be: without its executable."""
        return seen_in(self.boot, self._ask("see", number(pid))[1])

    def look(self, pid: int) -> Process | None:
        """Everything about one process, freshly read; None when there is none of that number."""
        code, lines = self._ask("look", number(pid))
        if code in ("blind", "busy"):
            raise Retryable(Code.TIMEOUT, f"{self.host}: pid {pid} {BLIND}")
        groups = tuple(dict.fromkeys(value for key, value in lines if key == "group"))[:32]
        return replace(self._process(dict(lines)), groups=groups) if code == "ok" else None

    def hides(self) -> bool:
        """Is the process 1, which there always is, not shown to this account? Then others are not, either."""
        return self.user != "0" and not self.process(1)

    def processes(self) -> tuple[Seen, ...]:
        """Every process but the kernel's threads, which have no memory of their own."""
        return tuple(p for p in seen_in(self.boot, self._ask("list")[1]) if p.exe or p.rss)

    def listeners(self, port: int) -> tuple[Seen, ...]:
        """The processes that listen on this TCP port, in whatever network namespace."""
        _, lines = self._ask("listen", number(port))
        if ("hidden", "1") in lines:
            raise Retryable(
                Code.NOT_PERMITTED,
                f"{self.host}: something listens on port {port}, but whose socket it is may not be seen: "
                "log in as the service's user or as root, or set become: sudo",
            )
        return seen_in(self.boot, lines)

    def addresses(self) -> tuple[str, ...]:
        """The host's own, as its network namespace has them."""
        said = [value.split() for key, value in self._ask("own")[1] if key == "own"]
        return tuple(filter(None, map(address_in, said[0]))) if said else ()

    def ports(self, pid: int) -> Ports:
        """Where a process listens; nowhere when there is none of that number."""
        return ports_in(self._ask("ports", number(pid))[1])

    def layout(self, pid: int) -> Layout | None:
        """Where a process's code lies in its memory; None when there is none of that number."""
        code, lines = self._ask("code", number(pid))
        if code == "blind":
            raise Retryable(Code.TIMEOUT, f"{self.host}: pid {pid} {BLIND}")
        if code == "verb":
            raise Refused(
                Code.NOT_PERMITTED,
                f"{self.host}: the gate that is installed there is of an earlier alertprof: install what "
                "`alertprof gate --config.file F` prints",
            )
        return layout_in(lines) if code == "ok" else None

    def pods(self) -> tuple[Pod, ...]:
        """The containers that the kubelet of this host keeps logs of."""
        return tuple(pod for key, value in self._ask("pods")[1] if key == "pod" and (pod := pod_in(value)))

    def named(self) -> tuple[Named, ...]:
        """The containers that Docker and Podman (as root) know on this host."""
        return named_in([value for key, value in self._ask("names")[1] if key == "says"])

    def start(self, process: ProcessId, mode: Mode, seconds: int, token: str) -> Answer:
        """Check, journal, arm (toggle) and send SIGUSR2, in one step; the same token never signals twice."""
        return self._act("start", *words_of(process), mode.value, number(seconds), hexword(token))

    def run(self, process: ProcessId, recipe: Recipe, seconds: int, token: str) -> Answer:
        """Check, journal, run the configuration's command under a keeper that ends it; the same token never twice."""
        return self._act("run", *words_of(process), hexword(recipe.id), number(seconds), hexword(token))

    def signal(self, process: ProcessId, recipe: Recipe, seconds: int, token: str) -> Answer:
        """Check, journal, arm (where a signal ends it), send the configuration's signal; the same token never twice."""
        return self._act("signal", *words_of(process), hexword(recipe.id), number(seconds), hexword(token))

    def dump(self, token: str) -> Answer:
        """SIGUSR1, once: the goroutine dump becomes one of the token's files."""
        return self._act("dump", hexword(token))

    def status(self, token: str) -> Answer:
        return self._act("status", hexword(token))

    def stop(self, token: str) -> Answer:
        """Sees to it that the token's recording ends: `finished`, `open` (ask again), `gone`, or why not."""
        return self._act("stop", hexword(token))

    def drop(self, token: str) -> Answer:
        """Removes the token's files on the target."""
        return self._act("drop", hexword(token))

    def fetch(self, token: str, kind: str, limit: int, write: Callable[[bytes], object], timeout: float) -> Answer:
        """Streams one file of the token into `write`. Code `ok` means that exactly the announced bytes came."""
        if not REMOTE_KIND.fullmatch(kind):
            raise ValueError(f"no kind of remote file: {kind}")
        with self._lock:
            deadline = monotonic() + timeout
            seq = self._send("fetch", hexword(token), kind, number(limit))
            first = self._line(monotonic() + SILENCE)
            if not first.startswith("size "):
                return Answer(self._last(first, seq))
            if not (said := re.fullmatch(r"size (\d{1,20})", first, re.ASCII)):
                raise self._broken(f"announces a file in a way not understood: {first[:80]!r}")
            size = int(said[1])
            last = self._line(monotonic() + SILENCE) if size > limit else self._stream(size, write, deadline)
            return Answer(self._last(last, seq), (RemoteFile(kind, "", size),))

    def close(self) -> None:
        self.lost = True
        self._pipe.close()

    # ------------------------------------------------------------------ the wire

    def _act(self, verb: str, *words: str) -> Answer:
        code, lines = self._ask(verb, *words, timeout=self._timeout + 15)
        return answer_of(code, lines)

    def _ask(self, verb: str, *words: str, timeout: float | None = None) -> tuple[str, list[tuple[str, str]]]:
        with self._lock:
            deadline = monotonic() + (timeout or self._timeout)
            seq = self._send(verb, *words)
            lines: list[tuple[str, str]] = []
            taken = 0
            while not (line := self._line(deadline)).startswith("."):
                taken += len(line)
                if taken > ANSWER_LIMIT:
                    raise self._broken(f"answers {verb} without end")
                key, _, value = line.partition(" ")
                lines.append((key, value))
            return self._last(line, seq), lines

    def _send(self, verb: str, *words: str) -> int:
        seq = next(self._numbers)
        request = " ".join((str(seq), verb, *words)).encode("ascii") + b"\n"
        if not REQUEST.fullmatch(request):
            raise ValueError(f"not in the gate's grammar: {request!r}")
        if self.lost:
            raise self._broken("was lost")
        try:
            self._pipe.send(request, self._timeout)
        except Retryable:
            self.close()
            raise
        return seq

    def _more(self, deadline: float) -> bytes:
        left = deadline - monotonic()
        if left <= 0:
            raise self._broken("does not answer in time")
        try:
            data = self._pipe.recv(CHUNK, left)
        except Retryable:
            self.close()
            raise
        if not data:
            raise self._broken("ended the connection")
        return data

    def _line(self, deadline: float) -> str:
        while b"\n" not in self._buffer:
            if len(self._buffer) > LINE_LIMIT:
                raise self._broken("answers a line without end")
            self._buffer += self._more(deadline)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode("utf-8", "backslashreplace")

    def _stream(self, size: int, write: Callable[[bytes], object], deadline: float) -> str:
        while size > 0:
            data = self._buffer or self._more(min(deadline, monotonic() + SILENCE))
            self._buffer = data[size:]
            write(data[:size])
            size -= min(size, len(data))
        return self._line(monotonic() + SILENCE)

    def _last(self, line: str, seq: int) -> str:
        head, _, code = line.partition(" ")
        if head != f".{seq}" or not re.fullmatch(r"[a-z]+", code):
            raise self._broken(f"talks out of turn: {line[:80]!r}")
        return code

    def _broken(self, what: str) -> Retryable:
        self.close()
        return Retryable(Code.HOST_UNREACHABLE, f"{self.host}: the gate {what}")

    # ------------------------------------------------------------------ facts

    def _process(self, facts: dict[str, str]) -> Process:
        try:
            start = number_in(facts["start"])
            versions = facts.get("versions", "").split(" ")
            mask, caught = facts["mask"], facts["caught"]
            return Process(
                id=ProcessId(self.boot, number_in(facts["pid"]), start, image_in(facts["image"])),
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
            )
        except (KeyError, ValueError) as error:
            raise self._broken(f"describes a process in a way not understood: {error}") from error


def answer_of(code: str, lines: list[tuple[str, str]]) -> Answer:
    facts = dict(lines)
    return Answer(
        code,
        tuple(remote_files(v for k, v in lines if k == "file")),
        tuple(facts.get("open", "").split()),
        kilobytes(facts.get("free", "")),
        "fired" in facts,
        "stopped" in facts,
        "warning" in facts,
        "left" in facts,
        int(facts["exit"]) if re.fullmatch(r"\d{1,3}", facts.get("exit", ""), re.ASCII) else None,
        tuple(printable(v)[:SAID_LINE] for k, v in lines if k == "error")[-SAID_LINES:],
        harm_in(facts.get("ended", ""), replaced=code == "replaced"),
    )


def remote_files(values: Iterator[str]) -> Iterator[RemoteFile]:
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
    return "".join(c if c.isprintable() else " " for c in text).strip()


def askers_in(said: str) -> tuple[int, int] | None:
    m = re.fullmatch(r"(\d{1,3}) (\d{1,3})", said, re.ASCII)
    return (int(m[1]), int(m[2])) if m else None


def usr2(mask: str) -> bool:
    """Is the bit of SIGUSR2 (12) set in a mask of /proc/PID/status?"""
    return bool(int(mask, 16) >> 11 & 1)


def number(value: int) -> str:
    if not 0 <= value < 10**20:
        raise ValueError(f"not a number that the gate takes: {value}")
    return str(value)


def shaped(text: str, shape: str, what: str) -> str:
    """`text`, if all of it has the shape of `what`. Raises ValueError."""
    if not re.fullmatch(shape, text, re.ASCII):
        raise ValueError(f"no {what}: {text[:40]!r}")
    return text


def number_in(text: str) -> int:
    return int(shaped(text, r"\d{1,20}", "number"))


def image_in(text: str) -> str:
    return shaped(text, r"\d{1,20}:\d{1,20}", "image")


def hexword(token: str) -> str:
    return shaped(token, r"[0-9a-f]{32}", "token of 32 hex digits")


def words_of(process: ProcessId) -> tuple[str, str, str]:
    return number(process.pid), number(process.start), image_in(process.image)
