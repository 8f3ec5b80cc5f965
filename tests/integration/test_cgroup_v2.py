"""The evidence ladder where there is nothing but cgroup v2: a kernel of its own, User Mode Linux, with this machine's
programs. It has the controllers that are version 1's on most machines of tests, and no PSI.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping

import pytest

from app.evidence.death import cause_of
from app.evidence.scene import scene_in
from app.evidence.series import document_of, series_in
from app.evidence.surroundings import around_in
from app.gate.assemble import assembled

UML = shutil.which("linux.uml", path=f"{os.environ.get('PATH', '')}:/usr/bin")
LIMIT = 96 << 20
TOKEN = "0123456789abcdef" * 2
BUSY_THEN_EATS = 'until (-e "/run/eat") { 1 for 1..10000 } my $x=""; $x .= "x" x 1000000 while 1'
INIT = f"""#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmp /run; mount -t cgroup2 none /sys/fs/cgroup
mount -t hostfs none /mnt -o "$folder"
cd /sys/fs/cgroup; echo '+memory +cpu' >cgroup.subtree_control
mkdir orders.slice; cd orders.slice; echo '+memory +cpu' >cgroup.subtree_control
mkdir orders.service; cd orders.service; echo {LIMIT} >memory.max; echo '40000 100000' >cpu.max
perl -e '{BUSY_THEN_EATS}' & pid=$!
echo $pid >cgroup.procs
set -- $(cat /proc/$pid/stat)
process="$pid ${{22}} ${{26}}:${{28}}" samples=/run/.alertprof-0/{TOKEN}.samples
until_there() {{ n=0; until grep -q "$1" $samples || [ $n -gt 60 ]; do n=$((n + 1)); sleep 0.5; done; }}
{{
  printf '%s\\n' "1 scene $pid" "2 around $process" "3 sample $process 60 {TOKEN}"
  until_there '^list'; sleep 3; touch /run/eat; until_there '^killed'; sleep 1
  printf '%s\\n' "4 samples {TOKEN}" "5 unsample {TOKEN}"
}} | sh /mnt/gate.sh >/mnt/answers
echo $process >/mnt/process; ls /run/.alertprof-0 >/mnt/left; sync
echo o >/proc/sysrq-trigger; sleep 9
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """What the gate answered in there to each request, by its number; `process` and `left` as well."""
    if not os.environ.get("EVERY_SHELL"):
        pytest.skip("pure cgroup v2 is NOT tested: `make matrix` boots a kernel for it")
    if not UML:
        pytest.skip("pure cgroup v2 is NOT tested: there is no linux.uml (Debian's package user-mode-linux)")
    folder = tmp_path_factory.mktemp("uml")
    (folder / "gate.sh").write_text(assembled())
    init = folder / "init"
    init.write_text(INIT.replace("$folder", str(folder)))
    init.chmod(0o755)
    words = [UML, "mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", f"init={init}"]
    words += ["con=null", "con0=null,fd:1", "con1=null"]
    log = (folder / "log").open("wb")
    subprocess.run(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=240, check=False,
                   env={**os.environ, "TMPDIR": str(folder), "HOME": str(folder)})  # fmt: skip
    found: dict[str, list[str]] = {name: (folder / name).read_text().splitlines() for name in ("process", "left")}
    begun = list[str]()
    for line in (folder / "answers").read_text().splitlines():
        if line.startswith("."):
            number, code = line[1:].split()
            assert code in ("ok", "started"), line
            found[number], begun = begun, []
        else:
            begun.append(line)
    return found


def test_limits_and_counts_of_a_pure_v2_group_are_in_the_first_look(answers: Mapping[str, list[str]]) -> None:
    start = int(answers["process"][0].split()[1])
    group = scene_in(answers["1"], start)["cgroup"]
    assert group["paths"] == ["0::/orders.slice/orders.service"]
    assert group["memory_limit"] == {"bytes": LIMIT, "group": "/sys/fs/cgroup/orders.slice/orders.service"}
    assert group["cpu.max"] == "40000 100000" and group["memory.events"]["oom_kill"] == 0
    assert group["numbers"]["memory.current"] > 0 and group["memory.stat"]["anon"] > 0
    assert around_in(answers["2"])["threads"]["all"] == 1


def test_throttling_and_a_kill_for_memory_are_told_of_a_pure_v2_group(answers: Mapping[str, list[str]]) -> None:
    pid = int(answers["process"][0].split()[0])
    series = series_in(answers["4"], pid)
    document = document_of(series)
    assert series.limit == LIMIT and series.ended == "gone"
    assert max(document["throttled_percent"]) > 30 and max(document["cgroup_memory_bytes"]) > 0
    assert "killed by the OOM killer" in cause_of(series, pid) and "memory limit 96 MiB" in cause_of(series, pid)
    assert answers["left"] == []
