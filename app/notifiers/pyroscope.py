"""The pprof files of a capture to Pyroscope: POST /ingest, one for each file, with labels from the alert.

The contract is that of Pyroscope's source (pkg/ingester/pyroscope/ingest_handler.go, api/model/labelset/labelset.go,
August 2026): `format=pprof` takes the file as the whole body, and a multipart form only without `format`; `name` is
`service{label=value,…}` and knows no quotes, so what would end a value is replaced.
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from app.model import Artifact, Kind
from app.notifiers.base import Notification, Undelivered
from app.notifiers.endpoint import Endpoint

PPROF = frozenset(
    {Kind.CPU, Kind.HEAP, Kind.ALLOCS, Kind.MUTEX, Kind.BLOCK, Kind.GOROUTINE, Kind.GOROUTINELEAK, Kind.THREADCREATE}
)
LABELS = ("alertname", "severity", "namespace", "pod", "container", "job", "instance")
MOST_LABELS, LONGEST = 30, 200  # labels of one series, characters of a value


@dataclass(frozen=True, slots=True, kw_only=True)
class Pyroscope(Endpoint):
    """labels: the alert's labels that become labels of the profile; tenant: the header X-Scope-OrgID
    kinds: of the files that are sent."""

    archives: ClassVar[bool] = True

    labels: tuple[str, ...] = LABELS
    tenant: str = ""
    kinds: tuple[str, ...] = (Kind.CPU, Kind.HEAP, Kind.ALLOCS, Kind.MUTEX, Kind.BLOCK)

    def __post_init__(self) -> None:
        Endpoint.__post_init__(self)
        if strange := sorted(set(self.kinds) - PPROF):
            raise ValueError(f"kinds: {strange[0]} is no profile; there are {', '.join(sorted(PPROF))}")

    def tell(self, notification: Notification) -> None:
        """Sends every profile; all of them again after a fault."""
        for artifact in notification.capture.artifacts:
            if artifact.kind in self.kinds and artifact.name.endswith(".pprof"):
                self._send(notification, artifact)

    def _send(self, notification: Notification, artifact: Artifact) -> None:
        capture = notification.capture
        begun, ended = capture.started_at or capture.created_at, capture.stopped_at or capture.ended_at
        asked = {
            "name": self._name(notification),
            "format": "pprof",
            "spyName": "alertprof",
            "from": str(int(begun.timestamp())),
            "until": str(int((ended or begun).timestamp())),
        }
        tenant = {"X-Scope-OrgID": self.tenant} if self.tenant else {}
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(artifact.size), **tenant}
        try:
            self.send("POST", f"{self.address()}/ingest", notification.read(artifact), headers, asked)
        except OSError as fault:
            raise Undelivered(f"{artifact.name} cannot be read: {fault}") from fault

    def _name(self, notification: Notification) -> str:
        capture = notification.capture
        service = capture.target.service if capture.target else ""
        ours = {"host": capture.target.host if capture.target else "", "capture": capture.id}
        chosen = {name: capture.trigger.labels.get(name, "") for name in self.labels}
        taken = [f"{label_name(name)}={value(said)}" for name, said in {**chosen, **ours}.items() if value(said)]
        return f"{value(service) or 'unknown'}{{{','.join(taken[-MOST_LABELS:])}}}"


def label_name(name: str) -> str:
    """The name with _ for what a label of Pyroscope's may not have."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return f"_{plain}" if plain[:1].isdigit() else plain


def value(text: str) -> str:
    """The text without what would end the value or begin another label."""
    return re.sub(r"[{}=,\s]|[^\x20-\U0010ffff]", "_", text)[:LONGEST]
