"""Expands the tokens of ssh_config (%h, ${HOME}, ~), which `ssh -G` prints unexpanded. Used by ssh_config.py.

An unknown token stays as it is, and so names a file that does not exist.
"""

import hashlib
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tokens:
    """The values of the tokens for one host. asked: its name as it was given; address: its HostName."""

    asked: str
    address: str
    port: int
    user: str
    alias: str | None
    me: str  # the local account
    is_direct: bool = True

    def filled(self, text: str) -> str:
        """The expanded value of a keyword that names a file."""
        home = str(Path.home())
        text = home + text[1:] if text.startswith("~/") else text
        text = re.sub(r"\$\{(\w+)\}", lambda name: os.environ.get(name[1], name[0]), text)
        values = self._of_the_route() | self._of_this_machine(home)
        return re.sub("%.", lambda token: values.get(token[0], token[0]), text)

    def jump(self, text: str) -> str:
        """The expanded value of ProxyJump, which knows fewer tokens."""
        known = {"%%", "%h", "%n", "%p", "%r"}
        values = {token: value for token, value in self._of_the_route().items() if token in known}
        return re.sub("%.", lambda token: values.get(token[0], token[0]), text)

    def _of_the_route(self) -> dict[str, str]:
        alias = self.alias or self.asked
        values = {"%%": "%", "%h": self.address, "%k": alias, "%n": self.asked, "%p": str(self.port), "%r": self.user}
        return values | self._of_the_jump()

    def _of_the_jump(self) -> dict[str, str]:
        """Behind a jump host these two differ between versions of OpenSSH, and are left unexpanded."""
        if not self.is_direct:
            return {}
        said = f"{socket.gethostname()}{self.address}{self.port}{self.user}"
        return {"%j": "", "%C": hashlib.sha1(said.encode(), usedforsecurity=False).hexdigest()}

    def _of_this_machine(self, home: str) -> dict[str, str]:
        here = socket.gethostname()
        return {"%d": home, "%i": str(os.getuid()), "%L": here.partition(".")[0], "%l": here, "%u": self.me}
