"""What is said and kept of a signal that did harm."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from app.config.settings import load
from app.errors import Code, Reason
from app.gate.facts import Harm
from app.main import Service
from app.model import Capture, Target
from app.profilers.harm import BUILD, blocked, harmed, id_of, reason_of, signal_of
from tests.unit.ledger.builders import NOON, manual

HARM = Harm("SIGUSR2", 0.42)
SAID = "10.0.0.5: pid 7 (orders) ended 0.4 s after our SIGUSR2"


def capture(build: str = "go:a/b") -> Capture:
    return manual(1, target=Target("10.0.0.5", 7, "order-mq", "/srv/orders"), notes={BUILD: build})


def test_the_capture_says_what_happened_and_what_allows_the_signal_again() -> None:
    after = harmed(capture(), HARM, NOON)
    said = (
        f"{SAID}; this executable is not signalled any more (build go:a/b) until `alertprof unblock {id_of('go:a/b')}`"
    )
    assert reason_of(after) == Reason(Code.PROCESS_EXITED, said)
    (finding,) = after.findings
    assert (finding.severity, finding.code) == ("critical", "ended_after_signal")
    assert (finding.title, finding.detail) == ("it ended 0.4 s after our SIGUSR2", said)
    assert [entry.message for entry in after.timeline] == [SAID]
    assert reason_of(capture()) is None


def test_an_executable_is_known_by_its_build_wherever_and_whenever_it_harmed_whomever() -> None:
    first = blocked(capture(), HARM, NOON)
    later = blocked(capture(), Harm("SIGHUP", 1.0), NOON + timedelta(days=1))
    assert first and later and first.id == later.id
    assert (first.exe, first.host, first.pid, first.message) == ("/srv/orders", "10.0.0.5", 7, SAID)
    other = blocked(capture("go:a/c"), HARM, NOON)
    assert other and other.id != first.id


def test_what_a_host_calls_an_executable_is_kept_up_to_a_length() -> None:
    long = replace(capture(), target=Target("h", 7, "s", f"/srv/{'x' * 5000}"))
    one = blocked(long, HARM, NOON)
    assert one and (len(one.exe), len(one.message)) == (1000, len(f"h: pid 7 ({'x' * 100}) {HARM}"))


def test_an_executable_that_could_not_be_read_is_not_blocked_and_that_is_said() -> None:
    assert blocked(capture(""), HARM, NOON) is None
    reason = reason_of(harmed(capture(""), HARM, NOON))
    assert reason and reason.message == (
        f"{SAID}; its executable could not be read, so nothing keeps the next alert from signalling it again"
    )


def test_harm_is_counted_once_by_its_signal(tmp_path: Path) -> None:
    service = Service(load(None, tmp_path), partial(load, None, tmp_path), "http://localhost")
    before = capture()
    after = harmed(before, HARM, NOON)
    service.telemetry.stepped(before, after, 0.1)
    service.telemetry.stepped(after, after.with_event(NOON, "collected", "6 files"), 0.1)
    service.ledger.close()
    assert b'alertprof_harm_total{signal="SIGUSR2"} 1.0' in service.metrics.exposition()
    assert signal_of(before) is None
