"""Servers that do not tell their command line, as those of Rust services with pprof-rs do not."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from app.errors import Code, Refused, Retryable
from app.gate.answers import Process
from app.gate.facts import Layout, Span
from app.gate.pool import HostPool
from app.model import Capture, Kind
from app.profilers.base import Recording
from app.profilers.http_pprof import HttpPprof
from app.profilers.places import Place
from tests.unit.analysis.synthetic import Maker
from tests.unit.ledger.builders import NOON
from tests.unit.profilers.test_http_pprof import (
    FakePool,
    Server,
    capture,
    collected,
    in_this_process,
    judged,
    ok,
    pool_to,
    refused,
)
from tests.unit.profilers.test_http_pprof import process as of_go

__all__ = ["in_this_process"]  # profiles are read here: a fixture of every test

NAMED = HttpPprof(ports=(6060,))
CODE = Span(0x55D0_1000_0000, 0x55D0_1080_0000, 0x121000)
MINE = "6829df4c3ae1f7b448f939c91225d7de5baa6629"
LAYOUT = Layout(frozenset({CODE}), build_id=MINE)
NOT_FOUND = ok(b"not found\n", "404 Not Found")


def mapped(start: int = 0, build_id: str = "") -> bytes:
    """A profile as other libraries than Go's write it; it has a mapping only if something is said of it."""
    made = Maker(("cpu", "nanoseconds"))
    del made.message.mapping[:]
    if start or build_id:
        one = made.message.mapping.add(id=1, filename=made.string("/srv/orders"), build_id=made.string(build_id))
        one.memory_start, one.memory_limit, one.file_offset = start, start + 0x700000, 0x121040
    return made.data()


def serving(**profiles: bytes) -> Server:
    """A server of these profiles and nothing else."""

    def server(path: str) -> bytes:
        name = path.rpartition("/")[2].partition("?")[0]
        return ok(profiles[name]) if name in profiles else NOT_FOUND

    return server


def of_rust(**more: object) -> Process:
    return of_go(go_version="", **more)


def rust(server: Server, **more: object) -> FakePool:
    return pool_to(server, process_=of_rust(), layout_=LAYOUT, **more)


@pytest.mark.parametrize(
    "profile",
    [mapped(build_id=MINE), mapped(CODE.start + 0x40), mapped(CODE.start + 0x40, "0123abcd")],
    ids=["build id", "place", "place, and another form of build id"],
)
@pytest.mark.parametrize("query", ["heap", "allocs", "profile"])
def test_a_server_whose_profile_names_the_processs_own_program_is_accepted_where_its_port_is_named(
    query: str, profile: bytes
) -> None:
    pool = rust(serving(**{"profile": mapped(), query: profile}))
    assert judged(pool, NAMED) == "http-pprof"
    started = NAMED.start(Recording(capture(notes={}), cast(HostPool, pool), NOON))
    assert started.notes == {"http": {"address": "127.0.0.1", "port": 6060, "bare": True}}
    assert ("/debug/pprof/profile?seconds=1" in pool.asked) is (query == "profile")


@pytest.mark.parametrize(
    "profile",
    [mapped(build_id="0123abcd"), mapped(0x55D0_2000_0040, MINE), mapped(CODE.start + 0x1040)],
    ids=["build id", "place, and the same build", "place within its code"],
)
@pytest.mark.parametrize("query", ["heap", "profile"])
def test_a_server_whose_profile_names_another_program_or_place_is_refused(query: str, profile: bytes) -> None:
    fault = refused(rust(serving(**{"profile": mapped(), query: profile})), NAMED)
    assert fault.reason.code is Code.EVIDENCE_CONFLICT
    assert "is another program, or lies elsewhere in memory" in fault.reason.message


def test_where_another_process_lies_in_the_same_places_they_are_no_proof() -> None:
    pool = rust(serving(profile=mapped(CODE.start + 0x40)))
    pool.layout_ = replace(LAYOUT, twins=(4711,))
    assert refused(pool, NAMED).reason.code is Code.EVIDENCE_CONFLICT


class Sampling(FakePool):
    """The host of a service with pprof-rs, whose profiles name neither a place nor a build.

    catching: when it catches SIGPROF: before, during or after the answer to /profile"""

    def __init__(self, catching: set[str], profile: bytes | None = None) -> None:
        super().__init__({Place("127.0.0.1", 6060): self.answer}, process_=of_rust(), layout_=LAYOUT)
        self.catching, self.now, self.seen = catching, "before", threading.Event()
        self.profile = ok(mapped()) if profile is None else profile

    def answer(self, path: str) -> bytes:
        if "/profile?" not in path:
            return NOT_FOUND
        self.now = "during"
        self.seen.wait(60)
        self.now = "after"
        return self.profile

    def look(self, pid: int) -> Process | None:
        if self.now == "during":
            self.seen.set()
        return of_rust(sampled=self.now in self.catching)


def test_a_process_that_catches_sigprof_only_while_its_profile_is_answered_is_the_one_that_answers() -> None:
    assert judged(Sampling({"during"}), NAMED) == "http-pprof"
    assert judged(Sampling({"during"}, ok(b"x" * (2 << 20))), NAMED) == "http-pprof"  # of many and long names


@pytest.mark.parametrize("catching", [set(), {"before", "during"}, {"before", "during", "after"}, {"during", "after"}])
def test_a_process_that_catches_sigprof_at_other_times_is_not_shown_to_answer(catching: set[str]) -> None:
    fault = refused(Sampling(catching), NAMED)
    assert fault.reason.code is Code.EVIDENCE_CONFLICT
    assert "Let it serve its command line" in fault.reason.message
    assert "/debug/pprof/cmdline" in fault.reason.message


def test_a_host_that_is_too_busy_to_be_looked_at_within_a_second_is_given_longer() -> None:
    class Busy(Sampling):
        def look(self, pid: int) -> Process | None:
            longer = "/debug/pprof/profile?seconds=4" in self.asked
            return super().look(pid) if longer else of_rust()

        def answer(self, path: str) -> bytes:
            return self.profile if path.endswith("seconds=1") else super().answer(path)

    pool = Busy({"during"})
    assert judged(pool, NAMED) == "http-pprof"
    assert pool.asked[-1] == "/debug/pprof/profile?seconds=4"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (NOT_FOUND, "answers 404; if it does under another path, name that (path)"),
        (ok(b"busy", "500 Internal Server Error"), "answers /profile with 500"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "broke off after 5 bytes"),
    ],
)
def test_a_server_without_a_profile_is_refused_with_what_it_answers(answer: bytes, said: str) -> None:
    fault = refused(Sampling(set(), answer), NAMED)
    assert fault.reason.code is Code.NO_PROFILER
    assert said in fault.reason.message


def test_a_go_program_has_to_tell_its_command_line() -> None:
    pool = pool_to(serving(profile=mapped(build_id=MINE)), layout_=LAYOUT)
    assert "answers 404" in refused(pool, NAMED).reason.message
    assert pool.asked == ["/debug/pprof/cmdline"]


def bare() -> Capture:
    return capture(notes={"http": {"address": "127.0.0.1", "port": 6060, "bare": True}})


def test_what_a_program_that_is_no_go_program_does_not_serve_is_no_fault(tmp_path: Path) -> None:
    pool = rust(serving(profile=mapped(), heap=mapped(build_id=MINE)))
    files, progress = collected(pool, tmp_path, HttpPprof(ports=(6060,), trace=True), of=bare())
    assert {name: file.fault for name, file in files.items()} == dict.fromkeys(
        ["cpu.pprof", "heap.pprof", "heap-after.pprof"], ""
    )
    assert progress.message == "3 of 3 files came home whole from 127.0.0.1:6060"
    assert NAMED.missing(frozenset({Kind.CPU})) == ()
    assert Kind.CPU in NAMED.missing(frozenset({Kind.HEAP}))


def test_a_profile_of_another_program_that_comes_home_from_a_bare_server_is_a_conflict(tmp_path: Path) -> None:
    pool = rust(serving(heap=mapped(build_id=MINE), profile=mapped(build_id="0123abcd")))
    with pytest.raises(Refused, match="another program"):
        collected(pool, tmp_path, NAMED, of=bare())


def test_a_bare_server_that_cannot_answer_now_is_asked_again(tmp_path: Path) -> None:
    with pytest.raises(Retryable, match="answers /profile"):
        collected(Sampling(set(), ok(b"busy", "500 Internal Server Error")), tmp_path, NAMED, of=bare())
