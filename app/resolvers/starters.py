"""What only starts a service, and stays as its parent, is not the service: `doppler run -- ./orders`, a supervisor, an
init. Asked by the resolvers that find a process by its name or as the first of its group.

No list of such programs is complete. So it is what they do that tells: one child in the same cgroup that runs another
program, and is the one that listens, is go-zero, or is what the parent's own words say is to be run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.gate.client import Gate, Mode
from app.gate.facts import SHELLS, Seen
from app.resolvers.base import Candidates
from app.resolvers.families import WRAPPERS, name_of

DEEPEST = 8  # starters of starters


def started_by(gate: Gate, processes: Sequence[Seen], candidates: Candidates) -> Candidates:
    """The same with what each starter started in its place."""
    passed: dict[Seen, None] = {}
    started: dict[Seen, None] = {}
    for each in candidates.processes:
        chain = chain_of(gate, processes, each)
        passed |= dict.fromkeys(chain[:-1])
        started[chain[-1]] = None
    through = f", started by {', '.join(map(str, passed))}" if passed else ""
    return replace(candidates, processes=tuple(started), how=f"{candidates.how}{through}")


def chain_of(gate: Gate, processes: Iterable[Seen], first: Seen) -> list[Seen]:
    """The starters, and at the end what they started."""
    processes, chain = list(processes), [first]
    while len(chain) <= DEEPEST and (child := only_child(processes, chain[-1])) and starts(gate, chain[-1], child):
        chain.append(child)
    return chain


def only_child(processes: Iterable[Seen], parent: Seen) -> Seen | None:
    children = [each for each in processes if each.parent == parent.id.pid and each.groups == parent.groups]
    return children[0] if len(children) == 1 else None


def starts(gate: Gate, parent: Seen, child: Seen) -> bool:
    if name_of(parent) in WRAPPERS:
        return True
    if parent.exe == child.exe:
        return False
    above, below = gate.look(parent.id.pid), gate.look(child.id.pid)
    if not above or not below or above.mode is not Mode.NONE or gate.ports(parent.id.pid).listening:
        return False
    told = names_it(above.cmdline, below.cmdline, of_shell=name_of(child) in SHELLS)
    return told or below.mode is not Mode.NONE or bool(gate.ports(child.id.pid).listening)


def names_it(words: Sequence[str], child: Sequence[str], *, of_shell: bool) -> bool:
    """Do a parent's words end with the child's? Of a script the child's first word is its interpreter; a shell's last
    word is a command that the parent has as one word too."""
    said = list(words[1:])
    script = child[1:] if len(child) > 1 and not child[1].startswith("-") else ()
    whole = any(any(ending) and said[-len(ending) :] == list(ending) for ending in (child, script))
    return whole or (of_shell and any(child[-1] in (word, word.partition("=")[2]) for word in said))
