"""What speaks against sending go-zero's signals to a program that holds go-zero. Called by go_zero.py.

Two things are looked at (the gate gathers them): whether the executable's function table, its build information and its
module paths tell the same story, and whether something besides go-zero asks for SIGUSR2 or SIGUSR1 in the process.
What neither can see is listed in docs/reliability.md.
"""

from app.errors import Code, Refused
from app.gate.client import Mode, Process

SAYS = {
    "toggle": "one that the same signal starts and stops (up to v1.6.0)",
    "timed": "one that stops by itself (from v1.6.1)",
}


def agreed(process: Process, host: str, name: str) -> None:
    """Raises Refusal(EVIDENCE_CONFLICT) where the executable contradicts itself."""
    if process.mode is Mode.CONFLICT:
        raise Refused(
            Code.EVIDENCE_CONFLICT,
            f"{host}: pid {process.id.pid} ({name}) is left alone: {conflict(process)}. What SIGUSR2 would do to it is "
            "not certain; profile it over /debug/pprof (http-pprof)",
        )


def conflict(process: Process) -> str:
    what, _, rest = process.conflict.partition(" ")
    if what == "modules":
        return f"its executable holds go-zero more than once ({' and '.join(rest.split())}), and each would act"
    if what == "versions":
        return f"its build information names go-zero in several versions ({' and '.join(rest.split())})"
    if what == "table":
        other = "timed" if rest == "toggle" else "toggle"
        return (
            f"its build information says go-zero {process.gozero_version}, whose recording is {SAYS[other]}, but its "
            f"function table shows {SAYS.get(rest, rest)}"
        )
    return "its executable holds more than one Go program, so nobody can tell whose go-zero it is"


def alone(process: Process, host: str, name: str) -> None:
    """Raises Refusal(UNSAFE_SIGNAL) where something besides go-zero is seen to ask for its signals."""
    if process.restarter:
        raise _shared(process, host, name, f"it holds {process.restarter}, which may end or restart it then")
    if process.askers and process.askers != (1, 1):
        wanted = zip(("SIGUSR1", "SIGUSR2"), process.askers, strict=True)
        counted = " and ".join(f"{count} for {signal}" for signal, count in wanted if count > 1)
        raise _shared(process, host, name, f"its runtime counts {counted or 'none'} where go-zero alone makes one")


def unseen(process: Process) -> str:
    """What could not be looked at, as a sentence; "" where all was."""
    return "" if process.askers else "whether something besides go-zero asks for SIGUSR2 could not be seen"


def _shared(process: Process, host: str, name: str, why: str) -> Refused:
    return Refused(
        Code.UNSAFE_SIGNAL,
        f"{host}: pid {process.id.pid} ({name}) is not signalled: something besides go-zero asks for SIGUSR2 or "
        f"SIGUSR1 in it ({why}). Profile it over /debug/pprof (http-pprof)",
    )
