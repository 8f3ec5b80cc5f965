"""Rung 1: the first look. It travels in the round trip that looks at the process, and is at home before any signal."""

from dataclasses import dataclass
from typing import ClassVar

from app.evidence.base import OLD_GATE, Gathered, Rung, Subject, as_json
from app.evidence.scene import Json, scene_in
from app.evidence.words import size

SCHEMA = "alertprof/first-look/1"


@dataclass(frozen=True, slots=True)
class FirstLook(Rung):
    """The scene of the process: its own numbers, its control groups' and its host's."""

    place: ClassVar[int] = 10

    def look(self, subject: Subject) -> Gathered:
        if not subject.scene:
            return Gathered(f"no first look: {OLD_GATE}")
        scene = scene_in(subject.scene, subject.process.start)
        return Gathered(in_words(scene), (as_json({"schema": SCHEMA, **scene}),))


def in_words(scene: Json) -> str:
    """The main numbers, for the timeline."""
    process, host, group = (scene.get(part, {}) for part in ("process", "host", "cgroup"))
    said: list[str] = []
    if process:
        used, since = process["cpu_seconds"], process.get("running_seconds") or 0
        share = f" ({used / since * 100:.0f} % of a core since it began)" if since >= 1 else ""
        said.append(f"{used:.1f} s of processor time{share}")
        limit = group.get("memory_limit", {}).get("bytes")
        resident = process.get("bytes", {}).get("rss")
        said.append(f"{size(resident)} resident{f' of {size(limit)}' if limit else ''}" if resident else "")
        said.append(f"{process['threads']} thread{'' if process['threads'] == 1 else 's'}")
    if "load" in host:
        said.append(f"load {host['load'][0]} on {host.get('cpus', '?')} processors")
    if free := host.get("bytes", {}).get("MemAvailable"):
        said.append(f"{size(free)} of the host's memory available")
    numbers = ", ".join(filter(None, said))
    return f"first look: {numbers or 'the host tells nothing of it'}"
