"""One command on a connection, for its first words. Used by doctor.py before there is a gate."""

import time
from collections.abc import Callable
from contextlib import closing

from app.errors import Retryable
from app.gate.entry import GREETING_LIMIT, SHELL_TIMEOUT
from app.gate.last_words import last_line, of_shell
from app.hosts.pipe import ChannelPipe
from app.hosts.ssh import Connection


def answer(connection: Connection, command: str, understood: Callable[[bytes], bool]) -> tuple[str, str]:
    """What a command says until it is understood, ends or reaches a limit; and why that is no answer, as far as its end
    or its last words tell."""
    limit = connection.options.shell_timeout or SHELL_TIMEOUT
    output, end = b"", time.monotonic() + limit
    with closing(connection.open(command, timeout=limit)) as pipe:
        while len(output) < GREETING_LIMIT and not understood(output):
            if (left := end - time.monotonic()) <= 0:
                return in_words(output), f"it was not ready within {limit:g} s (shell_timeout)"
            try:
                more = pipe.recv(GREETING_LIMIT, left)
            except Retryable:
                if not connection.alive:
                    raise
                continue
            if not more:
                return in_words(output), how_it_ended(pipe, in_words(output))
            output += more
    return in_words(output), ""


def in_words(output: bytes) -> str:
    return output.decode("utf-8", "replace")


def how_it_ended(pipe: ChannelPipe, output: str) -> str:
    """Of a shell that was to answer."""
    words = pipe.last_words()
    last = last_line(words) or last_line(output)
    return of_shell(f"{output}\n{words}", pipe.status()) + (f" (its last line: {last})" if last else "")
