"""What really became of a capture's evidence: it is whole, of its own process, and nothing of it is on the host.

Which process a file speaks of is read from the file: its start time, or a variable that only one target has.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.crash.truth import Found, Harm
from tests.lab.process import Late, eventually

VARIABLE = "CRASH_ACTOR"  # of each target: its host's name
EVERY = {".json": "first-look", "-samples.json": "samples", "-surroundings.json": "samples",
         "-environment.json": "environment", "-around.txt": "logs"}  # fmt: skip # by rung
PENDING = "-pending.json"


def judged(row: Mapping[str, Any], store: Path, pid: int, host: str) -> Iterator[Found]:
    """Of a capture that has ended."""
    texts = {
        artifact["name"].partition("Z")[2]: path.read_text()
        for artifact in row["artifacts"]
        if artifact["kind"] in ("evidence", "log") and (path := store / row["id"] / artifact["name"]).exists()
    }
    told = " ".join(event["message"] for event in row["timeline"])
    less = [suffix for suffix, rung in EVERY.items() if suffix not in texts and f"{rung} is missing" not in told]
    if row["state"] == "completed" and less:
        yield Harm.LOST, f"completed without {', '.join(less)}, and does not say why; {row['timeline']}"
    for suffix in (".json", PENDING):
        if suffix in texts and started_at(json.loads(texts[suffix])) != start_of(pid):
            yield Harm.ASTRAY, f"{suffix} of {row['id']} is of another process than pid {pid}"
    if "-environment.json" in texts and json.loads(texts["-environment.json"])["variables"] != {VARIABLE: host}:
        yield Harm.ASTRAY, f"variables of {row['id']} are not those of {host}"
    yield from left(row)


def left(row: Mapping[str, Any]) -> Iterator[Found]:
    """Loops that sample still, and what they have written."""
    token = row["id"].replace("-", "")
    try:
        eventually(lambda: not writers(token), "the sampling ends", 5)
    except Late:
        yield Harm.SAMPLES, f"{row['id']} ({row['state']}) is sampled still by {writers(token)}"
    if row["state"] == "completed" and (there := list(Path("/run").glob(f".alertprof-*/{token}.samples"))):
        yield Harm.LITTER, f"{row['id']} left {there}; {row['timeline']}"


def writers(token: str) -> list[str]:
    """The processes whose output goes into the samples of a token."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/1"):
        with suppress(OSError):
            if f"{token}.samples" in str(link.readlink()):
                found.append(link.parts[2])
    return found


def started_at(look: Mapping[str, Any]) -> int:
    """In hundredths of a second after boot, as a first look has it; 0 where it has no process."""
    process = look.get("process", {})
    return round((look["uptime_seconds"] - process["running_seconds"]) * 100) if process else 0


def start_of(pid: int) -> int:
    """The same, of the process itself."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19])
