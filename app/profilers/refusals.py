"""The meaning of each refusal that the gate answers with: final or not, the reason code, and a sentence.

Called by the profilers that act through the gate. The sentence follows "HOST: pid N ".
"""

from collections.abc import Mapping

from app.errors import AlertprofError, Code, Refused, Retryable
from app.gate.answers import Process
from app.gate.client import BLIND
from app.model import Capture
from app.profilers.base import host_of, process_of
from app.profilers.checks import name_of

# A host that is short of processor time gives these answers too. A repeated request then finds the late result, and
# signals nothing twice.
SLOW = frozenset({"unarmed", "unconfirmed"})
SLOW_ATTEMPTS = 3

Refusals = Mapping[str, tuple[type[AlertprofError], Code, str]]


def refused(code: Code, sentences: Mapping[str, str]) -> Refusals:
    """Answers of the gate that are final, with their sentences."""
    return {answer: (Refused, code, sentence) for answer, sentence in sentences.items()}


def retryable(code: Code, sentences: Mapping[str, str]) -> Refusals:
    """Answers of the gate that may pass, with their sentences."""
    return {answer: (Retryable, code, sentence) for answer, sentence in sentences.items()}


UNREADABLE = (
    "does not let this account see its open files: log in as the service's user and group or as root, "
    "or set become: sudo"
)
COMMON: Refusals = {
    **refused(Code.PROCESS_EXITED, {"gone": "has exited"}),
    **refused(
        Code.PROCESS_REPLACED,
        {"replaced": "is another process or runs another program now; the one that was meant is gone"},
    ),
    **refused(Code.PROCESS_NOT_FOUND, {"thread": "is a thread, not a process: name the process"}),
    **refused(
        Code.UNSAFE_SIGNAL,
        {
            "stopped": "is stopped (SIGSTOP or a debugger): it would take the signal at some later time",
            "traced": "is being traced by a debugger",
        },
    ),
    **refused(
        Code.NOT_PERMITTED,
        {
            "unreadable": UNREADABLE,
            "denied": "may not be signalled by this account: log in as the service's user or set become: sudo",
            "unarmed": "was left alone: the dead-man's switch could not be started there",
            "recipe": "is on a host whose gate does not know what this rule's profiler is to do: install there what "
            "`alertprof gate --config.file F` prints (where no gate is installed, restart alertprof)",
        },
    ),
    **refused(
        Code.NO_SPACE,
        {"journal": "is on a host where the gate cannot write its journal (disk full?): no record, no signal"},
    ),
    **refused(
        Code.COLLECT_FAILED,
        {"unknown": "has no record of this capture on its host any more: the journal there was removed"},
    ),
    **retryable(
        Code.ALREADY_PROFILING,
        {"already": "is being profiled already, by hand or by another program; that is left alone"},
    ),
    **retryable(
        Code.TIMEOUT,
        {
            "blind": BLIND,
            "busy": "is being worked on by another gate",
            "recent": "was signalled a moment ago",
            "fenced": "was left alone, since another replica has taken this capture over",
        },
    ),
}


def refusal(capture: Capture, answer: str, meanings: Refusals = COMMON) -> AlertprofError:
    """The error for an answer of the gate about the capture's process.

    The first few SLOW answers are Retryable: the host may only have been late."""
    fault = _error(f"{host_of(capture)}: pid {process_of(capture).pid}", answer, meanings)
    if answer in SLOW and capture.attempt < SLOW_ATTEMPTS:
        return Retryable(fault.reason.code, fault.reason.message)
    return fault


def refusal_of(process: Process, host: str, answer: str, meanings: Refusals = COMMON) -> AlertprofError:
    """The error for a process that would be answered so, before anything is sent."""
    return _error(f"{host}: pid {process.id.pid} ({name_of(process)})", answer, meanings)


def _error(subject: str, answer: str, meanings: Refusals) -> AlertprofError:
    unknown = (Refused, Code.COLLECT_FAILED, f"was answered with {answer!r}, which is not understood")
    error, code, sentence = meanings.get(answer, unknown)
    return error(code, f"{subject} {sentence}")
