"""The stand-ins are what they stand in for: the same questions to them and to real go-zero."""

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import golang
from tests.lab.process import Late, eventually
from tests.lab.target import ASKED_FOR_FOUR, Service

Run = Callable[..., Service]
TOGGLES = ["toggle", "real-v1.6.0"]
TIMED = ["timed", "real-v1.10.3"]
SIX = {"cpu", "mem", "mutex", "block", "trace", "threadcreate"}
STARTS, STOPS_ITSELF = b"core/proc.StartProfile\0", b"core/proc.Stopper.Stop-fm\0"


def binary(name: str) -> bytes:
    try:
        return golang.build(name).read_bytes()
    except golang.Unavailable as reason:
        pytest.skip(str(reason))


def gozero_line(content: bytes) -> bytes:
    found = re.search(rb"dep\tgithub\.com/zeromicro/go-zero\t(\S+)", content)
    return found[1] if found else b""


def cpu_functions(service: Service) -> str:
    return golang.tool("pprof", "-top", service.files()["cpu"], env={"PPROF_TMPDIR": str(service.tmp)})


@pytest.mark.parametrize("name", TOGGLES)
def test_a_toggling_binary_can_start_a_profile_and_has_no_stop_as_a_value(name: str) -> None:
    content = binary(name)
    assert STARTS in content
    assert STOPS_ITSELF not in content
    assert gozero_line(content) == b"v1.6.0"


@pytest.mark.parametrize("name", TIMED)
def test_a_timed_binary_has_both_names(name: str) -> None:
    content = binary(name)
    assert STARTS in content
    assert STOPS_ITSELF in content
    assert gozero_line(content) == b"v1.10.3"


def test_the_lying_binary_says_v1_6_0_and_is_timed() -> None:
    content = binary("lying")
    assert gozero_line(content) == b"v1.6.0"
    assert STOPS_ITSELF in content


@pytest.mark.parametrize("name", ["plain", "plain-usr2"])
def test_a_plain_go_binary_has_none_of_it(name: str) -> None:
    content = binary(name)
    assert STARTS not in content
    assert not gozero_line(content)


@pytest.mark.parametrize("name", [*TOGGLES, *TIMED])
def test_the_signal_thread_asks_for_go_zeros_four_signals(run_target: Run, name: str) -> None:
    assert ASKED_FOR_FOUR in run_target(name).masks()


def test_a_plain_go_program_has_no_signal_thread_and_survives(run_target: Run) -> None:
    plain = run_target("plain")
    assert not any(mask.startswith("fffffffc") for mask in plain.masks())
    plain.signal()
    with pytest.raises(Late):
        eventually(lambda: not plain.alive, "it dies", within=0.3)


def test_a_plain_go_program_that_listens_asks_for_one_signal_and_notes_it(run_target: Run) -> None:
    listening = run_target("plain-usr2")
    eventually(lambda: "fffffffc3bba3200" in listening.masks(), "SIGUSR2 alone is asked for")
    listening.signal()
    listening.wait_event("usr2")


@pytest.mark.parametrize("name", [*TOGGLES, *TIMED])
def test_the_first_signal_opens_six_files_that_stay_empty(run_target: Run, name: str) -> None:
    service = run_target(name)
    service.signal()
    eventually(lambda: service.held() == SIX, "six files are open")
    assert service.recording()
    assert {kind for kind, file in service.files().items() if file.stat().st_size == 0} >= SIX - {"trace"}
    assert re.fullmatch(rf"orders-{service.pid}-cpu-\d{{10}}\.pprof", service.files()["cpu"].name)


@pytest.mark.parametrize("name", TOGGLES)
def test_the_second_signal_stops_a_toggling_one_and_fills_the_files(run_target: Run, name: str) -> None:
    service = run_target(name, HOT="1")
    service.signal()
    eventually(lambda: service.held() == SIX, "six files are open")
    burn(service)
    service.signal()
    eventually(lambda: not service.recording(), "all but the trace are closed")
    whole_session(service)


def test_a_timed_one_stops_itself(run_target: Run) -> None:
    service = run_target("timed", HOT="1", STANDIN_PROFILE_SECONDS="1.5")
    service.signal()
    service.wait_event("start")
    service.wait_event("stop")
    assert not service.recording()
    whole_session(service)


@pytest.mark.parametrize("name", TIMED)
def test_a_second_signal_inside_the_minute_is_refused_in_the_log(run_target: Run, name: str) -> None:
    service = run_target(name)
    service.signal()
    eventually(service.recording, "it records")
    service.signal()
    eventually(
        lambda: "profile: Start() already called" in service.process.log.read_text(), "the refusal is in the log"
    )
    assert service.recording()


def test_a_signal_after_the_minute_begins_another_recording(run_target: Run) -> None:
    service = run_target("timed", STANDIN_PROFILE_SECONDS="0.2")
    service.signal()
    service.wait_event("stop")
    service.signal()
    service.wait_event("start", times=2)
    assert service.count("refused") == 0


@pytest.mark.parametrize("name", [*TOGGLES, *TIMED])
def test_usr1_dumps_the_goroutines_and_starts_nothing(run_target: Run, name: str) -> None:
    service = run_target(name)
    service.signal(signal.SIGUSR1)
    eventually(lambda: content(service.files().get("goroutines")), "the dump is written")
    assert content(service.files()["goroutines"]).startswith(b"goroutine ")
    assert not service.recording()


@pytest.mark.parametrize("name", TOGGLES)
def test_after_sigterm_no_signal_is_asked_for_while_it_shuts_down(run_target: Run, name: str) -> None:
    service = run_target(name)
    service.signal(signal.SIGTERM)
    eventually(lambda: ASKED_FOR_FOUR not in service.masks(), "it listens no more")
    service.signal()
    assert not service.recording()
    eventually(lambda: not service.alive, "it has ended")


def test_the_delays_stretch_the_start_and_the_stop(run_target: Run) -> None:
    service = run_target("toggle", STANDIN_START_DELAY_MS="300", STANDIN_STOP_DELAY_MS="3000")
    service.signal()
    service.wait_event("start")
    eventually(service.recording, "it records")
    service.signal()
    eventually(lambda: service.held() == SIX - {"cpu"}, "cpu is closed and the others are not")
    service.wait_event("stop")


@pytest.mark.parametrize("name", [*TOGGLES, *TIMED])
def test_it_serves_the_metrics_that_the_rules_read(run_target: Run, name: str) -> None:
    service = run_target(name)
    text = service.get("/metrics")
    for metric in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"):
        assert re.search(rf"^{metric} [0-9.e+]+$", text, re.MULTILINE)


def test_it_is_hot_when_told_and_calm_when_told(run_target: Run) -> None:
    service = run_target("toggle")
    service.hot()
    burn(service, 0.2)
    service.calm()
    eventually(lambda: idle(service), "it burns no more")


def content(file: Path | None) -> bytes:
    return file.read_bytes() if file else b""


def burnt(service: Service) -> float:
    """CPU seconds so far."""
    return float(re.findall(r"^process_cpu_seconds_total (\S+)$", service.get("/metrics"), re.MULTILINE)[0])


def burn(service: Service, seconds: float = 0.5) -> None:
    before = burnt(service)
    eventually(lambda: burnt(service) > before + seconds, f"it has burnt {seconds} CPU seconds")


def idle(service: Service) -> bool:
    before = burnt(service)
    with pytest.raises(Late):
        eventually(lambda: False, "a moment passes", within=0.3)
    return burnt(service) - before < 0.1


def whole_session(service: Service) -> None:
    files = service.files()
    assert set(files) >= SIX
    assert all(content(files[kind])[:2] == b"\x1f\x8b" for kind in SIX - {"trace"})
    assert re.match(rb"go 1\.\d+ trace\0", content(files["trace"]))
    assert re.search(r"main\.checksum", cpu_functions(service))
