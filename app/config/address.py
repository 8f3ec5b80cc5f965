"""Where the service listens: `HOST:PORT`, as Prometheus' --web.listen-address has it."""

import errno
import socket
from dataclasses import dataclass
from typing import Any, Self

ANY = "0.0.0.0"  # noqa: S104 - what `:9911` means to users of Prometheus  # nosec B104


@dataclass(frozen=True, slots=True)
class Address:
    """An address and a port to listen on."""

    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> Self:
        """`127.0.0.1:9911`, `[::1]:9911`, or `:9911` for every address. Raises ValueError with a sentence."""
        host, colon, port = text.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        if not colon or not port.isdecimal() or int(port) > 65535 or (":" in bare and bare == host):
            raise ValueError(f"{text!r} is no address to listen on; write HOST:PORT, as 127.0.0.1:9911")
        return cls(bare or ANY, int(port))

    def url(self, scheme: str = "http") -> str:
        """A URL that probably reaches it; for all addresses, with the name of this machine."""
        host = socket.gethostname() if self.host in (ANY, "::") else self.host
        return f"{scheme}://{Address(host, self.port)}"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listening(at: Address) -> list[socket.socket]:
    """A listening socket for each address of the host's name. Raises OSError with a sentence."""
    made: list[socket.socket] = []
    try:
        places = socket.getaddrinfo(at.host, at.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, *_, place in places:
            if listener := opened(family, place, last=place is places[-1][4] and not made):
                made.append(listener)
    except OSError as fault:
        for each in made:
            each.close()
        said = (fault.strerror or str(fault)).partition(" (while")[0]
        raise OSError(f"--web.listen-address {at}: {said}; {remedy(fault)}") from fault
    return made


def opened(family: int, place: Any, *, last: bool) -> socket.socket | None:
    """A listening socket. None where this machine does not have the address, as ::1 without IPv6; last: raises OSError
    instead, because no other address is left."""
    try:
        return socket.create_server(place, family=family, backlog=2048)
    except OSError as fault:
        if last or fault.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            raise
        return None


def remedy(fault: OSError) -> str:
    """What to do about an address that cannot be listened on."""
    if fault.errno == errno.EADDRINUSE:
        return "stop the program that has this port (perhaps another alertprof), or choose another port"
    if fault.errno == errno.EACCES:
        return "ports below 1024 are root's; choose a higher one"
    return "give an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them"
