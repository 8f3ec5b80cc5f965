"""Does the key open a shell or the gate, and does the host's clock agree with ours? For doctor.py."""

import re
from collections.abc import Callable, Iterator

from app.errors import AlertprofError
from app.explain.explanation import Check, Mark
from app.gate.asked import answer
from app.hosts.ssh import Connection

# A command for the account's own shell; SHELL_SAYS reads the answer.
SHELL_ASKED = "exec /bin/sh -c 'echo; echo alertprof $(id -u) $(id -un) $(date +%s) $(readlink /proc/$$/exe)'"
SHELL_SAYS = re.compile(r"^alertprof (?P<uid>\d{1,10}) (?P<name>\S{1,64}) (?P<at>\d{1,12}) ?(?P<sh>\S{0,200})$", re.M)
GATE_SAYS = re.compile(r"^ready \d+ ", re.M)
CLOCKS_APART = 5  # seconds

IS_BOUND = "The key seems to be bound to a gate there: set gate: installed for this host"
IS_INSTALLED = (
    "Is the gate installed there, and is the key bound to it (`alertprof gate` tells how)? Else set gate: sent"
)


def shell(connection: Connection, clock: Callable[[], float]) -> Iterator[Check]:
    """What the key opens: the account's shell, or only the gate. clock: time.time."""
    try:
        before = clock()
        output, why = answer(connection, SHELL_ASKED, understood)
        after = clock()
    except AlertprofError as fault:
        yield Check(Mark.NO, "shell", fault.reason.message)
        return
    installed = connection.options.gate == "installed"
    if account := SHELL_SAYS.search(output):
        sh = f", sh is {account['sh']}" if account["sh"] else ""
        beside = "; with gate: installed the key should be bound to the gate, and open none" if installed else ""
        yield Check(Mark.OK, "shell", f"the key opens one, as {account['name']} (uid {account['uid']}){sh}{beside}")
        yield clocks(int(account["at"]), before, after)
    elif GATE_SAYS.search(output) and installed:
        yield Check(Mark.OK, "shell", "the key opens none: it runs the gate, whatever is asked")
    elif GATE_SAYS.search(output):
        yield Check(Mark.NO, "shell", f"the key opens none, it runs a gate. {IS_BOUND}")
    else:
        instead = f": {why}" if why else f", but {output[:200]!r}"
        yield Check(Mark.NO, "shell", f"no POSIX shell and no gate answers{instead}. {IS_INSTALLED}")


def understood(output: bytes) -> bool:
    """Whether this is a complete answer, of a shell or of a gate."""
    text = output.decode("utf-8", "replace")
    return text.endswith("\n") and bool(SHELL_SAYS.search(text) or GATE_SAYS.search(text))


def clocks(there: int, before: float, after: float) -> Check:
    """Whether the host's clock agrees with ours. there: its seconds, read between `before` and `after` of ours."""
    apart = there - (before if there < before else min(float(there), after))
    if abs(apart) <= CLOCKS_APART:
        return Check(Mark.OK, "clock", "it agrees with ours")
    way = "ahead of" if apart > 0 else "behind"
    return Check(Mark.NOTE, "clock", f"{abs(apart):.0f} s {way} ours; all times that alertprof tells are ours")
