"""Recordings that do not come as they were asked for, and servers that never let one come."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.hosts.http import Reply
from app.model import Kind
from app.profilers import takes
from app.profilers.base import Fetched
from app.profilers.part import Part
from app.profilers.takes import SENDING, Takes


class Line:
    def close(self) -> None: ...

    def finish(self) -> None: ...


class Server:
    """`answer` says how a recording of so many seconds ends; `now` is the time that passes meanwhile."""

    host, place, path = "there", "127.0.0.1:6060", "/debug/pprof"
    now = 1000.0

    @property
    def pool(self) -> "Server":
        return self

    def gate(self, host: str) -> None: ...

    def __init__(self, answer: Callable[["Server", int], Reply]) -> None:
        self._answer = answer

    def path_of(self, query: str) -> str:
        return f"{self.path}/{query}"

    def line(self) -> Line:
        return Line()

    def get(self, line: Line, query: str, write: Callable[[bytes], object], **bounds: Any) -> Reply:
        reply = self._answer(self, int(query.partition("=")[2]))
        write(b"x" * reply.size)
        return reply


def taken(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: int) -> tuple[Takes, list[Fetched]]:
    monkeypatch.setattr(takes, "monotonic", lambda: server.now)
    made, files = Takes(server, folder), list[Fetched]()  # type: ignore[arg-type]
    made.all([Part(Kind.CPU, f"profile?seconds={seconds}", seconds=seconds)], [], files.append, lambda: False)
    return made, files


def just_before_its_end(server: Server, seconds: int) -> Reply:
    server.now += seconds - 0.1
    return Reply(504)


def ten_minutes_for_each_slice(server: Server, seconds: int) -> Reply:
    if seconds == 600:
        server.now += 4
        return Reply(0, fault="gives no answer", closed_after=4.0)
    server.now += 600
    return Reply(200, size=1)


@pytest.mark.parametrize("answer", [just_before_its_end, ten_minutes_for_each_slice])
def test_a_server_that_always_lets_hope_for_a_shorter_recording_is_left_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[[Server, int], Reply]
) -> None:
    server = Server(answer)
    taken(server, tmp_path, monkeypatch, 600)
    assert server.now - 1000 < 2 * 600 + SENDING + 700


def test_slices_of_what_had_to_be_shorter_are_told_with_both_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(server: Server, seconds: int) -> Reply:
        if seconds > 9:
            return Reply(400, said="profile duration exceeds server's WriteTimeout")
        if seconds > 4:
            server.now += 4
            return Reply(0, fault="gives no answer", closed_after=4.0)
        server.now += seconds
        return Reply(200, size=1)

    made, (cpu,) = taken(Server(answer), tmp_path, monkeypatch, 12)
    assert not cpu.fault
    assert "of 9 s, 3 s shorter than asked for" in made.shorter[Kind.CPU]
    assert "of 5 slices of 2 s" in made.shorter[Kind.CPU]
