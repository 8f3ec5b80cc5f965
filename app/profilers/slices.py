"""A recording that somebody on the way cuts short: taken in several shorter ones, which are one profile afterwards.

While Go records, nothing moves on the connection. sshd may close a forwarded one for that (`ChannelTimeout
direct-tcpip`), and so may a proxy or the program itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.hosts.http import Reply

SHORTER = 0.6  # of the time after which the connection was closed: it takes a while to begin and to answer


@dataclass(frozen=True, slots=True)
class Slices:
    """Profiles of `seconds` each, and the last answer, which may be none."""

    seconds: int
    paths: tuple[Path, ...]
    reply: Reply

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.paths)


def cut_short(seconds: int, reply: Reply) -> bool:
    """Was the connection closed in the middle of a recording that could have been shorter?"""
    return 0 < reply.closed_after < seconds


def sliced(
    seconds: int, path: Path, closed_after: float, ask: Callable[[int, Path], Reply], over: Callable[[], bool]
) -> Slices:
    """The recording in as many slices as it takes, unless it is over before. ask: one GET, its answer in the file."""
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
    return (
        f"the connection was closed after {closed_after:.1f} s without a byte: sshd's ChannelTimeout for direct-tcpip "
        "is shorter than the recording (set `ChannelTimeout direct-tcpip=15m` in its sshd_config, or a shorter "
        "duration), or a proxy or the program does not wait that long"
    )
