"""One server of net/http/pprof: how to ask it, and what its answers mean."""

import base64
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import Code, Refused
from app.gate.answers import Process
from app.gate.pool import HostPool
from app.hosts.http import Deadlines, Line, Reply, get
from app.hosts.pipe import one_line
from app.hosts.ssh import NotReached
from app.hosts.tls import TlsLine
from app.profilers.places import Place

CMDLINE_LIMIT = 2 << 20  # bytes; the largest command line that Linux takes
CMDLINE_SEEN = 2000  # bytes of a command line that the gate reports
SECRET_LIMIT = 4096  # bytes
SPEAKS_TLS = "speaks TLS"


@dataclass(frozen=True, slots=True)
class Login:
    """The login for a server: username and password_file, or token_file alone, or nothing. A secret is read from its
    file each time it is used."""

    username: str = ""
    password_file: str = ""
    token_file: str = ""

    def headers(self) -> dict[str, str]:
        """The Authorization header, if there is a login. Raises Refused if the secret cannot be read."""
        if self.token_file:
            return {"Authorization": f"Bearer {secret(self.token_file)}"}
        if self.username:
            both = f"{self.username}:{secret(self.password_file)}".encode()
            return {"Authorization": f"Basic {base64.b64encode(both).decode()}"}
        return {}


@dataclass(frozen=True, slots=True)
class Server:
    """A server at a place of a host; `path` is where it serves pprof."""

    pool: HostPool
    host: str
    place: Place
    path: str
    login: Login = field(default_factory=Login)

    def path_of(self, query: str) -> str:
        """The path of a request. query: below `path`, such as heap, or a path of its own, such as /debug/flight."""
        return query if query.startswith("/") else f"{self.path}/{query}"

    def line(self) -> Line:
        """A new connection to the server. Close it."""
        line = self.pool.tunnel(self.host, self.place.address, self.place.port)
        return TlsLine(line) if self.place.tls else line

    def get(
        self, line: Line, query: str, write: Callable[[bytes], object], *, limit: int, deadlines: Deadlines
    ) -> Reply:
        """GET of a query; `write` receives the body, of `limit` bytes at most."""
        path, headers = self.path_of(query), self.login.headers()
        return get(line, str(self.place), path, write, limit=limit, deadlines=deadlines, headers=headers)

    def small(self, query: str, limit: int, deadlines: Deadlines) -> tuple[Reply, bytes]:
        """A short answer, held in memory: the reply and its body."""
        body = bytearray()
        with closing(self.line()) as line:
            reply = self.get(line, query, body.extend, limit=limit, deadlines=deadlines)
            if isinstance(line, TlsLine) and line.refused:
                wants = "it may want a client's certificate, which cannot be given"
                reply = Reply(0, fault=f"ends the TLS connection ({line.refused}; {wants})")
        return reply, bytes(body)

    def other(self, process: Process, deadlines: Deadlines) -> str:
        """What answers there instead of a process with this one's command line, as the end of a sentence; "" if its
        command line is the same."""
        try:
            reply, body = self.small("cmdline", CMDLINE_LIMIT, deadlines)
        except NotReached:
            return "takes no connection"
        if reply.fault or reply.status != 200:
            return reply.fault or self._meaning(reply)
        return "" if same_words(body, process.cmdline) else "answers for a process with another command line"

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
    """The secret in a file. Raises Refused, which names the file and never the secret."""
    try:
        with Path(file).open("rb") as opened:
            said = opened.read(SECRET_LIMIT).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(Code.AUTH_FAILED, f"http-pprof's secret cannot be read from {file}: {one_line(error)}") from error
    if not said or not said.isprintable():
        raise Refused(Code.AUTH_FAILED, f"http-pprof's secret in {file} is empty or is no single line of text")
    return said


def same_words(answer: bytes, cmdline: tuple[str, ...]) -> bool:
    """Whether the answer is the command line that the gate reported. The gate's conversion of the kernel's bytes is
    applied to Go's answer here."""
    seen = (answer + b"\0").translate(bytes.maketrans(b"\0\n", b"\1 "))[:CMDLINE_SEEN]
    return any(cmdline) and tuple(seen.decode("utf-8", "backslashreplace").rstrip("\1").split("\1")) == cmdline
