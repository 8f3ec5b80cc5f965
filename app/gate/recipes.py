"""What of the configuration becomes part of the gate's own script: commands of other profilers, and where files appear.

A request to the gate has numbers and enumerations only, so a command of the configuration cannot travel in one. It is a
shell function in the script, called by a hash of its text: a gate that was installed with another configuration has no
function of that name and refuses.
"""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """`body`: lines of POSIX sh, made of quoted words of the configuration only; "" without a function of its own.
    `part`: a part of the gate that is left out unless a recipe names it, such as memory_verbs."""

    body: str
    part: str = ""

    @property
    def id(self) -> str:
        """32 hex digits."""
        return hashlib.sha256(self.body.encode()).hexdigest()[:32]


MEMORY = Recipe("", part="memory_verbs")  # the verb that reads a process's memory
MAPPED = Recipe("", part="mapped_verbs")  # the verb that reads the files whose code a process runs
