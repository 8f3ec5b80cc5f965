"""What speaks against sending go-zero's signals to a program that contains go-zero. Called by go_zero.py.

The gate gathers the evidence. Two things are judged here: whether the executable's function table, its build
information and its module paths agree, and whether something besides go-zero asks for SIGUSR2 or SIGUSR1 in the
process. docs/reliability.md lists what neither can see.
"""

from app.errors import Code, Refused
from app.gate.answers import Mode, Process
from app.profilers.checks import name_of

MEANINGS = {
    "toggle": "one that the same signal starts and stops (up to v1.6.0)",
    "timed": "one that stops by itself (from v1.6.1)",
}


def refuse_conflict(process: Process, host: str) -> None:
    """Raises Refused(EVIDENCE_CONFLICT) if the executable contradicts itself."""
    if process.mode is Mode.CONFLICT:
        raise Refused(
            Code.EVIDENCE_CONFLICT,
            f"{host}: pid {process.id.pid} ({name_of(process)}) is left alone: {conflict_in(process)}. What SIGUSR2 "
            "would do to it is not certain; profile it over /debug/pprof (http-pprof)",
        )


def conflict_in(process: Process) -> str:
    """The contradiction that the gate found, as a sentence."""
    what, _, rest = process.conflict.partition(" ")
    if what == "modules":
        return f"its executable holds go-zero more than once ({' and '.join(rest.split())}), and each would act"
    if what == "versions":
        return f"its build information names go-zero in several versions ({' and '.join(rest.split())})"
    if what == "table":
        other = "timed" if rest == "toggle" else "toggle"
        return (
            f"its build information says go-zero {process.gozero_version}, whose recording is {MEANINGS[other]}, but "
            f"its function table shows {MEANINGS.get(rest, rest)}"
        )
    return "its executable holds more than one Go program, so nobody can tell whose go-zero it is"


def refuse_shared(process: Process, host: str) -> None:
    """Raises Refused(UNSAFE_SIGNAL) if something besides go-zero asks for its signals."""
    if why := shared_because(process):
        raise Refused(
            Code.UNSAFE_SIGNAL,
            f"{host}: pid {process.id.pid} ({name_of(process)}) is not signalled: something besides go-zero asks for "
            f"SIGUSR2 or SIGUSR1 in it ({why}). Profile it over /debug/pprof (http-pprof)",
        )


def shared_because(process: Process) -> str:
    """The evidence that something besides go-zero asks for its signals; "" if there is none."""
    if process.restarter:
        return f"it holds {process.restarter}, which may end or restart it then"
    if process.askers and process.askers != (1, 1):
        counts = zip(("SIGUSR1", "SIGUSR2"), process.askers, strict=True)
        several = " and ".join(f"{count} for {signal}" for signal, count in counts if count > 1)
        return f"its runtime counts {several or 'none'} where go-zero alone makes one"
    return ""


def unseen(process: Process) -> str:
    """What could not be checked, as a sentence; "" if everything was."""
    return "" if process.askers else "whether something besides go-zero asks for SIGUSR2 could not be seen"
