"""Where the service listens: `HOST:PORT`, as Prometheus' --web.listen-address has it. For cli.py."""

from dataclasses import dataclass
from socket import gethostname
from typing import Self

ANY = "0.0.0.0"  # noqa: S104 - what `:9911` means to users of Prometheus  # nosec B104


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

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
        """How to reach it, as far as can be guessed."""
        host = gethostname() if self.host in (ANY, "::") else self.host
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"
