"""What was gathered on a host comes home before it is removed there, however a capture ends."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import Code, Refused, Retryable
from app.model import Capture, State, Step
from app.stores import Directory
from tests.unit.captures.story_host import Verbs
from tests.unit.captures.test_story_machine import Crash, Replicas, recording, row


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    made = Replicas(tmp_path)
    yield made
    made.close()


def samples_of(replicas: Replicas, capture: Capture) -> list[Path]:
    """Its files of samples, as its row lists them."""
    names = [artifact.name for artifact in capture.artifacts if artifact.name.endswith("-samples.json")]
    return [replicas.store.path(f"{capture.id}/{name}") for name in names]


@pytest.mark.parametrize("end", ["completed", "failed", "refused", "the answer to its beginning was lost"])
def test_nothing_stays_on_the_host_and_the_samples_are_at_home(replicas: Replicas, end: str) -> None:
    if end.startswith("the answer"):
        replicas.host.disturb = ("sample", "after", Retryable(Code.HOST_UNREACHABLE, "h: the gate was lost"))
    new = recording(replicas)
    if end == "failed":
        replicas.host.begin_anew(7)
    if end == "refused":
        replicas.host.disturb = ("status", "before", Refused(Code.NOT_PERMITTED, "h: no more"))
        replicas.work("one", 5)
    replicas.run_to_the_end()
    ended = row(replicas, new)
    assert ended.state is (State.FAILED if end in ("failed", "refused") else State.COMPLETED)
    assert len(samples_of(replicas, ended)) == 1
    assert replicas.host.sampled == {}


def test_samples_that_could_not_begin_at_once_begin_while_it_records(replicas: Replicas) -> None:
    replicas.host.disturb = ("sample", "before", Retryable(Code.HOST_UNREACHABLE, "h: the gate was lost"))
    new = recording(replicas)
    replicas.run_to_the_end()
    ended = row(replicas, new)
    assert "samples is missing: h: the gate was lost" in [event.message for event in ended.timeline]
    assert len(samples_of(replicas, ended)) == 1


@pytest.mark.parametrize("code", [Code.AUTH_FAILED, Code.NOT_PERMITTED])
def test_samples_that_the_host_did_not_give_at_once_are_asked_for_again_and_not_removed(
    replicas: Replicas, code: Code
) -> None:
    replicas.host.disturb = ("samples", "before", Refused(code, "h: not now"))
    new = recording(replicas)
    replicas.work("one", 30)
    assert replicas.host.disturb is None
    replicas.run_to_the_end()
    assert len(samples_of(replicas, row(replicas, new))) == 1
    assert replicas.host.sampled == {}


def test_a_host_that_is_away_when_its_samples_are_removed_is_asked_again(replicas: Replicas) -> None:
    new = recording(replicas)
    replicas.host.disturb = ("unsample", "before", Retryable(Code.HOST_UNREACHABLE, "h: the gate was lost"))
    while replicas.host.disturb:
        replicas.work("one", 1)
    replicas.run_to_the_end()
    assert row(replicas, new).state is State.COMPLETED
    assert replicas.host.sampled == {}


@pytest.mark.parametrize("commits", range(6))
def test_kill_9_at_any_commit_of_a_capture_that_is_refused_loses_no_samples(replicas: Replicas, commits: int) -> None:
    new = recording(replicas)
    replicas.host.disturb = ("status", "before", Refused(Code.NOT_PERMITTED, "h: no more"))
    replicas.ledger.dies = ("before", commits)
    replicas.work("one", 30)
    replicas.run_to_the_end()
    (path,) = samples_of(replicas, row(replicas, new))
    assert path.stat().st_size and replicas.host.sampled == {}


def test_kill_9_before_the_recording_was_noted_and_the_end_of_its_process_lose_no_samples(replicas: Replicas) -> None:
    replicas.host.disturb = ("sample", "after", Crash())
    new = recording(replicas)
    assert row(replicas, new).started_at is None
    replicas.host.begin_anew(7)
    replicas.run_to_the_end()
    assert row(replicas, new).state is State.FAILED
    assert samples_of(replicas, row(replicas, new)) and replicas.host.sampled == {}


def takes_no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our store, from now on."""
    put = Directory.put

    def full(store: Directory, key: str, source: Path) -> None:
        if "samples" in key:
            raise OSError(errno.ENOSPC, "No space left on device")
        put(store, key, source)

    monkeypatch.setattr(Directory, "put", full)


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_samples_that_our_store_does_not_take_are_waited_for_on_the_host_and_come_home(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    takes_no_samples(monkeypatch)
    new = recording(replicas)
    if end == "failed":
        replicas.host.begin_anew(7)
    replicas.work("one", 1200)
    waiting = row(replicas, new)
    assert not waiting.state.ended and list(replicas.host.sampled) == [waiting.token]
    assert waiting.step is Step.CLEAN, "it holds no place: others are recorded on its host meanwhile"
    said = [event.message for event in waiting.timeline if "our own store does not take it" in event.message]
    assert said == [
        "samples: our own store does not take it (it stays on the host): [Errno 28] No space left on device"
    ]
    monkeypatch.undo()
    replicas.run_to_the_end()
    ended = row(replicas, new)
    assert ended.state is (State.FAILED if end == "failed" else State.COMPLETED)
    assert len(samples_of(replicas, ended)) == 1 and replicas.host.sampled == {}


def test_who_asks_for_an_end_does_not_wait_for_our_store_and_nothing_stays_on_the_host(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes_no_samples(monkeypatch)
    new = recording(replicas)
    replicas.work("one", 600)
    assert replicas.ledger.request_stop(new, replicas.now)
    replicas.run_to_the_end()
    ended = row(replicas, new)
    assert ended.state is State.COMPLETED and samples_of(replicas, ended) == []
    assert replicas.host.sampled == {}
    assert "samples is missing: our own store did not take it" in [event.message for event in ended.timeline]


def gives_no_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host, from now on."""

    def broken(verbs: Verbs, token: str) -> tuple[str, ...]:
        raise Retryable(Code.HOST_UNREACHABLE, "h: the gate answers samples without end")

    monkeypatch.setattr(Verbs, "samples", broken)


def test_samples_that_the_host_gives_after_minutes_come_home(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    gives_no_samples(monkeypatch)
    new = recording(replicas)
    replicas.work("one", 300)
    assert not row(replicas, new).state.ended
    monkeypatch.undo()
    replicas.run_to_the_end()
    assert len(samples_of(replicas, row(replicas, new))) == 1 and replicas.host.sampled == {}


def test_what_a_host_never_gives_is_removed_there_in_the_end(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    gives_no_samples(monkeypatch)
    new = recording(replicas)
    replicas.run_to_the_end()
    ended = row(replicas, new)
    assert ended.state is State.COMPLETED and replicas.host.sampled == {}
    assert "samples is missing: h: the gate answers samples without end" in [each.message for each in ended.timeline]
