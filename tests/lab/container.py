"""A target as a container runtime or systemd would run it: in namespaces and a control group of its own.

For most of it no runtime is needed: `unshare` makes the namespaces, and the cgroup has the name that the runtime would
give it. Pid 1 of its own, a /tmp that nobody else sees, and a network with an address of its own; or, as systemd does
it for PrivateTmp=yes, only the /tmp. Needs root.
"""

import json
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.lab import golang, ports
from tests.lab.cgroups import Cgroup
from tests.lab.process import Process, eventually
from tests.lab.target import ASKED_FOR_FOUR, Service

PLACE = "/mnt"  # where it finds its program and its event log

# The folder is bound before /tmp is hidden: it may be below it.
SCRIPT = f"""
set -e
mount --bind "$1" {PLACE}
mount -t tmpfs tmpfs /tmp
if [ -n "$2" ]; then
  ip link set lo up
  ip address add "$2" dev lo
fi
[ -z "$3" ] || {{ {PLACE}/orders; exit; }}
exec {PLACE}/orders
"""


class Contained(Service):
    """`pid` is the machine's number of the service; inside it is 1, or what its shell gave it."""

    def __init__(
        self,
        folder: Path,
        cgroup: str,
        *,
        name: str = "toggle",
        address: str = "",
        port: int = 0,
        private_tmp_only: bool = False,
        shell_first: bool = False,
        starter: str = "",
        called: str = "orders",
        env: Mapping[str, str] | None = None,
    ) -> None:
        """cgroup: its path. address, port: of its network. private_tmp_only: systemd's way. shell_first: pid 1 is a
        shell, and the service its child. starter: the name of a program that pid 1 is instead, and is told what to
        start. called: the name of its executable."""
        self.name, self.target = name, golang.TARGETS[name]
        folder.mkdir(parents=True)
        shutil.copy(golang.build(name), folder / called)
        self.event_log = folder / "events.log"
        self.port = port or ports.free()
        self.address = address
        ours = {"STANDIN_EVENTS": f"{PLACE}/events.log", "PORT": str(self.port), "TMPDIR": "/tmp"}  # noqa: S108
        if address:
            ours["LISTEN"] = "0.0.0.0"
        apart = ["--mount"] if private_tmp_only else ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork"]
        own_proc = [] if private_tmp_only else ["--mount-proc", "--kill-child"]
        script = SCRIPT.replace(f"{PLACE}/orders", f"{PLACE}/{called}")
        if starter:
            shutil.copy("/usr/bin/timeout", folder / starter)  # it waits for its child
            script = script.replace("exec ", f"exec {PLACE}/{starter} 600 ")
        words = [
            "unshare",
            *apart,
            *own_proc,
            "sh",
            "-c",
            script,
            "sh",
            folder,
            address,
            "shell" if shell_first else "",
        ]
        self._stack = ExitStack()
        try:
            group = self._stack.enter_context(Cgroup(cgroup))
            self.process = Process(words, folder / "service.log", env={**ours, **(env or {})}, name=called)
            self._stack.callback(self.process.kill9)
            self.process.until(lambda: "READY" in self.process.log.read_text(), f"{called} is ready")
            self.first = self.process.pid if private_tmp_only else only_child(self.process.pid)
            self.running_pid = only_child(self.first) if shell_first or starter else self.first
            self.process.until(lambda: ASKED_FOR_FOUR in self.masks(), f"{called} listens for signals")
            for pid in {self.first, self.running_pid}:
                group.add(pid)
            self._group = group
        except BaseException:
            self.stop()
            raise
        self.tmp = Path(f"/proc/{self.pid}/root/tmp")

    @property
    def pid(self) -> int:
        return self.running_pid

    @property
    def instance(self) -> str:
        return f"{self.address or '127.0.0.1'}:{self.port}"

    def put_in(self, *command: str) -> int:
        """As `docker exec`: another process in its namespaces and its cgroup, for as long as it lives. Its pid."""
        words = ["nsenter", f"--target={self.first}", "--pid", "--mount", "--net", *command]
        beside = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        self._stack.callback(beside.wait)
        self._stack.callback(beside.kill)
        pid = eventually(lambda: child(beside.pid), f"{command[0]} runs in the container")
        self._group.add(pid)
        return pid

    def stop(self) -> None:
        self._stack.close()


def child(pid: int) -> int | None:
    said = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(said[0]) if said else None


def only_child(pid: int) -> int:
    found = child(pid)
    assert found, f"{pid} has no child"
    return found


RUNTIME = "runc"  # crun 1.8 does not run on a machine that has both versions of cgroups
SEEN_INSIDE = ("/usr", "/lib", "/lib64")  # the targets are linked to the machine's C library


class Oci(Service):
    """A target in a real container of the runtime that Docker and containerd use, without either of them."""

    def __init__(self, folder: Path, id_: str, cgroup: str) -> None:
        """cgroup: its path, right below the root: the runtime leaves those above it behind."""
        self.name, self.target, self.port = "toggle", golang.TARGETS["toggle"], ports.free()
        self.event_log, self.tmp = folder / "rootfs/events.log", folder / "rootfs/tmp"
        self.tmp.mkdir(parents=True)
        shutil.copy(golang.build("toggle"), folder / "rootfs/orders")
        self._act = [RUNTIME, "--root", str(folder / "state")]
        self._id, self._stack = id_, ExitStack()
        subprocess.run([*self._act, "spec"], cwd=folder, check=True)
        (folder / "config.json").write_text(json.dumps(self._config(folder, cgroup)))
        try:
            run = [*self._act, "run", "--bundle", str(folder), id_]
            self.process = self._stack.enter_context(Process(run, folder / "service.log", name=RUNTIME))
            self._stack.callback(subprocess.run, [*self._act, "delete", "--force", id_], check=False)
            self.process.until(lambda: "READY" in self.process.log.read_text(), "the container is ready")
            state = subprocess.run([*self._act, "state", id_], capture_output=True, check=True)
            self.running_pid = int(json.loads(state.stdout)["pid"])
            self.process.until(lambda: ASKED_FOR_FOUR in self.masks(), "it listens for signals")
        except BaseException:
            self.stop()
            raise

    def _config(self, folder: Path, cgroup: str) -> dict[str, Any]:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        config["process"] |= {"terminal": False, "args": ["/orders"]}
        config["process"]["env"] = [f"PORT={self.port}", "STANDIN_EVENTS=/events.log"]
        config["root"]["readonly"] = False
        config["linux"]["cgroupsPath"] = cgroup
        for place in SEEN_INSIDE:
            mount = {"destination": place, "type": "bind", "source": place, "options": ["rbind", "ro"]}
            config["mounts"] += [mount] if Path(place).exists() else []
        return config

    @property
    def pid(self) -> int:
        return self.running_pid

    def stop(self) -> None:
        self._stack.close()
