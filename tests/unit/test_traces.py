"""One trace a capture, as a collector of OpenTelemetry receives it."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import traces
from app.errors import Code, Reason
from app.model import Capture, State, Target, Trigger
from tests.lab.browser import served

NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
CAPTURE = Capture(
    "019a0000-0000-7000-8000-000000000001",
    NOON,
    Trigger("manual"),
    state=State.COMPLETED,
    target=Target("10.0.0.5", 21181, "orders"),
    started_at=NOON + timedelta(seconds=2),
    stopped_at=NOON + timedelta(seconds=32),
    ended_at=NOON + timedelta(seconds=40),
).with_event(NOON, "resolve", "found by its port")


@pytest.fixture
def received() -> list[bytes]:
    return []


@pytest.fixture
def collector(received: list[bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    async def take(request: Request) -> Response:
        received.append(await request.body())
        return Response()

    with served(Starlette(routes=[Route("/v1/traces", take, methods=["POST"])])) as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        yield


def spans(received: list[bytes]) -> list[Any]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    requests = [ExportTraceServiceRequest.FromString(body) for body in received]
    return [span for each in requests for of in each.resource_spans for by in of.scope_spans for span in by.spans]


@pytest.mark.usefixtures("collector")
def test_a_capture_is_one_trace_under_its_own_id_with_a_span_of_each_phase(received: list[bytes]) -> None:
    made = traces.opened()
    assert made
    made.ended(CAPTURE)
    failed = replace(CAPTURE, id="019a0000-0000-7000-8000-000000000002", state=State.FAILED, started_at=None)
    made.ended(replace(failed, reason=Reason(Code.TIMEOUT, "it took too long")))
    made.close()
    found = {(span.trace_id.hex(), span.name): span for span in spans(received)}
    token = CAPTURE.token
    root = found[token, "capture"]
    assert {name for trace, name in found if trace == token} == {"capture", "waiting", "recording", "collecting"}
    assert root.start_time_unix_nano == int(NOON.timestamp()) * 10**9 + 123456000
    assert [event.name for event in root.events] == ["resolve"]
    recording = found[token, "recording"]
    assert recording.parent_span_id == root.span_id
    assert recording.end_time_unix_nano - recording.start_time_unix_nano == 30 * 10**9
    other = found[failed.token, "capture"]
    assert (other.status.code, other.status.message) == (2, "it took too long")
    assert {name for trace, name in found if trace == failed.token} == {"capture", "collecting"}


def test_without_an_endpoint_there_are_no_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in traces.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    assert traces.opened() is None


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert traces.opened() is None
    assert "pip install 'alertprof[otel]'" in capsys.readouterr().out
