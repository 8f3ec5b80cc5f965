"""Starts a gate on a connection: skips what the account prints first, and explains what ends the session instead.

Files of the account run between sshd and the gate (~/.ssh/rc, .bashrc, .zshenv, config.fish, .cshrc). They may print,
take long, end the session or run another shell. So the gate counts as started after a line that only it can print: a
nonce. Called by pool.py.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from secrets import randbelow, token_hex
from time import monotonic

from app.errors import AlertprofError, Code, Refused, Retryable
from app.gate.assemble import script
from app.gate.client import Gate
from app.gate.exchange import line_of
from app.gate.installed import PLACE
from app.gate.last_words import ANOTHER_SHELL, last_line, of_shell, of_sudo, short_of_resources
from app.gate.recipes import Recipe
from app.gate.words import Words
from app.hosts.pipe import ChannelPipe, Pipe
from app.hosts.ssh import Connection
from app.redaction import BUILT_IN, Redaction

SENT_COMMAND = "exec /bin/sh -s"
SUDO_COMMAND = "exec sudo -n /bin/sh -s"
INSTALLED_COMMAND = "alertprof-gate"  # a key with a forced command runs that, whatever is asked

SHELL_TIMEOUT = 30.0  # seconds, unless the configuration says otherwise
GREETING_LIMIT = 64 << 10  # bytes before the nonce
READY = re.compile(rb"ready \d+ [0-9a-f-]{36} \d{1,10}$", re.M)  # a greeting without a line end may stand before it
LAST_WORDS_TIMEOUT = 2.0  # seconds for a shell to finish after it was told that no more input comes
READ_SIZE = 65536

# Whatever shell reads commands there reads this. A csh goes on after errors, line by line: the first line, which means
# nothing to sh, ends it. The second line ends any other shell than the one that was asked for.
GUARD = (
    f'test "$?status" = 1 && echo "csh reads, not /bin/sh" && exit {ANOTHER_SHELL}\n'
    f'case $0 in /bin/sh) ;; *) echo "$0 reads, not /bin/sh" >&2; exit {ANOTHER_SHELL} ;; esac\n'
)
ECHOED = re.compile(rb"^" + re.escape(GUARD.splitlines()[0].encode()) + rb"\r?\n", re.M)
CAN_EXEC = "uname >/dev/null; test $? != 126 || exit 125\n"  # under sudo's noexec nothing can be started


class NoEntry(Refused):
    """The login succeeds, but the account, its shell or its sudo does not let the gate start. Final."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """How a gate is started on a connection.

    command: for sshd to run
    first: bytes that are sent at once
    mark: the line after which the gate speaks
    limit: seconds until that line
    sudo: whether the command is run by sudo
    sent: whether the script is sent; else it is installed there
    """

    command: str
    first: bytes
    mark: bytes
    limit: float
    sudo: bool
    sent: bool


def invocation_for(connection: Connection, recipes: tuple[Recipe, ...], ahead: Sequence[Words] = ()) -> Invocation:
    """The invocation that the connection's options ask for. ahead: the gate's first requests."""
    requests = [line_of(number, words) for number, words in enumerate(ahead, 1)]
    options = connection.options
    limit, sudo = options.shell_timeout or SHELL_TIMEOUT, options.become == "sudo"
    if options.gate == "installed":
        # A verb that no gate has: its answer, with this number, comes after all that was printed before.
        number = 100_000_000 + randbelow(900_000_000)
        first = b"".join([b"%d hello\n" % number, *requests])
        return Invocation(INSTALLED_COMMAND, first, b".%d verb" % number, limit, sudo=False, sent=False)
    nonce = token_hex(16)
    guard = GUARD + (CAN_EXEC if sudo else "") + f"echo; echo {nonce}\n"
    first = guard.encode() + script(recipes, requests)
    return Invocation(SUDO_COMMAND if sudo else SENT_COMMAND, first, nonce.encode(), limit, sudo=sudo, sent=True)


def enter(
    connection: Connection,
    recipes: tuple[Recipe, ...] = (),
    redaction: Redaction = BUILT_IN,
    *,
    fresh: bool = False,
    ahead: Sequence[Words] = (),
) -> Gate:
    """Starts a gate. fresh: this is the first session on the connection, which may take longer to open; ahead: requests
    that are sent with it, in the same round trip.

    Raises NoEntry if trying again would change nothing, otherwise Retryable."""
    invocation = invocation_for(connection, recipes, ahead)
    end = monotonic() + invocation.limit
    pipe = connection.open(invocation.command, timeout=invocation.limit if fresh else None)
    try:
        prefix = _GateStart(connection, pipe, invocation, end).read_greeting()
        pipe_after = _PrefixedPipe(pipe, prefix)
        return Gate(pipe_after, connection.host, send_script=False, redaction=redaction, ahead=ahead)
    except AlertprofError:
        pipe.close()
        raise


class _GateStart:
    """One start of a gate, until the gate speaks."""

    def __init__(self, connection: Connection, pipe: ChannelPipe, invocation: Invocation, end: float) -> None:
        self._connection, self._pipe, self._invocation, self._end = connection, pipe, invocation, end
        self._output = b""

    def read_greeting(self) -> bytes:
        """Sends the script, reads up to the mark. Returns what follows: the gate's first line and all after it."""
        try:
            self._pipe.send(self._invocation.first, max(self._end - monotonic(), 0.001))
            while not (found := self._mark()):
                self._read_more(self._end)
        except Retryable as fault:
            raise self._cause_of(fault) from fault
        before, after = self._output[: found.start()], self._output[found.end() :]
        return after if self._invocation.sent else self._ready(before) + after

    def _mark(self) -> re.Match[bytes] | None:
        return re.search(rb"^" + re.escape(self._invocation.mark) + rb"\r?\n", self._output, re.M)

    def _ready(self, before: bytes) -> bytes:
        """The first line of an installed gate, which it prints before it is asked anything."""
        if not (said := READY.findall(before)):
            raise self._no_entry(
                "its gate answers, but does not introduce itself: install this version's (`alertprof gate`)"
            )
        return bytes(said[-1]) + b"\n"

    def _read_more(self, end: float) -> None:
        data = self._pipe.recv(READ_SIZE, max(end - monotonic(), 0.0))
        self._output += data
        if not data:
            raise self._why_it_ended()
        if ECHOED.search(self._output):
            raise self._no_entry(
                "what runs there only repeats what it is sent: a forced command (ForceCommand) that is no gate"
            )
        if len(self._output) > GREETING_LIMIT:
            raise self._no_entry(f"it prints more than {GREETING_LIMIT >> 10} KiB and does not come to our gate")

    def _cause_of(self, fault: Retryable) -> AlertprofError:
        if not self._connection.alive:
            return fault
        if monotonic() >= self._end:
            return self._too_slow()
        self._read_to_end()
        return self._why_it_ended()

    def _read_to_end(self) -> bool:
        """Reads on for a moment. True if the output has ended."""
        end = monotonic() + LAST_WORDS_TIMEOUT
        with suppress(Retryable):
            while data := self._pipe.recv(READ_SIZE, max(end - monotonic(), 0.0)):
                self._output = (self._output + data)[-GREETING_LIMIT:]
            return True
        return False

    def _too_slow(self) -> AlertprofError:
        """A shell that waits for the end of its input, as fish does, speaks once it is told that there is no more."""
        self._pipe.finish()
        if self._read_to_end():
            return self._why_it_ended()
        last = f"; it has said: {said}" if (said := self._last()) else ""
        return Retryable(
            Code.HOST_UNREACHABLE,
            f"{self._connection.host}: the account's shell was not ready within {self._invocation.limit:g} s: its "
            "start-up files (~/.ssh/rc, .bashrc, .zshenv, config.fish, .cshrc) are slow, or the host is; raise "
            f"shell_timeout for this host{last}",
        )

    def _why_it_ended(self) -> AlertprofError:
        status, words = self._pipe.status(), self._words()
        if self._invocation.sent and READY.search(self._output):
            return self._no_entry("the key is bound to a gate there: set gate: installed for this host")
        if not self._connection.alive or status is None or short_of_resources(words):
            why = "was cut off" if status is None else "could not begin"
            return Retryable(
                Code.HOST_UNREACHABLE, f"{self._connection.host}: the gate {why}{self._last_words(status)}"
            )
        found = self._of_sudo(words)
        if not self._invocation.sent and not found:
            found = (
                "no gate answers: is it installed there, and is the key bound to it (`alertprof gate` tells how)? "
                "Else set gate: sent"
            )
        return self._no_entry(f"{found or of_shell(words, status)}{self._last_words(status)}")

    def _of_sudo(self, words: str) -> str:
        """What sudo printed, if it was run: by our command, or by the line of a key that is bound to the gate."""
        if self._invocation.sudo:
            said = of_sudo(words, self._connection.user, self._invocation.command)
            return f"{said}; or set become: none" if said else ""
        return "" if self._invocation.sent else of_sudo(words, self._connection.user, f"exec sudo -n {PLACE}")

    def _no_entry(self, what: str) -> NoEntry:
        return NoEntry(Code.NOT_PERMITTED, f"{self._connection.host}: {what}")

    def _last_words(self, status: int | None) -> str:
        ended = "" if status is None else f"it ended with status {status}"
        said = f"its last line: {last}" if (last := self._last()) else "without a word"
        return f" ({', '.join(filter(None, (ended, said)))})"

    def _words(self) -> str:
        return "\n".join((self._output[-READ_SIZE:].decode("utf-8", "replace"), self._pipe.last_words()))

    def _last(self) -> str:
        return last_line(self._pipe.last_words()) or last_line(self._output.decode("utf-8", "replace"))


class _PrefixedPipe:
    """A pipe from which `prefix` was read already."""

    def __init__(self, pipe: Pipe, prefix: bytes) -> None:
        self._pipe, self._prefix = pipe, prefix

    def send(self, data: bytes, timeout: float) -> None:
        self._pipe.send(data, timeout)

    def recv(self, size: int, timeout: float) -> bytes:
        if self._prefix:
            data, self._prefix = self._prefix[:size], self._prefix[size:]
            return data
        return self._pipe.recv(size, timeout)

    def close(self) -> None:
        self._pipe.close()
