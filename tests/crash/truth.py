"""What really became of a capture: read from the target's own event log and from the bytes that it wrote itself."""

import gzip
import hashlib
import os
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.lab.target import FILE, Event, Service

GRACE_MS = 10_000  # so long after its planned end a process may still record
KINDS = {"mem": "heap", "goroutines": "goroutine"}  # where our word is not the target's
SEVEN = frozenset({"cpu", "heap", "mutex", "block", "threadcreate", "trace", "goroutine"})
OURS = {"evidence": b"}\n", "log": b"\n"}  # files that no target wrote, and how they end
LOOK_EVERY = 0.1  # seconds; dozens of targets are looked at, and each file is there for longer


class Harm(StrEnum):
    """What must never happen; the report has a line for each."""

    LEFT = "processes left recording 10 s after plan"
    TWICE = "starts sent twice for one capture"
    LOST = "captures lost"
    ROWLESS = "acknowledged alerts without a row"
    REFUSED = "messages refused by replicas to which nothing was done"
    DAMAGED = "artifacts damaged"
    LITTER = "files left on the target after completion"
    SAMPLES = "loops left sampling"
    ASTRAY = "evidence of another process"


Found = tuple[Harm, str]


class Witness:
    """Holds open every file that a target makes, from its first moment: its bytes stay readable when it is removed."""

    def __init__(self, service: Service) -> None:
        self._folder = service.tmp
        self._held: dict[str, int] = {}
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            with self._lock:
                for path in self._folder.iterdir():
                    if path.name not in self._held:
                        self._hold(path)

    def _hold(self, path: Path) -> None:
        with suppress(FileNotFoundError):
            self._held[path.name] = os.open(path, os.O_RDONLY)

    def sums(self) -> dict[str, str]:
        """kind, in our words -> sha256 of what the target wrote."""
        return {kind: _sum_of(fd) for name, fd in list(self._held.items()) if (kind := _kind(name))}

    def forget(self) -> None:
        """For the next capture; what the last one left in the folder is removed."""
        with self._lock:
            for path in self._folder.iterdir():
                path.unlink(missing_ok=True)
            held, self._held = self._held, {}
        for fd in held.values():
            os.close(fd)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self.forget()


def _kind(name: str) -> str | None:
    found = FILE.search(name)
    return KINDS.get(found[1], found[1]) if found else None


def _sum_of(fd: int) -> str:
    with os.fdopen(os.dup(fd), "rb") as file:
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def overdue(events: Sequence[Event], plan: float, now_ms: float) -> Iterator[Found]:
    """Recordings that ended more than ten seconds after their plan (seconds), or run on since then."""
    for at, event in enumerate(events):
        if event.what == "start":
            end = next((later.at_ms for later in events[at:] if later.what == "stop"), now_ms)
            late = end - event.at_ms - plan * 1000
            if late > GRACE_MS:
                yield Harm.LEFT, f"recorded {late / 1000:.1f} s past its plan of {plan:g} s"


def signals(events: Sequence[Event], name: str) -> Iterator[Found]:
    """More signals than one recording takes: a toggling process needs two, a self-stopping one a single one."""
    whats = [event.what for event in events]
    asked = 2 if name == "toggle" else 1
    if whats.count("start") > 1 or "refused" in whats or whats.count("usr2") > asked:
        yield Harm.TWICE, f"the target noted {' '.join(whats)}"


def lost(events: Sequence[Event], row: Mapping[str, Any] | None, promised: Set[str]) -> Iterator[Found]:
    """A capture that was acknowledged must have a row which ends, and which says what the target knows.

    promised: the ids that were answered for its episode, of which there may be one."""
    if row is None:
        yield Harm.ROWLESS, "acknowledged with 202, but there is no row"
        return
    if len(promised) > 1:
        yield Harm.LOST, f"one episode was acknowledged as {', '.join(sorted(promised))}"
    recorded = any(event.what == "start" for event in events)
    state = row["state"]
    if state not in ("completed", "failed", "skipped", "canceled"):
        yield Harm.LOST, f"never ended: {state}; {row['timeline'][-1]['message']}"
    elif recorded and state not in ("completed", "failed"):
        yield Harm.LOST, f"the target recorded, the row says {state}: {row['reason']}"
    elif not recorded and state == "completed":
        yield Harm.LOST, "completed, but the target never recorded"
    elif state == "completed" and (less := SEVEN - {artifact["kind"] for artifact in row["artifacts"]}):
        yield Harm.LOST, f"completed without {', '.join(sorted(less))}"


def damaged(row: Mapping[str, Any], store: Path, originals: Mapping[str, str]) -> Iterator[Found]:
    """Each stored file against its row, against its own format's end, and against what the target wrote.

    In a capture that failed a file may honestly be no good (its reason says so); its bytes must still be the target's.
    """
    for artifact in row["artifacts"]:
        path = store / row["id"] / artifact["name"]
        data = path.read_bytes() if path.exists() else None
        fault = "is not in the store" if data is None else _fault(data, artifact, originals, row["state"])
        if fault:
            yield Harm.DAMAGED, f"{artifact['name']} of {row['id']} {fault}"


def _fault(data: bytes, artifact: Mapping[str, Any], originals: Mapping[str, str], state: str) -> str | None:
    found = hashlib.sha256(data).hexdigest()
    if (found, len(data)) != (artifact["sha256"], artifact["size"]):
        return "is not what its row says"
    if artifact["kind"] in OURS:
        return None if data.endswith(OURS[artifact["kind"]]) else "has no proper end"
    if artifact["kind"] in originals and originals[artifact["kind"]] != found:
        return "is not what the target wrote"
    if artifact["kind"] not in originals and state == "completed":
        return "is a file that the target was never seen to write"
    return None if state != "completed" or _whole(data, artifact["kind"]) else "has no proper end"


def _whole(data: bytes, kind: str) -> bool:
    if kind == "trace":
        return data.startswith(b"go 1.")
    if kind == "goroutine":
        return data.startswith(b"goroutine ")
    try:
        return bool(gzip.decompress(data))
    except (EOFError, OSError, zlib.error):
        return False


def litter(row: Mapping[str, Any], folder: Path) -> Iterator[Found]:
    if row["state"] == "completed" and (left := sorted(path.name for path in folder.iterdir())):
        yield Harm.LITTER, f"{row['id']} left {', '.join(left)}"


def now_ms() -> float:
    return time.time() * 1000
