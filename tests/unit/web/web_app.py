"""The web on a real ledger in a temporary directory; only the store and what profiles say are stand-ins."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient
from uuid_utils import uuid7

from app.analysis.diff.files import table_of_files, tree_of_files
from app.analysis.flame.asked import Asked, view_of
from app.analysis.flame.asking import ViewAsJson
from app.analysis.flame.paths import About, gathered, packed, unpacked
from app.analysis.flame.prepared import Prepared
from app.analysis.flame.view import View, as_json
from app.analysis.isolate import goroutines_of
from app.analysis.peek import peek
from app.analysis.profile import BadProfile, read
from app.analysis.top import Row, Top
from app.analysis.tree import Node, Tree
from app.errors import Code, Reason
from app.explain.explainer import Explainer
from app.explain.explanation import Explained
from app.gate.pool import HostPool
from app.hosts.settings import HostsSettings, SshOptions
from app.hosts.ssh import Connector
from app.intake.admission import decide
from app.intake.body import alerts_in
from app.intake.re2 import compiled
from app.intake.rules import Rule, first_match, parse_matchers
from app.ledger.ledger import Ledger
from app.metrics import Metrics
from app.model import Artifact, Capture, Kind, State, Step, Target, Trigger
from app.resolvers.order import RESOLVERS
from app.web.asgi import create_app
from app.web.auth.tokens import Tokens
from app.web.parts import Parts
from app.web.transport.rate import Rate

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RULES = (Rule("orders", parse_matchers('job=~"order-.+"')), Rule("critical", parse_matchers('severity="critical"')))
EXTERNAL = "http://alertprof.example.com:9911"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTEx"
CPU = "order-mq-21181-cpu-20261123T120000.pprof"


OWN_SCRIPT = re.compile(r'<script (type="module" )?src="/static/[\w./-]+\.js"( defer)?></script>')


def without_own_scripts(page: str) -> str:
    """The page without the elements of our own script files: no other script may be there."""
    return OWN_SCRIPT.sub("", page)


class MemoryStore:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.reads: list[tuple[str, int | None, int | None]] = []

    def read(self, key: str, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
        self.reads.append((key, start, end))
        content = self.files[key][start:end]
        return (content[at : at + 7] for at in range(0, len(content), 7))

    def delete_all(self, capture_id: str) -> None:
        self.files = {key: body for key, body in self.files.items() if not key.startswith(f"{capture_id}/")}


@dataclass
class WebApp:
    folder: Path
    tokens: Tokens = field(default_factory=Tokens)
    obstacle: str | None = None
    now: datetime = NOON
    tops: list[tuple[bytes, int, str | None]] = field(default_factory=list)
    trees: list[tuple[bytes, str | None]] = field(default_factory=list)
    tried: list[tuple[bytes, bool]] = field(default_factory=list)
    deadlines: float = 5.0  # seconds for looking at hosts
    cors_origin: str = ""
    external_url: str = EXTERNAL
    rate_limit: Rate | None = None
    route_prefix: str | None = None
    database: str = ""  # instead of SQLite in the folder
    prometheus: str | None = None

    def __post_init__(self) -> None:
        match = partial(first_match, RULES)
        decision = partial(decide, match=match, tried=len(RULES), new_id=lambda: str(uuid7()))
        database = self.database or f"sqlite:///{self.folder / 'alertprof.db'}"
        self.ledger = Ledger(database, decide=decision, clock=lambda: self.now)
        self.ledger.migrate()
        self.store, self.metrics = MemoryStore(), Metrics()
        self.explainer = self._explainer()

    @cached_property
    def client(self) -> TestClient:
        """Made when it is first used: it costs more than most tests."""
        return self.reached_by()

    def _explainer(self) -> Explainer:
        """One host is known, and nothing answers there."""
        (known := self.folder / "known_hosts").write_text(f"10.0.0.5,[127.0.0.1]:9 {KEY}\n")
        (config := self.folder / "ssh_config").touch()
        ssh = SshOptions(user="ops", known_hosts_files=(known,))
        connector = Connector(HostsSettings(ssh=ssh, ssh_config_file=config))
        return Explainer(lambda: RULES, RESOLVERS, connector.route, HostPool(connector), self.ledger)

    def reached_by(self, **how: Any) -> TestClient:
        """A client; `how` is what TestClient takes."""
        parts = Parts(
            ledger=self.ledger,
            store=self.store,
            metrics=self.metrics,
            now=lambda: self.now,
            top=self.top,
            tree=self.tree,
            peek=lambda path, function, n, type: peek(read(path.read_bytes()), function, n, type),
            goroutines=goroutines_of,
            difference=lambda base, path, n, type, how: table_of_files(path, base, n, type, how),
            difference_tree=lambda base, path, type, how: tree_of_files(path, base, type, how),
            flame_index=self.flame_index,
            flame_view=self.flame_view,
            flame_json=self.flame_json,
            prepared=Prepared(self.folder / "cache"),
            ready=lambda: self.obstacle,
            external_url=self.external_url,
            rate_limit=self.rate_limit,
            route_prefix=self.route_prefix,
            profilers=("go-zero",),
            explain=self.explain,
            tokens=lambda: self.tokens,
            prometheus=lambda: self.prometheus,
            cors_origin=compiled(self.cors_origin) if self.cors_origin else None,
        )
        given: dict[str, Any] = {"base_url": EXTERNAL, "follow_redirects": False, "raise_server_exceptions": False}
        return TestClient(create_app(parts), **given | how)

    def top(self, path: Path, n: int, sample_type: str | None) -> Top:
        content = path.read_bytes()
        self.tops.append((content, n, sample_type))
        if not content.startswith(b"\x1f\x8b"):
            raise BadProfile("not a pprof profile: it is not gzip")
        rows = (Row(7_000_000_000, 70.0, 70.0, 9_000_000_000, 90.0, "main.burn<T>"),)[:n]
        return Top("cpu", sample_type or "cpu", ("samples", "cpu"), "nanoseconds", "s", 10_000_000_000, 30.1, rows)

    def explain(self, body: bytes, connect: bool) -> Explained:
        self.tried.append((body, connect))
        return self.explainer.answer(alerts_in(body, self.now), self.now, connect=connect, seconds=self.deadlines)

    def tree(self, path: Path, sample_type: str | None) -> Tree:
        content = path.read_bytes()
        self.trees.append((content, sample_type))
        if not content.startswith(b"\x1f\x8b"):
            raise BadProfile("not a pprof profile: it is not gzip")
        nodes = (
            Node("root", 10_000_000_000, 0, -1),
            Node("main.main", 9_000_000_000, 1_000_000_000, 0),
            Node("example.com/orders/burn.Burn[T]", 8_000_000_000, 8_000_000_000, 1),
            Node("main.idle<T>", 1_000_000_000, 1_000_000_000, 0),
        )
        return Tree("cpu", sample_type or "cpu", ("samples", "cpu"), "nanoseconds", 30.1, nodes)

    def flame_index(self, path: Path, sample_type: str | None, out: Path) -> None:
        """The paths of the same tree."""
        tree = self.tree(path, sample_type)
        names = list(dict.fromkeys(["", *(node.name for node in tree.nodes)]))
        texts: list[str] = []
        for node in tree.nodes:
            texts.append(texts[node.parent] + chr(names.index(node.name)) if node.parent >= 0 else "")
        values = {text: node.self for text, node in zip(texts, tree.nodes, strict=True) if node.self}
        about = About(tree.kind, tree.sample_type, tree.sample_types, tree.unit, tree.duration_seconds, tree.total)
        out.write_bytes(packed(gathered(about, values, names)))

    def flame_view(self, index: Path, asked: Asked) -> View:
        return view_of(unpacked(index.read_bytes()), asked)

    def flame_json(self, index: Path, asked: Asked) -> ViewAsJson:
        view = self.flame_view(index, asked)
        return ViewAsJson(view.sample_type, as_json(view))

    def keep(self, **different: Any) -> Capture:
        """A capture in the ledger, pending unless told otherwise."""
        labels = {"alertname": "HighCPU", "job": "order-mq", "instance": "10.0.0.5:9100"}
        given: dict[str, Any] = {
            "id": str(uuid7()),
            "created_at": self.now,
            "trigger": Trigger(
                "alert", labels, "8a3e2b1c4d5f6071", {"summary": "hot"}, self.now - timedelta(minutes=4)
            ),
            "due_at": self.now,
            "rule": "orders",
        }
        capture = Capture(**given | different)
        self.ledger.create(capture)
        return capture

    def keep_completed(self, content: bytes = b"\x1f\x8bthe profile", **different: Any) -> Capture:
        """A capture that has ended well, with its cpu profile in the store."""
        target = Target("10.0.0.5", 21181, "order-mq", "/srv/order-mq", "order-mq -f <etc>.yaml", resolved_by="port")
        told: dict[str, Any] = {
            "state": State.COMPLETED,
            "step": Step.DONE,
            "due_at": None,
            "target": target,
            "profiler": "go-zero",
            "started_at": self.now,
            "stopped_at": self.now + timedelta(seconds=30),
            "ended_at": self.now + timedelta(seconds=32),
            "artifacts": (Artifact(CPU, Kind.CPU, len(content), sha256(content).hexdigest()),),
        }
        capture = self.keep(**told | different)
        for artifact in capture.artifacts:
            self.store.files[f"{capture.id}/{artifact.name}"] = content
        return capture

    def keep_failed(self) -> Capture:
        reason = Reason(
            Code.PROCESS_NOT_FOUND, "nothing listens on port 9100 of 10.0.0.5; is the instance label right?"
        )
        return self.keep(state=State.FAILED, step=Step.DONE, due_at=None, reason=reason, ended_at=self.now)
