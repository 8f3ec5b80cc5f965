"""The first look: what the gate's verb `scene` tells becomes a document, and nothing else does."""

import json

import pytest

from app.evidence.files import limits_in
from app.evidence.first_look import in_words
from app.evidence.scene import cpus_in, scene_in
from app.evidence.surroundings import around_in
from app.evidence.words import size

STAT = "7 (a) b) c) S 1 7 7 0 -1 4194560 9072 0 3 28 400 80 0 0 20 0 34 0 3000 5378048 1035 " + "0 " * 30
LINES = (
    "uptime 4000",
    "pages 1035",
    "host 1334677 7723202",
    "memory_limit 536870912 /sys/fs/cgroup/pods/one",
    "memory.current:52776960",
    "memory.max:536870912",
    "memory.events:low 0",
    "memory.events:oom_kill 2",
    "memory.pressure:some avg10=1.50 avg60=0.25 avg300=0.00 total=12",
    "cpu.stat:nr_periods 10",
    "/proc/7/status:VmRSS: 4292 kB",
    "/proc/7/status:FDSize: 256",
    f"/proc/7/stat:{STAT}",
    "/proc/7/cgroup:0::/pods/one",
    "/proc/7/limits:Max open files            20000                unlimited            files     ",
    "/proc/loadavg:3.10 2.00 1.00 19/226 8065",
    "/proc/meminfo:MemAvailable: 22445960 kB",
    "/proc/pressure/cpu:some avg10=97.28 avg60=97.65 avg300=89.92 total=25923959759",
    "/sys/devices/system/cpu/online:0-1,4",
)


def test_a_scene_has_the_numbers_of_the_process_its_group_and_its_host() -> None:
    scene = scene_in(LINES, 3000)
    process, group, host = scene["process"], scene["cgroup"], scene["host"]
    assert (process["threads"], process["cpu_seconds"], process["running_seconds"]) == (34, 4.8, 10.0)
    assert process["bytes"]["rss"] == 4292 << 10
    assert process["limits"]["Max open files"] == {"soft": 20000, "hard": "unlimited", "unit": "files"}
    assert group["memory_limit"] == {"bytes": 536870912, "group": "/sys/fs/cgroup/pods/one"}
    assert group["memory.events"] == {"low": 0, "oom_kill": 2}
    assert group["pressure"]["memory"]["some"]["avg10"] == 1.5
    assert (host["cpus"], host["load"], host["pressure"]["cpu"]["some"]["avg60"]) == (3, [3.1, 2.0, 1.0], 97.65)
    assert in_words(scene).startswith("first look: 4.8 s of processor time (48 % of a core since it began), 4.2 MiB")
    assert "of 512 MiB" in in_words(scene)


def test_a_process_that_has_the_same_number_is_not_described() -> None:
    assert "process" not in scene_in(LINES, 2999)


def test_a_process_whose_name_has_line_breaks_is_described() -> None:
    broken = STAT.replace("a) b)", "a\n/proc/7/stat:b)")
    lines = f"/proc/7/stat:{broken}".split("\n")
    assert scene_in(lines, 3000)["process"]["threads"] == 34


@pytest.mark.parametrize("number", ["9" * 400, "9" * 5000, "x", "1.5"])
def test_a_process_is_not_described_by_what_is_no_number_of_the_kernels(number: str) -> None:
    assert "process" not in scene_in([f"/proc/7/stat:{STAT.replace(' 400 80 ', f' {number} 80 ')}"], 3000)


def test_what_has_another_shape_is_left_out_whatever_it_is() -> None:
    hostile = (
        "\x1b[31m", "memory.current:99999999999999999999999999", "/proc/7/stat:7 (x) S", "memory.stat:anon -1",
        "/proc/7/limits:Max \x00", "uptime soon", "host 1", "/proc/loadavg:nan nan nan 1/1 1", "..:", "kernel", ":",
        *(f"memory.stat:name{'x' * n} {n}" for n in range(500)),
    )  # fmt: skip
    scene = scene_in(hostile, 3000)
    assert "process" not in scene and "host" not in scene
    assert len(json.dumps(scene)) < 1000
    assert in_words(scene) == "first look: the host tells nothing of it"


def test_an_endless_list_of_limits_is_cut() -> None:
    names = (chr(97 + n % 26) * 3 + chr(97 + n // 26) for n in range(600))
    assert len(limits_in(f"Max {name}    1    unlimited" for name in names)) == 120


def test_processors_are_counted_from_their_ranges() -> None:
    assert [cpus_in(text) for text in ("0", "0-3", "0-1,4", "0-x", "")] == [1, 4, 3, None, None]


def test_surroundings_are_counts_and_the_newest_lines_of_the_kernel() -> None:
    lines = (
        "page 64", "descriptors socket 3", "descriptors \x1b 3", "sockets tcp 01 2", "sockets tcp6 0A 1", "threads 9",
        "thread S 8", "waits futex_do_wait 7", "biggest 10 S 1500 16 31 post gres", "biggest 10 S 1500 16 31 post gres",
        *(f"kernel line {n}" for n in range(30)),
    )  # fmt: skip
    around = around_in(lines)
    assert around["descriptors"] == {"socket": 3}
    assert around["sockets"] == {"tcp": {"ESTABLISHED": 2}, "tcp6": {"LISTEN": 1}}
    assert around["threads"] == {"all": 9, "states": {"S": 8}, "waits_in": {"futex_do_wait": 7}}
    assert around["processes"] == [
        {"pid": 10, "state": "S", "cpu_seconds": 15.0, "rss_bytes": 16 * 65536, "name": "post gres"}
    ]
    assert around["kernel"] == [f"line {n}" for n in range(10, 30)]


def test_sizes_are_said_in_binary_units() -> None:
    assert [size(n) for n in (0, 1023, 1536, 512 << 20, 3 << 30)] == ["0 B", "1023 B", "1.5 KiB", "512 MiB", "3.0 GiB"]
