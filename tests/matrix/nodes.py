"""Node's inspector of one Node after another: is its profile brought home, and is the service as it was."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from _pytest.outcomes import Skipped

from app.profilers import node_inspector
from tests.integration.test_node_inspector import Node, judged, pool_to, recorded
from tests.lab import node
from tests.lab.sshd import Sshd

HEAD = ("Node", "profiled", "the service")


def rows() -> Iterator[tuple[str, ...]]:
    node_inspector.STARTED_UP = 0.0
    with tempfile.TemporaryDirectory() as folder, Sshd(Path(folder) / "sshd") as sshd, pool_to(sshd) as pool:
        for version in node.VERSIONS:
            try:
                with Node(Path(folder) / f"node-{version}", version) as service:
                    name = judged(pool, service.pid)
                    hot = "hotLoop" in recorded(pool, service.pid, Path(folder) / f"home-{version}")
                    yield version, name if hot else "no", "as it was" if service.unharmed else "NOT as it was"
            except Skipped as reason:
                yield version, str(reason), ""
