"""From the login to the gate: what the account prints first is passed over, and what ends it there is named.

Between sshd and the gate stand files of the account (~/.ssh/rc, .bashrc, .zshenv, config.fish, .cshrc), which may
print, take their time, end the session or run another shell. So the gate counts as begun after a line that only it can
say: a nonce. Called by gate/pool.py.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from secrets import randbelow, token_hex
from time import monotonic

from app.errors import AlertprofError, Code, Refused, Retryable
from app.gate.assemble import script
from app.gate.client import Gate
from app.gate.installed import PLACE
from app.gate.last_words import ANOTHER_SHELL, last_line, of_shell, of_sudo, short_of_resources
from app.gate.recipes import Recipe
from app.hosts.pipe import ChannelPipe, Pipe
from app.hosts.ssh import Connection

SENT = "exec /bin/sh -s"
SUDO = "exec sudo -n /bin/sh -s"
INSTALLED = "alertprof-gate"  # what a forced-command key answers to, whatever is asked

SHELL_TIMEOUT = 30.0  # seconds, where the configuration says none
GREETING_LIMIT = 64 << 10  # bytes before the nonce
READY = re.compile(rb"ready \d+ [0-9a-f-]{36} \d{1,10}$", re.M)  # perhaps behind a greeting without a line's end
AFTER = 2.0  # seconds for the last words of who is told that no more will come
MORE = 65536

# Read by whatever reads commands there. A csh goes on after errors, line by line: it is ended by the first line, which
# means nothing to sh. Any other shell than the one that was asked for ends itself by the second.
GUARD = (
    f'test "$?status" = 1 && echo "csh reads, not /bin/sh" && exit {ANOTHER_SHELL}\n'
    f'case $0 in /bin/sh) ;; *) echo "$0 reads, not /bin/sh" >&2; exit {ANOTHER_SHELL} ;; esac\n'
)
ECHOED = re.compile(rb"^" + re.escape(GUARD.splitlines()[0].encode()) + rb"\r?\n", re.M)
CAN_EXEC = "uname >/dev/null; test $? != 126 || exit 125\n"  # under sudo's noexec nothing can be started


class NoEntry(Refused):
    """The host lets us log in, and its account, its shell or its sudo lets nobody further."""


class NotBegun(Retryable):
    """The account's shell did not come to the gate this time; the connection stands."""


@dataclass(frozen=True, slots=True)
class Way:
    """How the gate is begun on a connection."""

    command: str
    first: bytes  # sent at once
    mark: bytes  # the line after which the gate speaks
    limit: float  # seconds until then
    sudo: bool
    sent: bool


def way_in(connection: Connection, recipes: tuple[Recipe, ...]) -> Way:
    options = connection.options
    limit, sudo = options.shell_timeout or SHELL_TIMEOUT, options.become == "sudo"
    if options.gate == "installed":
        # A verb that no gate has: its answer, with this number, comes after all that was printed before.
        number = 100_000_000 + randbelow(900_000_000)
        return Way(INSTALLED, b"%d hello\n" % number, b".%d verb" % number, limit, sudo=False, sent=False)
    nonce = token_hex(16)
    guard = GUARD + (CAN_EXEC if sudo else "") + f"echo; echo {nonce}\n"
    first = guard.encode() + script(recipes)
    return Way(SUDO if sudo else SENT, first, nonce.encode(), limit, sudo=sudo, sent=True)


def enter(connection: Connection, recipes: tuple[Recipe, ...] = (), *, fresh: bool = False) -> Gate:
    """Starts a gate. fresh: nobody has had a session on this connection yet, and the first may take its time.

    Raises NoEntry where trying again would change nothing; Passing."""
    way = way_in(connection, recipes)
    end = monotonic() + way.limit
    pipe = connection.open(way.command, timeout=way.limit if fresh else None)
    try:
        rest = _Entrance(connection, pipe, way, end).passed()
        return Gate(_Resumed(pipe, rest), connection.host, send_script=False)
    except AlertprofError:
        pipe.close()
        raise


class _Entrance:
    def __init__(self, connection: Connection, pipe: ChannelPipe, way: Way, end: float) -> None:
        self._connection, self._pipe, self._way, self._end = connection, pipe, way, end
        self._said = b""

    def passed(self) -> bytes:
        """What came after the greeting: the gate's own first line, and all behind it."""
        try:
            self._pipe.send(self._way.first, max(self._end - monotonic(), 0.001))
            while not (found := self._mark()):
                self._read_more(self._end)
        except Retryable as fault:
            raise self._explained(fault) from fault
        before, after = self._said[: found.start()], self._said[found.end() :]
        return after if self._way.sent else self._ready(before) + after

    def _mark(self) -> re.Match[bytes] | None:
        return re.search(rb"^" + re.escape(self._way.mark) + rb"\r?\n", self._said, re.M)

    def _ready(self, before: bytes) -> bytes:
        """An installed gate introduces itself before it is asked anything."""
        if not (said := READY.findall(before)):
            raise self._none(
                "its gate answers, but does not introduce itself: install this version's (`alertprof gate`)"
            )
        return bytes(said[-1]) + b"\n"

    def _read_more(self, end: float) -> None:
        data = self._pipe.recv(MORE, max(end - monotonic(), 0.0))
        self._said += data
        if not data:
            raise self._ended()
        if ECHOED.search(self._said):
            raise self._none(
                "what runs there only repeats what it is sent: a forced command (ForceCommand) that is no gate"
            )
        if len(self._said) > GREETING_LIMIT:
            raise self._none(f"it prints more than {GREETING_LIMIT >> 10} KiB and does not come to our gate")

    def _explained(self, fault: Retryable) -> AlertprofError:
        if not self._connection.alive:
            return fault
        if monotonic() >= self._end:
            return self._slow()
        self._drained()
        return self._ended()

    def _drained(self) -> bool:
        """Was that the end of what it says?"""
        end = monotonic() + AFTER
        with suppress(Retryable):
            while data := self._pipe.recv(MORE, max(end - monotonic(), 0.0)):
                self._said = (self._said + data)[-GREETING_LIMIT:]
            return True
        return False

    def _slow(self) -> AlertprofError:
        """Who waits for the end of what we send, as fish does, speaks when told that there is no more."""
        self._pipe.finish()
        if self._drained():
            return self._ended()
        last = f"; it has said: {said}" if (said := self._last()) else ""
        return NotBegun(
            Code.HOST_UNREACHABLE,
            f"{self._connection.host}: the account's shell was not ready within {self._way.limit:g} s: its start-up "
            "files (~/.ssh/rc, .bashrc, .zshenv, config.fish, .cshrc) are slow, or the host is; raise shell_timeout "
            f"for this host{last}",
        )

    def _ended(self) -> AlertprofError:
        status, words = self._pipe.status(), self._words()
        if self._way.sent and READY.search(self._said):
            return self._none("the key is bound to a gate there: set gate: installed for this host")
        if not self._connection.alive or status is None or short_of_resources(words):
            why = "was cut off" if status is None else "could not begin"
            return NotBegun(Code.HOST_UNREACHABLE, f"{self._connection.host}: the gate {why}{self._quoted(status)}")
        found = self._of_sudo(words)
        if not self._way.sent and not found:
            found = (
                "no gate answers: is it installed there, and is the key bound to it (`alertprof gate` tells how)? "
                "Else set gate: sent"
            )
        return self._none(f"{found or of_shell(words, status)}{self._quoted(status)}")

    def _of_sudo(self, words: str) -> str:
        """What sudo said, where it was asked: by us, or by the line of a key that is bound to the gate."""
        if self._way.sudo:
            said = of_sudo(words, self._connection.user, self._way.command)
            return f"{said}; or set become: none" if said else ""
        return "" if self._way.sent else of_sudo(words, self._connection.user, f"exec sudo -n {PLACE}")

    def _none(self, what: str) -> NoEntry:
        return NoEntry(Code.NOT_PERMITTED, f"{self._connection.host}: {what}")

    def _quoted(self, status: int | None) -> str:
        ended = "" if status is None else f"it ended with status {status}"
        said = f"its last line: {last}" if (last := self._last()) else "without a word"
        return f" ({', '.join(filter(None, (ended, said)))})"

    def _words(self) -> str:
        return "\n".join((self._said[-MORE:].decode("utf-8", "replace"), self._pipe.last_words()))

    def _last(self) -> str:
        return last_line(self._pipe.last_words()) or last_line(self._said.decode("utf-8", "replace"))


class _Resumed:
    """A pipe of which something was read already."""

    def __init__(self, pipe: Pipe, rest: bytes) -> None:
        self._pipe, self._rest = pipe, rest

    def send(self, data: bytes, timeout: float) -> None:
        self._pipe.send(data, timeout)

    def recv(self, size: int, timeout: float) -> bytes:
        if self._rest:
            data, self._rest = self._rest[:size], self._rest[size:]
            return data
        return self._pipe.recv(size, timeout)

    def close(self) -> None:
        self._pipe.close()
