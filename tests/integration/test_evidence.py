"""The evidence ladder on real parts: sshd, Go programs, control groups, and the kernel's OOM killer."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from app.evidence.surroundings import around_in
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from tests.integration.scene import Scene, alert, codes
from tests.lab.cgroups import memory_group
from tests.lab.process import eventually
from tests.lab.target import Service

MIB = 1 << 20
LIMIT = 96 * MIB
# Two of them, each smaller than what the kernel adds to the target's size for its oom_score_adj: the target dies first.
EATER = f"""
import sys
print('ready', flush=True)
sys.stdin.readline()
eaten = b'x' * {LIMIT // 2 + 8 * MIB}
sys.stdin.readline()
"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path / "scene", duration="30s", config={"limits": {"per_host": 8}}) as made:
        yield made


def evidence(scene: Scene, capture: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Schema -> document, of every artifact of evidence, as it is downloaded."""
    found = [scene.ask("GET", a["href"]).json() for a in capture["artifacts"] if a["kind"] == "evidence"]
    return {document["schema"].split("/")[1]: document for document in found}


def sampled(samples: Path) -> bool:
    """Is the first sample in that file?"""
    return samples.exists() and "list" in samples.read_text()


def eater() -> subprocess.Popen[bytes]:
    """One that takes memory once it is told to."""
    process = subprocess.Popen([sys.executable, "-c", EATER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == b"ready\n"
    return process


def test_of_a_process_that_dies_while_it_is_recorded_evidence_is_home_and_the_reason_is_told(
    scene: Scene, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        group = stack.enter_context(memory_group(LIMIT))
        killed, shot = (stack.enter_context(Service(name, tmp_path / name)) for name in ("profiled", "toggle"))
        eaters = [stack.enter_context(eater()) for _ in range(2)]
        if group:
            for pid in (killed.pid, *(each.pid for each in eaters)):
                (group / "cgroup.procs").write_text(f"{pid}\n")
        Path(f"/proc/{killed.pid}/oom_score_adj").write_text("1000")
        fired = [alert(f"{n:016x}", host="127.0.0.1", pid=each.pid) for n, each in enumerate((killed, shot), 1)]
        ids = scene.deliver(*fired)["captures"]
        for one in ids:
            scene.service.wait_capture(one, {"recording"})
        homes = Path("/run/.alertprof-0")
        eventually(lambda: all(sampled(homes / f"{one.replace('-', '')}.samples") for one in ids), "both are sampled")
        shot.process.kill9()
        if group:
            for each in eaters:
                os.write(each.stdin.fileno(), b"eat\n") if each.stdin else None
            eventually(lambda: not killed.alive, "the OOM killer has come")
        else:
            killed.process.kill9()
        ended = [scene.service.wait_capture(one) for one in ids]
        for each in eaters:
            each.kill()
    assert codes(ended) == ["process_exited", "process_exited"]
    for capture in ended:
        assert set(evidence(scene, capture)) == {"first-look", "samples", "surroundings"}
        assert scene.ask("GET", f"/ui/captures/{capture['id']}").status_code == 200
        assert not (homes / f"{capture['id'].replace('-', '')}.samples").exists()
    oom, plain = ended
    assert "the kernel tells no reason" in plain["reason"]["message"]
    assert {"process_died", "ended_after_signal"} & {finding["code"] for finding in plain["findings"]}
    if not group:
        pytest.skip("a kill by the real OOM killer is NOT tested: this machine makes no memory groups")
    assert "killed by the OOM killer" in oom["reason"]["message"] and "memory limit 96 MiB" in oom["reason"]["message"]
    assert "oom_killed" in [finding["code"] for finding in oom["findings"]]
    assert evidence(scene, oom)["samples"]["ended"] == "gone"
    assert evidence(scene, oom)["first-look"]["cgroup"]["memory_limit"]["bytes"] == LIMIT


def test_a_sampler_looks_around_when_it_is_told_to_and_at_its_end_at_the_latest(scene: Scene, tmp_path: Path) -> None:
    before = dict[int, int]()  # seconds that it was told -> how many samples it had taken by then
    with Service("toggle", tmp_path / "one") as target, closing(HostPool(Connector(scene.sshd.settings()))) as pool:
        gate = pool.gate(scene.sshd.host)
        process = gate.look(target.pid)
        assert process
        for later in (0, 2, 90):
            token = token_hex(16)
            assert gate.sample(process.id, 90, token, later) == "started"
            file = Path(f"/run/.alertprof-0/{token}.samples")
            wanted = "\nlist " if later < 90 else "\nsample "
            eventually(lambda: wanted in file.read_text(), "it has got so far", 60)  # noqa: B023
            lines = gate.samples(token)
            assert around_in(lines)["threads"]["all"] > 3
            kinds = [line.split()[0] for line in lines]
            before[later] = kinds[: kinds.index("list")].count("sample")
            gate.unsample(token)
    assert before[0] == 1 < before[2]
