"""Rung 1, at leisure: what takes longer to look at than a signal may wait.

Counts of descriptors, sockets and threads, the host's biggest processes, and the kernel's lines about processes that it
killed for lack of memory. The sampler looks beside the recording, and samples.py brings it home. For a capture that was
refused no signal waits, so it comes at once.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from app.evidence.base import Gathered, Piece, Rung, Subject, as_json
from app.evidence.files import values
from app.evidence.scene import HZ, Json, without_gaps

SCHEMA = "alertprof/surroundings/1"
SUFFIX = "-surroundings.json"
STATES = ("ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
          "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV")  # fmt: skip # include/net/tcp_states.h, from 1 on
PROCESS = re.compile(r"(\d{1,7}) ([A-Za-z]) (\d{1,15}) (\d{1,15}) (\d{1,15}) (.{0,64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Surroundings(Rung):
    """What the process holds and waits for, and who else is on its host."""

    place: ClassVar[int] = 20

    def look(self, subject: Subject) -> Gathered:
        return Gathered("", pieces_of(subject.gate().around(subject.process))) if subject.at_leisure else Gathered()


def pieces_of(lines: Iterable[str]) -> tuple[Piece, ...]:
    """The document of these lines as a file; none where they say nothing."""
    document = around_in(lines)
    return (as_json({"schema": SCHEMA, **document}, SUFFIX),) if document else ()


def around_in(lines: Iterable[str]) -> Json:
    """The document of the gate's verb `around`."""
    lines = tuple(lines)
    page = next((int(value) << 10 for value in values(lines, "page") if re.fullmatch(r"\d{1,4}", value)), 4096)
    sockets: dict[str, dict[str, int]] = {}
    for value in values(lines, "sockets"):
        if m := re.fullmatch(r"(tcp6?|udp6?) ([0-9A-F]{2}) (\d{1,7})", value, re.ASCII):
            number = int(m[2], 16)
            known = m[1].startswith("tcp") and 0 < number <= len(STATES)
            sockets.setdefault(m[1], {})[STATES[number - 1] if known else m[2]] = int(m[3])
    threads = next((int(value) for value in values(lines, "threads") if re.fullmatch(r"\d{1,7}", value)), None)
    return without_gaps({
        "descriptors": counts(lines, "descriptors"),
        "sockets": sockets,
        "threads": without_gaps({
            "all": threads, "states": counts(lines, "thread"), "waits_in": counts(lines, "waits"),
        }),
        "processes": processes_in(lines, page),
        "kernel": list(dict.fromkeys(value[:400] for value in values(lines, "kernel")))[-20:],
    })  # fmt: skip


def counts(lines: Iterable[str], key: str) -> dict[str, int]:
    """`KEY NAME COUNT` lines: name -> count."""
    found = (re.fullmatch(r"([\w.]{1,64}) (\d{1,7})", value, re.ASCII) for value in values(lines, key))
    return dict([(m[1], int(m[2])) for m in found if m][:100])


def processes_in(lines: Iterable[str], page: int) -> list[dict[str, Any]]:
    """The biggest processes of the host; page: bytes."""
    found = [m for value in values(lines, "biggest") if (m := PROCESS.fullmatch(value))]
    return [
        {"pid": int(pid), "state": state, "cpu_seconds": int(ticks) / HZ, "rss_bytes": int(pages) * page, "name": name}
        for pid, state, ticks, pages, _, name in dict.fromkeys(m.groups() for m in found)
    ][:24]
