"""Which servers `ssh` reaches and which alertprof reaches: the real client and alertprof, one after the other."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.errors import AlertprofError
from app.hosts.login import Step
from app.hosts.route import Route
from app.hosts.ssh import Connector
from tests.lab.dropbear import Dropbear
from tests.lab.sshd import SSHD, Sshd
from tests.matrix import newest

Server = Sshd | Dropbear
HEAD = ("server", "set up", "`ssh`", "alertprof", "agreed on, or what alertprof says")

SET_UP = {
    "as it comes": (),
    "DISA STIG, RHEL 7": (
        "Ciphers aes256-ctr,aes192-ctr,aes128-ctr",
        "MACs hmac-sha2-512,hmac-sha2-256",
        "KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256",
    ),
    "ECDH only": ("KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521",),
    "group14-sha256 only": ("KexAlgorithms diffie-hellman-group14-sha256",),
    "gex-sha256 only": ("KexAlgorithms diffie-hellman-group-exchange-sha256",),
    "plain hmac-sha2 with CTR": ("Ciphers aes256-ctr", "MACs hmac-sha2-512,hmac-sha2-256"),
    "aes192-ctr only": ("Ciphers aes192-ctr",),
    "GCM and umac only": ("Ciphers aes256-gcm@openssh.com", "MACs umac-128-etm@openssh.com"),
    "chacha20 only": ("Ciphers chacha20-poly1305@openssh.com",),
    "sntrup only": ("KexAlgorithms sntrup761x25519-sha512@openssh.com",),
    "curve25519-sha256 only": ("KexAlgorithms curve25519-sha256",),
}


@dataclass(frozen=True)
class Case:
    server: str
    set_up: str
    made: Callable[[Path], AbstractContextManager[Server]]


def rows() -> Iterator[tuple[str, ...]]:
    for case in cases():
        with tempfile.TemporaryDirectory() as folder, case.made(Path(folder)) as server:
            reached, said = alertprof(server)
            yield case.server, case.set_up, "yes" if ssh(server) else "no", reached, said


def cases() -> Iterator[Case]:
    yield from _openssh(SSHD, ())
    yield from _dropbear("dropbear")
    programs = newest.programs()
    yield from _openssh(str(programs / "sshd"), ("PerSourcePenalties no", *parts_of(programs)))
    yield from _dropbear(str(programs / "dropbear"))


def parts_of(programs: Path) -> tuple[str, ...]:
    """Where a new sshd finds the programs that it consists of."""
    parts = {"SshdSessionPath": "sshd-session", "SshdAuthPath": "sshd-auth"}
    return tuple(f"{keyword} {programs / name}" for keyword, name in parts.items())


def _openssh(program: str, more: tuple[str, ...]) -> Iterator[Case]:
    name = version([program, "-V"])
    for set_up, lines in SET_UP.items():
        yield Case(name, set_up, partial(Sshd, config=(*lines, *more), program=program))


def _dropbear(program: str) -> Iterator[Case]:
    yield Case(version([program, "-V"]), "as it comes", partial(Dropbear, program=program))


def version(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = next(line for line in (done.stdout + done.stderr).splitlines() if "SSH_" in line or "Dropbear" in line)
    return said.partition(",")[0].partition(" Debian")[0].replace("_", " ").replace("Dropbear v", "dropbear ")


def ssh(server: Server) -> bool:
    options = [f"UserKnownHostsFile={server.known_hosts}", f"IdentityFile={server.client_key}", "BatchMode=yes"]
    words = [word for option in options for word in ("-o", option)]
    command = ["ssh", "-F", "none", *words, "-p", str(server.port), f"{server.user}@{server.host}", "echo x"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    return done.stdout == b"x\n"


def alertprof(server: Server) -> tuple[str, str]:
    agreed: list[str] = []

    def report(_route: Route, step: Step, said: str) -> None:
        if step is Step.HOST_KEY:
            agreed.append(said.partition("; agreed on ")[2])

    try:
        with closing(Connector(server.settings(), report).connect(server.host)) as connection:
            with closing(connection.open("echo x")) as pipe:
                answered = pipe.recv(100, 20)
            connection.tunnel("127.0.0.1", server.port).close()
    except AlertprofError as fault:
        return "no", fault.reason.message.partition(": ")[2].partition(", alertprof has")[0]
    return ("yes" if answered == b"x\n" else "no"), agreed[0]
