"""Who signals a process hears what a signal did to it, and signals nobody whose executable is blocked."""

from dataclasses import replace
from typing import Any, cast

import pytest

from app.errors import Code, Refused
from app.gate.answers import Answer, Mode, Process
from app.gate.facts import Harm
from app.gate.pool import HostPool
from app.model import Blocked, Capture, Target
from app.plugins import kinds
from app.profilers.auto import Auto
from app.profilers.base import Profiler, ProfilerSpec, Recording
from app.profilers.go_zero import GoZero
from app.profilers.harm import id_of
from app.profilers.signal import Signal
from tests.unit.ledger.builders import NOON, manual
from tests.unit.profilers.test_http_pprof import ME, pool_to
from tests.unit.profilers.test_http_pprof import process as go_process

ONE = Blocked(id_of("go:a"), "go:a", "/srv/orders", "h2", 9, "c1", NOON, "SIGUSR2", "h2: pid 9 (orders) ended")
HARM = Harm("SIGUSR2", 0.42)
SIGNALLING: list[Profiler] = [GoZero(), Signal("SIGUSR2", ("{tmp}/*.prof",), stop_signal="SIGUSR2")]


def zero(**more: object) -> Process:
    return replace(go_process(), mode=Mode.TOGGLE, listens=True, **more)  # type: ignore[arg-type]


class Says:
    """A pool whose gate answers every verb alike."""

    boot = "boot"

    def __init__(self, answer: Answer) -> None:
        self.answer, self.asked = answer, list[str]()

    def gate(self, host: str) -> "Says":
        return self

    def __getattr__(self, verb: str) -> Any:
        def ask(*_: object) -> Answer:
            self.asked.append(verb)
            return self.answer

        return ask


def capture(profiler: str) -> Capture:
    return manual(1, process=ME, target=Target("h", 7), profiler=profiler, started_at=NOON)


@pytest.mark.parametrize("code", ["gone", "replaced", "finished"])
@pytest.mark.parametrize("profiler", SIGNALLING, ids=lambda profiler: type(profiler).__name__)
def test_what_became_of_the_process_is_heard_at_every_step(profiler: Profiler, code: str) -> None:
    pool, mine = Says(Answer(code, ended=HARM)), capture("go-zero-toggle")
    here = Recording(mine, cast(HostPool, pool), NOON)
    steps = [step(here) for step in (profiler.start, profiler.watch, profiler.stop)]
    assert [(result.harm, result.again) for result in steps] == [(HARM, None)] * 3
    assert pool.asked[1:] == ["status", "stop"], "of a process that is gone no dump is asked for"


class Journaled(Says):
    """A gate that finds no process at a start that it is asked for once more, and knows from the journal why."""

    def __getattr__(self, verb: str) -> Any:
        self.answer = Answer("gone", ended=HARM if verb == "status" else None)
        return Says.__getattr__(self, verb)


@pytest.mark.parametrize("profiler", SIGNALLING, ids=lambda profiler: type(profiler).__name__)
def test_of_a_process_that_is_gone_before_the_start_is_asked_for_again_the_journal_tells(profiler: Profiler) -> None:
    pool = Journaled(Answer("gone"))
    mine, unknown = capture("go-zero-toggle"), Says(Answer("gone"))
    assert profiler.start(Recording(mine, cast(HostPool, pool), NOON)).harm == HARM
    with pytest.raises(Refused, match="has exited"):
        profiler.start(Recording(mine, cast(HostPool, unknown), NOON))


@pytest.mark.parametrize("profiler", SIGNALLING, ids=lambda profiler: type(profiler).__name__)
def test_a_process_that_ended_by_itself_is_no_harm(profiler: Profiler) -> None:
    here = Recording(capture("go-zero-toggle"), cast(HostPool, Says(Answer("gone"))), NOON)
    assert profiler.watch(here).harm is None
    assert profiler.stop(here).harm is None


@pytest.mark.parametrize("profiler", SIGNALLING, ids=lambda profiler: type(profiler).__name__)
def test_a_blocked_executable_is_refused_with_what_happened_and_the_remedy(profiler: Profiler) -> None:
    assert profiler.choose(zero(), "h", cast(HostPool, None))
    with pytest.raises(Refused) as refused:
        profiler.choose(zero(blocked=ONE), "h", cast(HostPool, None))
    assert refused.value.reason.code is Code.UNSAFE_SIGNAL
    assert refused.value.reason.message == (
        "h: pid 7 (orders) is not signalled: a signal has harmed this executable (h2: pid 9 (orders) ended; "
        f"capture c1). `alertprof unblock {ONE.id}` allows it again"
    )


def test_auto_goes_on_to_http_pprof_and_says_why() -> None:
    assert Auto().choose(zero(), "h", cast(HostPool, pool_to())).name == "go-zero-toggle"
    chosen = Auto().choose(zero(blocked=ONE), "h", cast(HostPool, pool_to()))
    assert chosen.name == "http-pprof"
    assert chosen.why.startswith("not by go-zero: h: pid 7 (orders) is not signalled")


def test_who_signals_says_so() -> None:
    there = {kind for kind, spec in kinds("app.profilers", ProfilerSpec).items() if getattr(spec, "signals", False)}
    assert there == {"go-zero", "node-inspector", "signal"}
