"""A recording in several slices, for connections that are closed before the whole recording is sent.

While Go records, no byte moves on the connection. sshd may close a forwarded connection for that (`ChannelTimeout
direct-tcpip`), and so may a proxy or the program itself. The slices are merged into one profile afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.hosts.http import Reply

SHORTER = 0.6  # a slice's part of the time after which the connection was closed; the rest is for the answer


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices of a recording.

    seconds: the length of each; paths: the profiles; reply: the last answer, which may be a fault
    """

    seconds: int
    paths: tuple[Path, ...]
    reply: Reply

    @property
    def size(self) -> int:
        """Bytes of all slices."""
        return sum(path.stat().st_size for path in self.paths)


def cut_short(seconds: int, reply: Reply) -> bool:
    """Whether the connection was closed in the middle of a recording that could have been shorter."""
    return 0 < reply.closed_after < seconds


def sliced(
    seconds: int, path: Path, closed_after: float, ask: Callable[[int, Path], Reply], over: Callable[[], bool]
) -> Slices:
    """The recording in as many slices as it takes.

    path: where the first slice goes, with a number behind the name
    closed_after: seconds after which the connection was closed
    ask: one GET of so many seconds, whose answer goes into the file
    over: whether to end early; at least one slice is taken"""
    each = max(int(closed_after * SHORTER), 1)
    paths: list[Path] = []
    reply = Reply(0, fault="was not asked: the end came before")
    while len(paths) * each < seconds and not (paths and over()):
        to = path.with_name(f"{path.name}.{len(paths)}")
        reply = ask(min(each, seconds - len(paths) * each), to)
        if reply.fault or reply.status != 200:
            break
        paths.append(to)
    return Slices(each, tuple(paths), reply)


def why(closed_after: float) -> str:
    """Why the recording was sliced, with the remedy."""
    return (
        f"the connection was closed after {closed_after:.1f} s without a byte: sshd's ChannelTimeout for direct-tcpip "
        "is shorter than the recording (set `ChannelTimeout direct-tcpip=15m` in its sshd_config, or a shorter "
        "duration), or a proxy or the program does not wait that long"
    )
