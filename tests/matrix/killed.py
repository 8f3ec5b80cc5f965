"""Processes that are killed 1 to 30 s into a recording, half of them by a control group's OOM killer where this machine
has one: how often the evidence is at home, and the reason told. KILLED=50 says how many.
"""

import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.integration.scene import Scene, alert
from tests.integration.test_evidence import LIMIT, eater, evidence
from tests.lab.cgroups import memory_group
from tests.lab.target import Service

HEAD = ("killed by", "processes", "first look at home", "samples at home", "reason told")
OOM, SIGKILL = "the OOM killer", "SIGKILL"
CONFIG = {"limits": {"per_host": 64, "per_service": 64}}
TOLD = {OOM: "OOM killer", SIGKILL: "the kernel tells no reason"}


class Victim:
    """A process that is recorded, and what is to kill it, how long after its recording began."""

    def __init__(self, number: int, folder: Path, stack: ExitStack) -> None:
        self.service = stack.enter_context(Service("profiled", folder / str(number)))
        group = stack.enter_context(memory_group(LIMIT)) if number % 2 == 0 else None
        self.way = OOM if group else SIGKILL
        self.eaters = [stack.enter_context(eater()) for _ in range(2)] if group else []
        if group:
            for pid in (self.service.pid, *(each.pid for each in self.eaters)):
                (group / "cgroup.procs").write_text(f"{pid}\n")
        Path(f"/proc/{self.service.pid}/oom_score_adj").write_text("1000")
        stack.callback(self.end)
        self.after = random.uniform(1, 30)  # noqa: S311

    def kill(self) -> None:
        if self.way == SIGKILL:
            self.service.process.kill9()
        for each in self.eaters:
            os.write(each.stdin.fileno(), b"eat\n") if each.stdin else None

    def end(self) -> None:
        for each in self.eaters:
            each.kill()


def rows() -> Iterator[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        scene = stack.enter_context(Scene(Path(folder) / "scene", duration="5m", config=CONFIG))
        count = int(os.environ.get("KILLED", "50"))
        victims = [Victim(number, Path(folder), stack) for number in range(count)]
        fired = [alert(f"{n:016x}", host="127.0.0.1", pid=one.service.pid) for n, one in enumerate(victims, 1)]
        ids = scene.deliver(*fired)["captures"]
        for one in ids:
            scene.service.wait_capture(one, {"recording"}, timeout=280)
        began = time.monotonic()
        for victim in sorted(victims, key=lambda victim: victim.after):
            time.sleep(max(began + victim.after - time.monotonic(), 0))
            victim.kill()
        ended = [scene.service.wait_capture(one, timeout=180) for one in ids]
        for way in (OOM, SIGKILL):
            found = [
                seen(scene, capture, way) for capture, victim in zip(ended, victims, strict=True) if victim.way == way
            ]
            if found:
                yield way, str(len(found)), *(str(sum(column)) for column in zip(*found, strict=True))


def seen(scene: Scene, capture: Mapping[str, Any], way: str) -> tuple[bool, bool, bool]:
    """Whether the first look and the samples are at home and readable, and the reason is told."""
    documents = evidence(scene, capture)
    told = capture["reason"] is not None and TOLD[way] in capture["reason"]["message"]
    return "process" in documents.get("first-look", {}), bool(documents.get("samples", {}).get("seconds")), told
