"""The names of a service: by labels, and by the executable of its process. Pure."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from app.model import Capture

LABELS = ("service", "service_name", "service.name", "job")
"""The labels that name a service, the most trusted first. The two in the middle are OpenTelemetry's attribute."""


def service_of(labels: Mapping[str, str]) -> str:
    """The service that cooldown and limits count for; "" if no label names one."""
    return next((labels[name] for name in LABELS if labels.get(name)), "")


def names_of(capture: Capture) -> frozenset[str]:
    """Every name under which a capture's service is searched: that of its target and that of the executable. Where no
    process was found, the labels name it."""
    target = capture.target
    said = target.service if target else ""
    executable = PurePosixPath(target.exe).name if target else ""
    return frozenset({said or service_of(capture.trigger.labels), executable}) - {""}
