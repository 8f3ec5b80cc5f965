"""What of the configuration becomes part of the gate's own script: commands of other profilers, and where files appear.

A request to the gate has numbers and enumerations only, so a command of the configuration cannot travel in one. It is a
shell function in the script, called by a hash of its text: a gate that was installed with another configuration has no
function of that name and refuses.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """`body`: lines of POSIX sh, made of quoted words of the configuration only."""

    body: str

    @property
    def id(self) -> str:
        """32 hex digits."""
        return hashlib.sha256(self.body.encode()).hexdigest()[:32]


def with_recipes(script: bytes, recipes: Iterable[Recipe]) -> bytes:
    """The gate's script with these functions in it, in the place that it keeps for them."""
    functions = "".join(f"r_{recipe.id}() {{\n{recipe.body}\n}}\n" for recipe in dict.fromkeys(recipes))
    before, place, after = script.partition(b"# (recipes)\n")
    return before + place + functions.encode() + after
