"""What may be tried again and what may not.

    AlertprofError
    ├── Refusal     final: this capture cannot be, and the reason says why and what would help
    └── Passing     may pass: tried again until the step's deadline, then its reason becomes final

Foreign exceptions (paramiko, SQLAlchemy, OSError) are turned into one of these at the door of the room that met
them. The reason codes are the contract's; the same words serve the API, the log and the metric label.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    DUPLICATE = "duplicate"
    COOLDOWN = "cooldown"
    BUDGET = "budget"
    PAUSED = "paused"
    NO_RULE = "no_rule"
    INVALID_ALERT = "invalid_alert"
    HOST_UNKNOWN = "host_unknown"
    HOST_NOT_ALLOWED = "host_not_allowed"
    HOST_UNREACHABLE = "host_unreachable"
    HOST_KEY_MISMATCH = "host_key_mismatch"
    AUTH_FAILED = "auth_failed"
    PROCESS_NOT_FOUND = "process_not_found"
    PROCESS_AMBIGUOUS = "process_ambiguous"
    PROCESS_IS_WRAPPER = "process_is_wrapper"
    NO_PROFILER = "no_profiler"
    UNSAFE_SIGNAL = "unsafe_signal"
    EVIDENCE_CONFLICT = "evidence_conflict"
    NOT_PERMITTED = "not_permitted"
    ALREADY_PROFILING = "already_profiling"
    PROCESS_EXITED = "process_exited"
    PROCESS_REPLACED = "process_replaced"
    PROFILE_EMPTY = "profile_empty"
    NO_SPACE = "no_space"
    TIMEOUT = "timeout"
    COLLECT_FAILED = "collect_failed"
    RESOLVED_BEFORE_START = "resolved_before_start"
    REQUESTED = "requested"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a capture did not come to be, or came to less than it should: a code for programs, a sentence for people."""

    code: Code
    message: str


class AlertprofError(Exception):
    """Carries the reason in the contract's words."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.reason = Reason(code, message)


class Refused(AlertprofError):
    """Final. Trying again would change nothing, or would do harm."""


class Retryable(AlertprofError):
    """May pass. Whoever catches it tries again later, until its deadline."""


def without_logins(text: str) -> str:
    """A sentence, perhaps somebody else's, with the addresses in it; for all to read."""
    return re.sub(r"(?<=://)[^/\s'\"]*@", "", text)
