"""Programs that only start a service and stay as its parent: `doppler run -- ./orders`, a supervisor, an init.

The service is their child. Called by the resolvers that find a process by its name or as the first of its group. No
list of such programs is complete, so their behaviour counts: a single child in the same cgroup that runs another
program and listens, is a go-zero service, or is what the parent's command line says to run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.gate.answers import Mode
from app.gate.client import Gate
from app.gate.facts import SHELLS, Seen
from app.resolvers.base import Candidates
from app.resolvers.families import WRAPPERS, name_of

DEEPEST = 8  # starters in a chain


def started_by(gate: Gate, processes: Sequence[Seen], candidates: Candidates) -> Candidates:
    """The candidates, with each starter replaced by what it started."""
    passed: dict[Seen, None] = {}
    started: dict[Seen, None] = {}
    for each in candidates.processes:
        chain = chain_of(gate, processes, each)
        passed |= dict.fromkeys(chain[:-1])
        started[chain[-1]] = None
    through = f", started by {', '.join(map(str, passed))}" if passed else ""
    return replace(candidates, processes=tuple(started), how=f"{candidates.how}{through}")


def chain_of(gate: Gate, processes: Iterable[Seen], first: Seen) -> list[Seen]:
    """The starters, and what they started as the last element."""
    processes, chain = list(processes), [first]
    while len(chain) <= DEEPEST and (child := only_child(processes, chain[-1])) and starts(gate, chain[-1], child):
        chain.append(child)
    return chain


def only_child(processes: Iterable[Seen], parent: Seen) -> Seen | None:
    """The single child of a process in the same cgroup, or None."""
    children = [each for each in processes if each.parent == parent.id.pid and each.groups == parent.groups]
    return children[0] if len(children) == 1 else None


def starts(gate: Gate, parent: Seen, child: Seen) -> bool:
    """Whether the parent only starts the child."""
    if name_of(parent) in WRAPPERS:
        return True
    if parent.exe == child.exe:
        return False
    above, below = gate.look(parent.id.pid), gate.look(child.id.pid)
    if not above or not below or above.mode is not Mode.NONE or gate.ports(parent.id.pid).listening:
        return False
    named = names_child(above.cmdline, below.cmdline, of_shell=name_of(child) in SHELLS)
    return named or below.mode is not Mode.NONE or bool(gate.ports(child.id.pid).listening)


def names_child(words: Sequence[str], child: Sequence[str], *, of_shell: bool) -> bool:
    """Whether a parent's command line ends with the child's.

    A script's first word is its interpreter, which the parent does not name. A shell's last word is a command, which is
    one word of the parent as well."""
    arguments = list(words[1:])
    script = child[1:] if len(child) > 1 and not child[1].startswith("-") else ()
    whole = any(any(ending) and arguments[-len(ending) :] == list(ending) for ending in (child, script))
    return whole or (of_shell and any(child[-1] in (word, word.partition("=")[2]) for word in arguments))
