"""Which ports of the host may the key reach through a tunnel? For doctor.py."""

from collections.abc import Iterable, Iterator

from app.errors import AlertprofError
from app.explain.explanation import Check, Mark
from app.gate.client import Gate
from app.gate.pool import HostPool
from app.hosts.ssh import Connection, NotReached
from app.profilers.places import Place, places_of


def forwards(connection: Connection, port: int) -> str:
    """Why the key may not reach ports of the host; "" when it may. Tries the port of its sshd, and closes at once."""
    try:
        connection.tunnel("127.0.0.1", port).close()
    except NotReached:
        pass  # it would have been forwarded
    except AlertprofError as fault:
        return fault.reason.message
    return ""


def forwarding(refused: str, open_to: Iterable[Place] = ()) -> Check:
    """Whether http-pprof is possible. refused: why sshd's own port cannot be reached; open_to: ports of Go programs
    that can be."""
    if not refused:
        return Check(Mark.OK, "port forwarding", "it is allowed, so http-pprof is possible")
    if places := ", ".join(map(str, open_to)):
        return Check(
            Mark.OK, "port forwarding", f"it is allowed to {places} (permitopen), so http-pprof is possible there"
        )
    message = f"not for this key, so no http-pprof; go-zero's signal needs none ({refused})"
    return Check(Mark.NOTE, "port forwarding", message)


def opened(pool: HostPool, gate: Gate, pids: Iterable[int]) -> Iterator[Place]:
    """The places where these processes listen and that the key may reach: permitopen may name only such ports."""
    for place in dict.fromkeys(place for pid in pids for place in places_of(gate.ports(pid), ())[0]):
        try:
            pool.tunnel(gate.host, place.address, place.port).close()
        except NotReached:
            pass
        except AlertprofError:
            continue
        yield place
