"""A recording that somebody on the way does not let be as long as it should."""

from pathlib import Path

import pytest

from app.hosts.http import Reply
from app.profilers.slices import cut_short, sliced, why

CLOSED = Reply(0, fault="gives no answer", closed_after=1.0)


class Server:
    """Answers what is no longer than it allows, and notes what it was asked for."""

    def __init__(self, allows: int) -> None:
        self.allows, self.asked = allows, list[int]()

    def ask(self, seconds: int, to: Path) -> Reply:
        self.asked.append(seconds)
        if seconds > self.allows:
            return CLOSED
        to.write_bytes(b"profile")
        return Reply(200, 7)


@pytest.mark.parametrize(
    ("seconds", "closed_after", "asked"), [(30, 10.4, [6] * 5), (20, 10.4, [6, 6, 6, 2]), (3, 2.1, [1, 1, 1])]
)
def test_the_slices_are_well_below_the_time_that_is_allowed_and_together_as_long(
    tmp_path: Path, seconds: int, closed_after: float, asked: list[int]
) -> None:
    server = Server(allows=int(closed_after))
    got = sliced(seconds, tmp_path / "cpu.pprof", closed_after, server.ask, lambda: False)
    assert server.asked == asked and sum(asked) == seconds
    assert len(set(got.paths)) == len(asked) and got.size == 7 * len(asked) and not got.reply.fault


def test_a_slice_that_is_cut_too_ends_it_and_what_came_before_is_kept(tmp_path: Path) -> None:
    server = Server(allows=0)
    got = sliced(30, tmp_path / "cpu.pprof", 1.0, server.ask, lambda: False)
    assert (got.paths, got.reply, server.asked) == ((), CLOSED, [1])


def test_who_asks_for_an_early_end_gets_the_slices_until_then(tmp_path: Path) -> None:
    server = Server(allows=9)
    got = sliced(30, tmp_path / "cpu.pprof", 5.0, server.ask, lambda: len(server.asked) == 2)
    assert len(got.paths) == 2


def test_only_a_connection_that_was_closed_in_the_middle_of_a_recording_was_cut_short() -> None:
    assert cut_short(30, Reply(0, closed_after=4.0))
    assert not cut_short(30, Reply(0, fault="gives no answer"))
    assert not cut_short(0, Reply(0, closed_after=4.0))
    assert not cut_short(30, Reply(200, 5))


def test_the_remedy_names_the_setting() -> None:
    assert "after 4.0 s" in why(3.99999) and "ChannelTimeout direct-tcpip=15m" in why(3.99999)
