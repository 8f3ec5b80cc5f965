"""What follows when a signal of ours has harmed a process: the messages, the block, and later refusals. Pure.

captures/recording.py blocks the executable before it saves the capture; profilers/base.py refuses a blocked one.
"""

import hashlib
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from app.errors import Code, Reason, Refused
from app.gate.facts import Harm
from app.model import Blocked, Capture, Finding, Target

BUILD, HARM = "build", "harm"  # keys of a capture's notes
ENDED_AFTER_SIGNAL = "ended_after_signal"  # the finding's code
LONGEST, NAME = 1000, 100  # characters of a path, and of its last part


def blocked(capture: Capture, harm: Harm, now: datetime) -> Blocked | None:
    """The block of the capture's executable; None if nothing tells the executable from others."""
    build, target = capture.notes.get(BUILD, ""), capture.target or Target("")
    if not build:
        return None
    text = sentence(target, harm)
    exe, pid = target.exe[:LONGEST], target.pid or 0
    return Blocked(id_of(build), build, exe, target.host, pid, capture.id, now, harm.signal, text)


def id_of(build: str) -> str:
    """The block's id. It follows from the build, so it is the same on every replica."""
    return hashlib.sha256(build.encode()).hexdigest()[:16]


def harmed(capture: Capture, harm: Harm, now: datetime) -> Capture:
    """The capture with the finding, the event and the note that makes it fail at its end."""
    text = sentence(capture.target or Target(""), harm)
    message = f"{text}; {outlook(capture.notes.get(BUILD, ''))}"
    finding = Finding("critical", f"it {harm}", message, code=ENDED_AFTER_SIGNAL)
    notes: dict[str, Any] = {**capture.notes, HARM: {"signal": harm.signal, "message": message}}
    return replace(capture, notes=notes, findings=(*capture.findings, finding)).with_event(now, "harm", text)


def outlook(build: str) -> str:
    """What becomes of the executable from now on."""
    if not build:
        return "its executable could not be read, so nothing keeps the next alert from signalling it again"
    return f"this executable is not signalled any more (build {build}) until `alertprof unblock {id_of(build)}`"


def reason_of(capture: Capture) -> Reason | None:
    """Why a capture that did harm has failed, whatever else came of it; None if it did no harm."""
    harm = capture.notes.get(HARM)
    return Reason(Code.PROCESS_EXITED, harm["message"]) if harm else None


def signal_of(capture: Capture) -> str | None:
    """The signal that did harm, such as SIGUSR2, or None."""
    harm = capture.notes.get(HARM)
    return str(harm["signal"]) if harm else None


def refusal(host: str, pid: int, name: str, one: Blocked) -> Refused:
    """The error for a process whose executable is blocked."""
    return Refused(
        Code.UNSAFE_SIGNAL,
        f"{host}: pid {pid} ({name}) is not signalled: a signal has harmed this executable ({one.message}; capture "
        f"{one.capture}). `alertprof unblock {one.id}` allows it again",
    )


def blocked_meanwhile(one: Blocked) -> str:
    """The event for a recording that is ended because its executable has been blocked since it began."""
    return f"a signal has harmed this executable meanwhile ({one.message}): what was begun here is ended"


def sentence(target: Target, harm: Harm) -> str:
    """The harm, with the process that it was done to."""
    name = PurePosixPath(target.exe).name or target.service
    return f"{target.host}: pid {target.pid} ({name[:NAME]}) {harm}"
