"""One OpenTelemetry trace a capture, under the capture's own id: the extra `otel`. telemetry.py tells of each end.

The exporter is configured as everywhere, by OTEL_* variables of the environment
(https://opentelemetry.io/docs/specs/otel/protocol/exporter/). Without an endpoint there are no traces.
"""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

import structlog

from app.model import Capture, State

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")

log = structlog.get_logger()


def opened() -> "Traces | None":
    """Where traces go; None where the environment names no endpoint, or the extra is missing, which is logged."""
    if not (name := next((each for each in ENDPOINTS if os.environ.get(each)), None)):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        log.warning(
            f"{name} is set, but traces are an extra: install it with pip install 'alertprof[otel]', or unset it"
        )
        return None
    own = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "alertprof"}
    provider = TracerProvider(resource=Resource.create(own))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider)


class Traces:
    """Thread-safe. Spans are sent from a thread of the exporter; what cannot be sent is dropped."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider, self._tracer, self._lock = provider, provider.get_tracer("alertprof"), Lock()

    def ended(self, capture: Capture) -> None:
        """Sends the trace of a capture that has ended: a span of the whole, and one of each phase that it reached."""
        from opentelemetry.trace import Status, StatusCode, set_span_in_context  # noqa: PLC0415

        with self._lock:
            self._provider.id_generator.generate_trace_id = lambda: int(capture.token, 16)  # type: ignore[method-assign]
            root = self._tracer.start_span(
                "capture", start_time=nanoseconds(capture.created_at), attributes=said(capture)
            )
        for event in capture.timeline:
            root.add_event(event.step, {"message": event.message}, nanoseconds(event.at))
        for name, begin, end in phases(capture):
            span = self._tracer.start_span(name, set_span_in_context(root), start_time=nanoseconds(begin))
            span.end(nanoseconds(end))
        if capture.state is State.FAILED:
            root.set_status(Status(StatusCode.ERROR, capture.reason.message if capture.reason else ""))
        root.end(nanoseconds(capture.ended_at or capture.created_at))

    def close(self) -> None:
        """Sends what has not been sent."""
        self._provider.shutdown()


def phases(capture: Capture) -> Iterator[tuple[str, datetime, datetime]]:
    """Each phase that the capture reached, with its begin and end."""
    times = (capture.created_at, capture.started_at, capture.stopped_at, capture.ended_at)
    for name, begin, end in zip(("waiting", "recording", "collecting"), times, times[1:], strict=False):
        if begin and end:
            yield name, begin, end


def said(capture: Capture) -> dict[str, str]:
    """The attributes of the whole."""
    target, process = capture.target, capture.target and capture.target.pid
    told = {
        "alertprof.capture.id": capture.id,
        "alertprof.capture.state": capture.state.value,
        "alertprof.capture.reason": capture.reason.code.value if capture.reason else "",
        "alertprof.rule": capture.rule,
        "alertprof.profiler": capture.profiler,
        "alertprof.target.host": target.host if target else "",
        "alertprof.target.service": target.service if target else "",
        "alertprof.target.pid": str(process or ""),
    }
    return {name: value for name, value in told.items() if value}


def nanoseconds(moment: datetime) -> int:
    """Since 1970, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000
