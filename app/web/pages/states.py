"""States and reason codes in words, in the reader's language. Pure."""

from typing import Final

from app.errors import Code
from app.model import State
from app.web.languages import _, marked

STATES: Final = {
    State.PENDING: marked("pending"),
    State.RECORDING: marked("recording"),
    State.COLLECTING: marked("collecting"),
    State.COMPLETED: marked("completed"),
    State.FAILED: marked("failed"),
    State.SKIPPED: marked("skipped"),
    State.CANCELED: marked("canceled"),
}
REASONS: Final = {
    Code.DUPLICATE: marked("the same alert again"),
    Code.COOLDOWN: marked("captured only a short time ago"),
    Code.BUDGET: marked("as many captures as the limits allow"),
    Code.PAUSED: marked("captures are paused"),
    Code.NO_RULE: marked("no rule matches"),
    Code.INVALID_ALERT: marked("the alert cannot be taken"),
    Code.HOST_UNKNOWN: marked("the host is not known"),
    Code.HOST_NOT_ALLOWED: marked("the host is not allowed"),
    Code.HOST_UNREACHABLE: marked("the host cannot be reached"),
    Code.HOST_KEY_MISMATCH: marked("the host key is another one"),
    Code.AUTH_FAILED: marked("the host refuses our login"),
    Code.PROCESS_NOT_FOUND: marked("no process found"),
    Code.PROCESS_AMBIGUOUS: marked("several processes fit"),
    Code.PROCESS_IS_WRAPPER: marked("the process only starts another one"),
    Code.NO_PROFILER: marked("nothing can profile the process"),
    Code.UNSAFE_SIGNAL: marked("a signal could harm the process"),
    Code.EVIDENCE_CONFLICT: marked("the executable contradicts itself"),
    Code.NOT_PERMITTED: marked("not permitted on the host"),
    Code.ALREADY_PROFILING: marked("somebody else profiles the process"),
    Code.PROCESS_EXITED: marked("the process ended"),
    Code.PROCESS_REPLACED: marked("the process became another program"),
    Code.PROFILE_EMPTY: marked("the profile is empty"),
    Code.NO_SPACE: marked("no space left"),
    Code.TIMEOUT: marked("it took too long"),
    Code.COLLECT_FAILED: marked("the files could not be fetched"),
    Code.RESOLVED_BEFORE_START: marked("the alert was over before it began"),
    Code.REQUESTED: marked("somebody asked for it"),
}
SEVERITIES: Final = (marked("info"), marked("warning"), marked("critical"))
STEPS: Final = (  # of a timeline's events, besides states
    marked("received"), marked("waiting"), marked("resolved"), marked("evidence"), marked("started"), marked("dumped"),
    marked("stopping"), marked("stopped"), marked("collected"), marked("cleaned"), marked("findings"), marked("harm"),
)  # fmt: skip

NOTICES: Final = (marked("waiting"), marked("delivered"), marked("failed"), marked("dropped"))


def state_in_words(state: str) -> str:
    """The state as people say it; any other text as it is."""
    return _(STATES[State(state)]) if state in STATES else state


def reason_in_words(code: str) -> str:
    """A few words for a reason's code; any other text as it is."""
    return _(REASONS[Code(code)]) if code in REASONS else code


def severity_in_words(severity: str) -> str:
    """A finding's severity; any other text as it is."""
    return _(severity) if severity in SEVERITIES else severity


def step_in_words(step: str) -> str:
    """The step of an event; any other text as it is."""
    return _(step) if step in STEPS else state_in_words(step)


def notice_in_words(state: str) -> str:
    """What became of a notice; any other text as it is."""
    return _(state) if state in NOTICES else state
