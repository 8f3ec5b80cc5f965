"""The main process of a unit or container. Both are cgroups, and a cgroup has many processes. Pure.

Everything comes from the kernel: neither systemd nor a container engine is asked. Used by systemd, container and pod.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from app.gate.facts import SHELLS, Seen

# Programs that only start the service, wait for it and forward signals.
WRAPPERS = SHELLS | {"tini", "tini-static", "dumb-init", "catatonit", "docker-init", "s6-supervise", "runit", "su-exec"}

# Programs that only keep a container or a pod's namespaces.
KEEPERS = frozenset({"conmon", "containerd-shim", "containerd-shim-runc-v2", "pause"})


def heads(group: Sequence[Seen]) -> tuple[Seen, ...]:
    """The main processes of one unit or container, sorted by pid: those whose parent is not in it.

    If there are several, only the first process of the container's own pid namespace counts: the others were added
    later (`docker exec`). A shell or small init with a single child stands for that child."""
    members = {seen.id.pid for seen in group}
    roots = [seen for seen in group if seen.parent not in members]
    first = [seen for seen in roots if seen.inner == 1 and seen.id.pid != 1]
    chosen = first if len(first) == 1 else roots
    return tuple(sorted((unwrapped(root, group) for root in chosen), key=lambda seen: seen.id.pid))


def unwrapped(seen: Seen, group: Sequence[Seen]) -> Seen:
    """The process, or what it wraps."""
    children = [child for child in group if child.parent == seen.id.pid]
    return unwrapped(children[0], group) if name_of(seen) in WRAPPERS and len(children) == 1 else seen


def mains(group: Sequence[Seen]) -> tuple[Seen, ...]:
    """The main processes of a cgroup that may hold containers: its own, if it has any (the engine's unit holds those of
    its containers too); otherwise one for each container (a unit that runs one, a pod)."""
    own = [seen for seen in group if not container_of(seen.groups) and name_of(seen) not in KEEPERS]
    found = heads(own) if own else each_container(group)
    return tuple(seen for seen in found if name_of(seen) not in KEEPERS) or found


def each_container(processes: Iterable[Seen], wanted: Callable[[str], bool] = lambda id_: True) -> tuple[Seen, ...]:
    """The main process of each container whose id is wanted."""
    groups: dict[str, list[Seen]] = {}
    for seen in processes:
        if (id_ := container_of(seen.groups)) and wanted(id_):
            groups.setdefault(id_, []).append(seen)
    return tuple(head for group in groups.values() for head in heads(group))


def name_of(seen: Seen) -> str:
    """The file name of its executable, or its command name."""
    return PurePosixPath(seen.exe).name or seen.comm


def inside(seen: Seen, path: str) -> bool:
    """Whether the process is in the cgroup of this path, or in one below it."""
    return any(group == path or group.startswith(f"{path}/") for group in seen.groups)


def container_of(groups: Iterable[str]) -> str | None:
    """The id (64 hex digits) of the container whose cgroups these are, or None. Runtimes name them
    `/docker/ID`, `docker-ID.scope`, `cri-containerd-ID.scope`, `crio-ID.scope`, `libpod-ID.scope`, `…/pod…/ID`."""
    for group in groups:
        for part in reversed(group.split("/")):
            if (m := re.fullmatch(r"(?:.+[-:])?([0-9a-f]{64})(?:\.scope)?", part, re.ASCII)) and "conmon" not in part:
                return m[1]
    return None


def unit_of(groups: Iterable[str]) -> str | None:
    """The systemd service whose cgroup is one of these, outside of containers, or None."""
    groups = tuple(groups)
    parts = [part for group in groups for part in group.split("/") if part.endswith(".service")]
    return parts[-1] if parts and not container_of(groups) else None
