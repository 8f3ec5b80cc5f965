"""One service through the whole line: sshd, alertprof, an alert, net/http/pprof through the tunnel."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.scene import Scene, alert
from tests.lab import ports
from tests.lab.target import Service

SECONDS = 6  # of a recording
WARMING = 4.0  # seconds for a fault to have an effect: a pool to be empty, a quota to be used up


@contextmanager
def running(name: str, folder: Path, warming: float = WARMING) -> Iterator[Service]:
    """The service of this name, under its load for so many seconds."""
    service = Service("faults", folder, env={"PORT": str(ports.free())}, args=[name], called=name)
    try:
        time.sleep(warming)
        yield service
    finally:
        service.stop()


def captured(scene: Scene, service: Service, number: int) -> dict[str, Any]:
    """Its capture."""
    (capture,) = scene.captured(alert(f"{number:016x}", instance="127.0.0.1", pid=service.pid), timeout=120)
    return capture
