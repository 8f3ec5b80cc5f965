"""A label looked up in Prometheus' own service discovery: file_sd files and http_sd endpoints.

It finds no process. It gives the resolvers after it the host and the other labels of the target. The files and
endpoints are those that Prometheus reads: a list of `{targets: […], labels: {…}}` in JSON or YAML.
"""

import fnmatch
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import httpx2
import yaml

from app.errors import Code, Refused, Retryable, without_logins
from app.hosts.web_api import BOUNDS, document
from app.resolvers.base import Enriched, Reach, Resolver, split_instance

REFRESH = 60.0  # seconds for which an endpoint's answer is kept, like Prometheus' refresh_interval
KINDS = (".json", ".yml", ".yaml")


@dataclass(frozen=True, slots=True)
class Entry:
    """One target with the labels of its group."""

    target: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Inventory(Resolver):
    """Adds labels of a target to the alert's.

    files: paths, whose last part may have a *, as in file_sd_configs
    urls: http_sd endpoints
    credentials_file: a bearer token for the endpoints, read each time it is used
    by: the alert's label to look up, among the targets' labels of that name, or their addresses if it is `instance`
    host: the target's label that names the host; without it, the host is that of the target's address
    """

    files: tuple[str, ...] = field(default=(), metadata={"path": True})
    urls: tuple[str, ...] = ()
    credentials_file: str = field(default="", metadata={"path": True})
    by: str = "instance"
    host: str = "host"

    asks_elsewhere = True

    def __post_init__(self) -> None:
        if not self.files and not self.urls:
            raise ValueError("inventory needs files or urls")
        for file in self.files:
            if not file.endswith(KINDS):
                raise ValueError(f"inventory: files: {file!r} ends neither with .json nor with .yml or .yaml")
        for url in self.urls:
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"inventory: urls: {url!r} is no http or https address")

    def find(self, labels: Mapping[str, str], reach: Reach) -> Enriched | None:
        wanted = labels.get(self.by, "")
        if not wanted:
            return None
        fitting = [entry for entry in self._entries() if fits(entry, self.by, wanted)]
        hosts = {host for entry in fitting if (host := self._host(entry))}
        if not hosts:
            return None
        if len(hosts) > 1:
            raise Refused(
                Code.HOST_UNKNOWN,
                f"the inventory has several hosts for {self.by}={wanted[:120]!r}: {', '.join(sorted(hosts)[:10])}. "
                "Look it up by another label",
            )
        host = hosts.pop()
        return Enriched(said_of(fitting, labels) | {"host": host}, f"{self.by}={wanted[:120]} is on {host}")

    def _host(self, entry: Entry) -> str | None:
        return entry.labels.get(self.host) or split_instance(entry.target)[0]

    def _entries(self) -> Iterator[Entry]:
        for pattern in self.files:
            for path in matching(Path(pattern)):
                yield from of_file(path)
        for url in self.urls:
            yield from ENDPOINTS.entries(url, self.credentials_file)


def fits(entry: Entry, by: str, wanted: str) -> bool:
    """Whether a target is the one that the alert's label `by` names."""
    return wanted == entry.labels.get(by) or (by == "instance" and wanted == entry.target)


def said_of(entries: Iterable[Entry], labels: Mapping[str, str]) -> dict[str, str]:
    """The alert's labels, and those that all the entries share and the alert does not have. Names that begin with __
    are Prometheus' own and left out."""
    groups = [set(entry.labels.items()) for entry in entries]
    beside = {name: value for name, value in set.intersection(*groups) if not name.startswith("__")}
    return beside | dict(labels)


def matching(pattern: Path) -> list[Path]:
    """The files that a path means; its last part may have a *. Raises Retryable if its folder cannot be read."""
    if "*" not in pattern.name:
        return [pattern]
    try:
        return sorted(path for path in pattern.parent.iterdir() if fnmatch.fnmatchcase(path.name, pattern.name))
    except OSError as fault:
        raise unreadable(str(pattern.parent), fault.strerror or str(fault)) from fault


def of_file(path: Path) -> tuple[Entry, ...]:
    """The targets of a file, read again when it has changed. Raises Retryable if it cannot be read: somebody may be
    writing it."""
    try:
        status = path.stat()
        if status.st_size > BOUNDS.largest:
            raise unreadable(str(path), f"it has more than {BOUNDS.largest >> 20} MiB")
        return parsed_file(path, status.st_mtime_ns, status.st_size)
    except OSError as fault:
        raise unreadable(str(path), fault.strerror or str(fault)) from fault
    except (ValueError, yaml.YAMLError) as fault:
        raise unreadable(str(path), " ".join(str(fault).split())[:200]) from fault


@lru_cache(maxsize=256)
def parsed_file(path: Path, changed: int, size: int) -> tuple[Entry, ...]:
    """The targets of a file. `changed` and `size` are parts of the cache's key only."""
    text = path.read_text(encoding="utf-8")
    return entries_in(json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=yaml.CSafeLoader))


def entries_in(groups: Any) -> tuple[Entry, ...]:
    """The targets of a list of target groups. Raises ValueError for anything else."""
    if not isinstance(groups, list):
        raise ValueError("it is no list of {targets, labels}")
    return tuple(entry for group in groups for entry in group_of(group))


def group_of(group: Any) -> Iterator[Entry]:
    """The targets of one group. Raises ValueError if it is none."""
    if not isinstance(group, dict) or not isinstance(targets := group.get("targets", []), list):
        raise ValueError("a target group is no map with a list of targets")
    labels = group.get("labels") or {}
    if not isinstance(labels, dict):
        raise ValueError("the labels of a target group are no map")
    said = {str(name): str(value) for name, value in labels.items()}
    yield from (Entry(str(target), said) for target in targets)


def unreadable(where: str, why: str) -> Retryable:
    """The error for a file or endpoint that cannot be read."""
    return Retryable(Code.HOST_UNKNOWN, without_logins(f"the inventory {where} cannot be read: {why}"))


class Endpoints:
    """The last answers of http_sd endpoints. As in Prometheus, an endpoint that fails keeps its last answer."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers: dict[str, tuple[float, tuple[Entry, ...]]] = {}

    def entries(self, url: str, credentials_file: str) -> tuple[Entry, ...]:
        """The endpoint's targets. Raises Retryable if it has never answered."""
        with self._lock:
            at, known = self._answers.get(url, (float("-inf"), None))
            if known is not None and time.monotonic() < at + REFRESH:
                return known
            try:
                fresh = fetched(url, credentials_file)
            except Retryable:
                if known is None:
                    raise
                fresh = known
            self._answers[url] = (time.monotonic(), fresh)
            return fresh


ENDPOINTS = Endpoints()


def fetched(url: str, credentials_file: str) -> tuple[Entry, ...]:
    """The targets that an endpoint answers with. Raises Retryable."""
    try:
        return entries_in(json.loads(document(url, headers=authorization(credentials_file))))
    except (httpx2.HTTPError, OSError, ValueError) as fault:
        raise unreadable(url, " ".join(str(fault).split())[:200]) from fault


def authorization(credentials_file: str) -> dict[str, str]:
    """The headers of a request. Raises OSError if the token cannot be read."""
    headers = {"Accept": "application/json", "X-Prometheus-Refresh-Interval-Seconds": f"{REFRESH:.0f}"}
    if credentials_file:
        headers["Authorization"] = f"Bearer {Path(credentials_file).read_text().strip()}"
    return headers
