"""What a host tells of its processes and containers, read from the gate's lines. Pure.

Everything here is untrusted: whatever has not its exact shape is left out.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.model import ProcessId

SHELLS = frozenset({"sh", "dash", "bash", "ash", "zsh", "ksh", "busybox"})

Lines = Iterable[tuple[str, str]]  # (key, value)


@dataclass(frozen=True, slots=True)
class Harm:
    """What became of a process within seconds of a signal of ours: it ended or runs another program.

    signal: such as SIGUSR2; after: seconds between the two; replaced: whether it runs another program
    """

    signal: str
    after: float
    replaced: bool = False

    def __str__(self) -> str:
        when = f"{self.after:.{1 if self.after >= 0.1 else 2}f} s after our {self.signal}"
        return f"runs another program since {when}" if self.replaced else f"ended {when}"


@dataclass(frozen=True, slots=True)
class Seen:
    """A process as a list shows it: enough to choose among several.

    parent: its parent's pid; ticks: processor time so far, in hundredths of a second; rss: bytes in memory; inner: its
    pid in its own namespace; argv0: the name that it was started by; groups: its cgroups' paths; addresses: those of
    its network namespace, when that is not the host's. Addresses are told by `listeners`, all the others by
    `processes`.
    """

    id: ProcessId
    comm: str
    exe: str
    parent: int = 0
    ticks: int = 0
    rss: int = 0
    inner: int = 0
    groups: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    argv0: str = ""

    def __str__(self) -> str:
        return f"{self.id.pid} ({self.exe or self.comm})"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a process listens: (address, port), the address as the kernel has it (0.0.0.0 for all).

    `elsewhere`: in a network namespace that is not the host's; `addresses` are its own then."""

    listening: tuple[tuple[str, int], ...]
    addresses: tuple[str, ...] = ()
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Where one mapping of a program's code lies in memory: addresses, and from where in its file."""

    start: int
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where all of a process's code lies. The kernel puts it elsewhere each time that a program is begun, the vdso at
    least. `twins`: pids of other processes where it is the same nevertheless; `build_id`: the GNU build id of its
    executable in hex, "" where it has none."""

    spans: frozenset[Span]
    twins: tuple[int, ...] = ()
    build_id: str = ""


@dataclass(frozen=True, slots=True)
class Pod:
    """A container of a pod, as the kubelet's links to its logs tell: everything that alerts name it by."""

    namespace: str
    pod: str
    uid: str
    container: str
    id: str


@dataclass(frozen=True, slots=True)
class Named:
    """A container as Docker or Podman call it. `labels` as written on it; `image` as it was asked for."""

    id: str
    name: str
    image: str
    labels: Mapping[str, str]


def seen_in(boot: str, lines: Lines) -> tuple[Seen, ...]:
    """The processes of an answer; `boot` is the host's boot id."""
    found: dict[int, Seen] = {}
    exes: dict[int, list[str]] = {}
    for key, value in lines:
        if key == "process" and (m := PROCESS.fullmatch(value)):
            identity = ProcessId(boot, int(m[1]), int(m[2]), m[3])
            found[identity.pid] = Seen(identity, m[6], "", parent=int(m[4]), ticks=int(m[5]))
        elif key in OF_SEEN and (m := re.fullmatch(r"(\d{1,7}) (.+)", value, re.ASCII)) and int(m[1]) in found:
            found[int(m[1])] = OF_SEEN[key](found[int(m[1])], m[2])
        elif key == "exe" and (m := re.fullmatch(r"(\d{1,7}) (.+)", value, re.ASCII)):
            exes.setdefault(int(m[1]), []).append(program(m[2]))
    return tuple(replace(seen, exe=one_of(exes.get(pid, []))) for pid, seen in found.items())


def ports_in(lines: Lines) -> Ports:
    lines = list(lines)
    places = [place for key, value in lines if key == "port" and (place := listening_at(value))]
    elsewhere = [value.split()[1:] for key, value in lines if key == "at"]
    reached = tuple(filter(None, map(address_in, elsewhere[0]))) if elsewhere else ()
    return Ports(tuple(dict.fromkeys(places)), reached, bool(elsewhere))


def layout_in(lines: Lines) -> Layout:
    lines = list(lines)
    spans = [SPAN.fullmatch(value) for key, value in lines if key == "code"]
    twins = tuple(int(value) for key, value in lines if key == "twin" and re.fullmatch(r"\d{1,7}", value, re.ASCII))
    said = [GNU.fullmatch(value) for key, value in lines if key == "gnu"]
    build_id = said[0][2][: 2 * int(said[0][1], 16)] if said and said[0] else ""
    return Layout(frozenset(Span(int(m[1], 16), int(m[2], 16), int(m[3], 16)) for m in spans if m), twins, build_id)


GNU = re.compile(r"(08|10|14|20) ([0-9a-f]{16,64})")
SPAN = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([0-9a-f]{1,16})")
PROCESS = re.compile(r"(\d{1,7}) (\d{1,20}) ([\d:]{1,41}) (\d{1,7}) (\d{1,20}) ?(.*)", re.ASCII)


def one_of(exes: list[str]) -> str:
    """Several executables of one process are none: a path with a newline in it can forge such lines."""
    return exes[0] if len(exes) == 1 else ""


def with_group(seen: Seen, value: str) -> Seen:
    return replace(seen, groups=(*seen.groups, value)[:32])


# What the lines after `process` tell of it: key -> the process with that.
OF_SEEN: Mapping[str, Callable[[Seen, str], Seen]] = {
    "group": with_group,
    "called": lambda seen, value: replace(seen, argv0=seen.argv0 or value),
    "rss": lambda seen, value: replace(seen, rss=kilobytes(value) or 0),
    "inner": lambda seen, value: replace(seen, inner=int(value) if re.fullmatch(r"\d{1,7}", value, re.ASCII) else 0),
    "at": lambda seen, value: replace(seen, addresses=tuple(filter(None, map(address_in, value.split()[:64])))),
}


def address_in(text: str) -> str:
    """An address in its one form: dotted, or IPv6 from the kernel's 32 digits; "" for anything else."""
    if re.fullmatch(r"[0-9a-fA-F]{32}", text):
        return str(ipaddress.IPv6Address(int(text, 16)))
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        return ""


def listening_at(text: str) -> tuple[str, int] | None:
    """`0100007F:1F90` of /proc/net/tcp: words of four bytes, the lowest first on every machine that we speak to."""
    if not (m := re.fullmatch(r"((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4})", text)) or len(m[1]) not in (8, 32):
        return None
    words = b"".join(bytes.fromhex(m[1][at : at + 8])[::-1] for at in range(0, len(m[1]), 8))
    return str(ipaddress.ip_address(words)), int(m[2], 16)


def pod_in(text: str) -> Pod | None:
    """`POD_NAMESPACE_CONTAINER-ID NAMESPACE_POD_UID`: the name of a log's link, and the folder that it leads to."""
    log, _, folder = text.partition(" ")
    names = re.fullmatch(r"([a-z0-9.-]{1,253})_([a-z0-9-]{1,63})_([a-z0-9-]{1,63})-([0-9a-f]{64})", log)
    place = re.fullmatch(r"([a-z0-9-]{1,63})_([a-z0-9.-]{1,253})_([A-Za-z0-9-]{1,64})", folder)
    if not names or not place or (names[2], names[1]) != (place[1], place[2]):
        return None
    return Pod(names[2], names[1], place[3], names[3], names[4])


def named_in(lines: list[str]) -> tuple[Named, ...]:
    """`ID "Name":"/web"`, `ID "Image":"nginx"`, `ID "Labels":{…}`, several lines a container. A container about which
    two different names are said (a label may be called Name) is left out."""
    facts: dict[str, dict[str, list[Any]]] = {}
    for line in lines:
        id_, _, fact = line.partition(" ")
        try:
            ((key, value),) = json.loads("{" + fact + "}").items()
        except ValueError:
            continue
        if re.fullmatch(r"[0-9a-f]{64}", id_):
            facts.setdefault(id_, {}).setdefault(key, []).append(value)
    return tuple(
        Named(id_, name, image_of(told.get("Image", [])), labels_of(told.get("Labels", [])))
        for id_, told in facts.items()
        if (name := one_name(told.get("Name", [])))
    )


def one_name(values: list[Any]) -> str:
    names = {name[1:] for name in values if isinstance(name, str) and name.startswith("/")}
    return names.pop() if len(names) == 1 else ""


def image_of(values: list[Any]) -> str:
    """Docker's file has the image's digest too, which no alert speaks of."""
    return next((image for image in values if isinstance(image, str) and not image.startswith("sha256:")), "")


def labels_of(values: list[Any]) -> Mapping[str, str]:
    first = next((labels for labels in values if isinstance(labels, dict)), {})
    return {key: value for key, value in first.items() if isinstance(value, str)}


def program(exe: str) -> str:
    """The executable's path; the kernel marks one whose file was replaced, as every deployment does."""
    return exe.removesuffix(" (deleted)")


def kilobytes(text: str) -> int | None:
    return int(text) * 1024 if re.fullmatch(r"\d{1,15}", text, re.ASCII) else None
