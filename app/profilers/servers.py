"""One server of net/http/pprof: how it is asked, and what it means where it does not answer."""

import base64
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import Code, Refused
from app.gate.client import Process
from app.gate.pool import HostPool
from app.hosts.http import Deadlines, Line, Reply, get
from app.hosts.pipe import one_line
from app.hosts.ssh import NotReached
from app.hosts.tls import TlsLine
from app.profilers.places import Place

CMDLINE_LIMIT = 2 << 20  # bytes; as much as Linux takes
CMDLINE_SEEN = 2000  # bytes of it that the gate tells
SECRET_LIMIT = 4096  # bytes
SPEAKS_TLS = "speaks TLS"


@dataclass(frozen=True, slots=True)
class Login:
    """What a server wants to be told first; the secret is in a file, read when it is used. Of all three, none is set
    where it wants nothing."""

    username: str = ""
    password_file: str = ""
    token_file: str = ""

    def headers(self) -> dict[str, str]:
        """Raises Refusal when the file cannot be read."""
        if self.token_file:
            return {"Authorization": f"Bearer {secret(self.token_file)}"}
        if self.username:
            both = f"{self.username}:{secret(self.password_file)}".encode()
            return {"Authorization": f"Basic {base64.b64encode(both).decode()}"}
        return {}


@dataclass(frozen=True, slots=True)
class Server:
    """What listens at a place of a host; `path` is its /debug/pprof."""

    pool: HostPool
    host: str
    place: Place
    path: str
    login: Login = field(default_factory=Login)

    def line(self) -> Line:
        line = self.pool.tunnel(self.host, self.place.address, self.place.port)
        return TlsLine(line) if self.place.tls else line

    def get(
        self, line: Line, query: str, write: Callable[[bytes], object], *, limit: int, deadlines: Deadlines
    ) -> Reply:
        path, headers = f"{self.path}/{query}", self.login.headers()
        return get(line, str(self.place), path, write, limit=limit, deadlines=deadlines, headers=headers)

    def small(self, query: str, limit: int, deadlines: Deadlines) -> tuple[Reply, bytes]:
        """A short answer, held in memory."""
        said = bytearray()
        with closing(self.line()) as line:
            reply = self.get(line, query, said.extend, limit=limit, deadlines=deadlines)
            if isinstance(line, TlsLine) and line.refused:
                wants = "it may want a client's certificate, which cannot be given"
                reply = Reply(0, fault=f"ends the TLS connection ({line.refused}; {wants})")
        return reply, bytes(said)

    def other(self, process: Process, deadlines: Deadlines) -> str:
        """What answers there instead of a process with this one's command line, as the end of a sentence; "" when
        none does."""
        try:
            reply, said = self.small("cmdline", CMDLINE_LIMIT, deadlines)
        except NotReached:
            return "takes no connection"
        if reply.fault or reply.status != 200:
            return reply.fault or self._meaning(reply)
        return "" if same_words(said, process.cmdline) else "answers for a process with another command line"

    def _meaning(self, reply: Reply) -> str:
        answers = f"answers {reply.status}"
        match reply.status:
            case 400 if "HTTPS" in reply.said:
                return SPEAKS_TLS
            case 401 | 403 if self.login == Login():
                return f"{answers}: it wants a login (set username and password_file, or token_file, of http-pprof)"
            case 401 | 403:
                return f"{answers}: it does not accept the login that http-pprof was given"
            case 301 | 302 | 303 | 307 | 308:
                return f"{answers}, a redirect to {reply.said or 'nowhere'} that is not followed"
        return answers


def secret(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            said = opened.read(SECRET_LIMIT).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(Code.AUTH_FAILED, f"http-pprof's secret cannot be read from {file}: {one_line(error)}") from error
    if not said or not said.isprintable():
        raise Refused(Code.AUTH_FAILED, f"http-pprof's secret in {file} is empty or is no single line of text")
    return said


def same_words(answer: bytes, cmdline: tuple[str, ...]) -> bool:
    """Is that the command line that the gate told? What it makes of the kernel's bytes is made of Go's here."""
    seen = (answer + b"\0").translate(bytes.maketrans(b"\0\n", b"\1 "))[:CMDLINE_SEEN]
    return any(cmdline) and tuple(seen.decode("utf-8", "backslashreplace").rstrip("\1").split("\1")) == cmdline
