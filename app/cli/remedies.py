"""What to type after a capture that led to nothing, by the code of its reason. Pure.

The commands look, and change nothing: the reason's own sentence says what has to be changed.
"""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.cli.console import plain
from app.errors import Code

DOCTOR: Final = "alertprof doctor {host}"
PROCESS: Final = "alertprof doctor {host} --pid {pid}"
EXPLAIN: Final = "alertprof explain ALERT.json"
BY_HAND: Final = "alertprof capture {host} --pid {pid}"

NEXT: Final[Mapping[str, tuple[str, str]]] = {
    Code.DUPLICATE: ("alertprof captures --host {host}", "the capture that records the process"),
    Code.COOLDOWN: (BY_HAND, "a capture by hand waits for no cooldown"),
    Code.BUDGET: ("alertprof captures --state recording", "what has the places"),
    Code.PAUSED: ("curl -X POST {url}/-/resume", "captures are started again"),
    Code.NO_RULE: (EXPLAIN, "which matcher of which rule does not fit"),
    Code.INVALID_ALERT: (EXPLAIN, "what of an alert cannot be taken"),
    Code.HOST_UNKNOWN: (DOCTOR, "by which name the host is known, and from where"),
    Code.HOST_NOT_ALLOWED: (DOCTOR, "which hosts are allowed"),
    Code.HOST_UNREACHABLE: (DOCTOR, "which step of the way is not open"),
    Code.HOST_KEY_MISMATCH: (DOCTOR, "which key the host shows, and which one is known"),
    Code.AUTH_FAILED: (DOCTOR, "which keys were offered, as which user"),
    Code.PROCESS_NOT_FOUND: (DOCTOR, "which processes are there"),
    Code.PROCESS_AMBIGUOUS: (DOCTOR, "which processes are there"),
    Code.PROCESS_IS_WRAPPER: (DOCTOR, "which processes are there"),
    Code.NO_PROFILER: (PROCESS, "how the process could be profiled"),
    Code.UNSAFE_SIGNAL: (PROCESS, "how the process could be profiled, and whether it is blocked"),
    Code.EVIDENCE_CONFLICT: (PROCESS, "what its executable says of itself"),
    Code.NOT_PERMITTED: (PROCESS, "what the account and the key may do"),
    Code.ALREADY_PROFILING: (PROCESS, "whether it is still recorded"),
    Code.PROCESS_EXITED: (DOCTOR, "which processes are there now"),
    Code.PROCESS_REPLACED: (DOCTOR, "which processes are there now"),
    Code.PROFILE_EMPTY: (PROCESS, "how much space is free where its files go"),
    Code.NO_SPACE: (PROCESS, "how much space is free where its files go"),
    Code.TIMEOUT: (DOCTOR, "how far the way to the host is open, and how quick it is"),
    Code.COLLECT_FAILED: (DOCTOR, "whether the host can be reached again"),
    Code.RESOLVED_BEFORE_START: ("alertprof captures --fingerprint {fingerprint}", "what else this alert led to"),
    Code.REQUESTED: (BY_HAND, "capture the process anew"),
}


def remedy(capture: Mapping[str, Any], url: str) -> Iterator[str]:
    """The line to type after a capture with a reason, and what it is for; none for a capture without one.

    capture: as the API has it. What is not known of it is left to the reader, in capitals.
    """
    if not capture["reason"] or capture["reason"]["code"] not in NEXT:
        return
    command, purpose = NEXT[capture["reason"]["code"]]
    target, trigger = capture["target"] or {}, capture["trigger"]
    labels = trigger.get("labels") or {}
    known = {
        "host": target.get("host") or labels.get("host") or labels.get("instance", "").rpartition(":")[0],
        "pid": target.get("pid"),
        "fingerprint": trigger.get("fingerprint"),
        "url": url,
    }
    words = {name: shlex.quote(str(value)) if value else name.upper() for name, value in known.items()}
    yield plain(f"{command.format(**words)}   {purpose}")
