"""A capture as a row, and a row as a capture. The only reader and writer of the JSON in the table."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic_core import PydanticSerializationError, to_json

from app.errors import Code, Reason
from app.model import Artifact, Capture, Event, Finding, Kind, ProcessId, State, Step, Target, Trigger

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
TURNS = {Step.WAIT: 0, Step.STOP: 0, Step.RESOLVE: 1, Step.START: 1, Step.COLLECT: 2, Step.CLEAN: 3, Step.DONE: 3}
"""What is claimed first: what ends a recording, then what starts one, what brings files home, what cleans up."""
_loads = json.loads


def _dumps(value: Any) -> str:
    """JSON in ASCII. pydantic's encoder takes a third of the time of Python's, but no lone surrogates."""
    try:
        return to_json(value, ensure_ascii=True).decode()
    except PydanticSerializationError:
        return json.dumps(value, separators=(",", ":"))


def micro(at: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    return (at - EPOCH) // _MICROSECOND


def moment(micros: int) -> datetime:
    """The time of these microseconds since 1970, in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def micro_or_none(at: datetime | None) -> int | None:
    return None if at is None else (at - EPOCH) // _MICROSECOND


def moment_or_none(micros: int | None) -> datetime | None:
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


def new_row(capture: Capture) -> dict[str, Any]:
    """All columns of a new row. arrivals.py sets `episode`."""
    trigger = capture.trigger
    return {
        "id": capture.id,
        "created_at": micro(capture.created_at),
        "trigger_kind": trigger.kind,
        "fingerprint": trigger.fingerprint,
        "alertname": trigger.alertname,
        "labels": _dumps(dict(trigger.labels)),
        "annotations": _dumps(dict(trigger.annotations)),
        "starts_at": micro_or_none(trigger.starts_at),
        "generator_url": trigger.generator_url,
        "requested_by": trigger.by,
        "note": trigger.note,
        "resolved_at": micro_or_none(capture.resolved_at),
        "stop_requested_at": micro_or_none(capture.stop_requested_at),
        "pinned": capture.pinned,
        "episode": None,
        **progress(capture),
    }


def progress(capture: Capture) -> dict[str, Any]:
    """The columns that a worker writes. Raises ValueError for a capture that has not ended and is never due."""
    if capture.due_at is None and not capture.state.ended:
        raise ValueError(f"capture {capture.id} is {capture.state} and due never; nothing would look at it again")
    reason, target, process = capture.reason, capture.target, capture.process
    return {
        "state": capture.state.value,
        "step": capture.step.value,
        "turn": TURNS[capture.step],
        "due_at": micro_or_none(capture.due_at),
        "lane": capture.lane,
        "give_up_at": micro_or_none(capture.give_up_at),
        "attempt": capture.attempt,
        "reason_code": reason and reason.code.value,
        "reason_message": reason and reason.message,
        "started_at": micro_or_none(capture.started_at),
        "stopped_at": micro_or_none(capture.stopped_at),
        "ended_at": micro_or_none(capture.ended_at),
        "rule": capture.rule,
        "profiler": capture.profiler,
        "duration": capture.duration // _MICROSECOND,
        "host": target.host if target else None,
        "service": target.service if target else None,
        "target": target and _dumps({**asdict(target), "started_at": micro_or_none(target.started_at)}),
        "process": process and _dumps(asdict(process)),
        "life": process and process.key,
        "active_process": process.key if process and not capture.state.ended else None,
        "timeline": _dumps([(micro(event.at), event.step, event.message) for event in capture.timeline]),
        "artifacts": _dumps([asdict(artifact) for artifact in capture.artifacts]) if capture.artifacts else "[]",
        "findings": _dumps([asdict(finding) for finding in capture.findings]) if capture.findings else "[]",
        "own_labels": _dumps(dict(capture.labels)) if capture.labels else "{}",
        "notes": _dumps(dict(capture.notes)) if capture.notes else "{}",
    }


def to_capture(row: sa.Row[Any]) -> Capture:
    """The capture in a row."""
    return Capture(
        id=row.id,
        created_at=moment(row.created_at),
        trigger=_trigger(row),
        state=State(row.state),
        step=Step(row.step),
        due_at=moment_or_none(row.due_at),
        lane=row.lane,
        give_up_at=moment_or_none(row.give_up_at),
        attempt=row.attempt,
        reason=Reason(Code(row.reason_code), row.reason_message) if row.reason_code else None,
        rule=row.rule,
        profiler=row.profiler,
        duration=timedelta(microseconds=row.duration),
        target=_target(row.target),
        process=ProcessId(**_loads(row.process)) if row.process else None,
        started_at=moment_or_none(row.started_at),
        stopped_at=moment_or_none(row.stopped_at),
        ended_at=moment_or_none(row.ended_at),
        timeline=tuple(Event(moment(at), step, message) for at, step, message in _loads(row.timeline)),
        artifacts=tuple(_artifact(**said) for said in _loads(row.artifacts)),
        findings=tuple(_finding(**said) for said in _loads(row.findings)),
        labels=_loads(row.own_labels),
        notes=_loads(row.notes),
        resolved_at=moment_or_none(row.resolved_at),
        stop_requested_at=moment_or_none(row.stop_requested_at),
        pinned=row.pinned,
        baseline=row.baseline is not None,
        fence=row.fence,
    )


def target_of(text: str | None) -> Target | None:
    """The process in the column `target`, for a look over many rows."""
    return _target(text)


def labels_of(row: sa.Row[Any]) -> dict[str, str]:
    """Only the alert's labels, for a filter over many rows."""
    labels: dict[str, str] = _loads(row.labels)
    return labels


def size_of(artifacts: str) -> int:
    """The bytes of all files together. artifacts: the column."""
    return sum(artifact["size"] for artifact in _loads(artifacts))


def _trigger(row: sa.Row[Any]) -> Trigger:
    return Trigger(
        kind=row.trigger_kind,
        labels=_loads(row.labels),
        fingerprint=row.fingerprint,
        annotations=_loads(row.annotations),
        starts_at=moment_or_none(row.starts_at),
        generator_url=row.generator_url,
        by=row.requested_by,
        note=row.note,
    )


def _target(said: str | None) -> Target | None:
    if said is None:
        return None
    fields = _loads(said)
    return Target(**{**fields, "started_at": moment_or_none(fields["started_at"])})


def _artifact(kind: str, **said: Any) -> Artifact:
    return Artifact(kind=Kind(kind), **said)


def _finding(functions: list[str], path: Sequence[str] = (), **said: Any) -> Finding:
    return Finding(functions=tuple(functions), path=tuple(path), **said)
