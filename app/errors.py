"""What may be retried and what may not.

    AlertprofError
    ├── Refused     final: the capture cannot be made; the reason says why and what would help
    └── Retryable   may pass: retried until the step's deadline, then its reason becomes final
        └── StoreAway   our own store takes nothing: what lies on a host waits there however long that lasts

Foreign exceptions (paramiko, SQLAlchemy, OSError) are turned into one of these by the package that meets them. The
reason codes are the contract's; the API, the log and the metric labels use the same words.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Reason codes."""

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
    """Why a capture was not made or is incomplete: a code for programs, a sentence for people."""

    code: Code
    message: str


class AlertprofError(Exception):
    """The root of our errors. `reason`: the code and the sentence."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.reason = Reason(code, message)


class Refused(AlertprofError):
    """Final. A retry would change nothing, or would do harm."""


class Retryable(AlertprofError):
    """May pass. Whoever catches it retries later, until a deadline."""


class StoreAway(Retryable):
    """Our own store does not take what lies safe on a host. Retried without a deadline."""


def without_logins(text: str) -> str:
    """The text without user names and passwords in its URLs, so that everybody may read it."""
    return re.sub(r"(?<=://)[^/\s'\"]*@", "", text)
