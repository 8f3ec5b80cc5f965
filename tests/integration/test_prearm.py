"""What is taken of a pending alert, who gets it, and when it goes; through a real sshd."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from app.captures.prearm import AGAIN, KEPT, Arming
from app.gate.pool import HostPool
from app.hosts.ssh import Connector
from app.intake.rules import Rule
from app.ledger.ledger import Ledger
from app.model import Kind, Trigger
from app.resolvers.order import RESOLVERS
from app.stores import Directory
from tests.lab.sshd import Sshd
from tests.lab.target import Service
from tests.unit.ledger.builders import NOON, admission, ids, manual

RULE = Rule("pending", prearm=True)


def test_a_pending_alert_is_looked_at_once_and_what_was_taken_outlives_its_process_for_an_hour(
    tmp_path: Path, run_target: Callable[..., Service]
) -> None:
    target, store = run_target("toggle"), Directory(tmp_path / "store")
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}", decide=admission((RULE,), ids()))
    ledger.migrate()
    labels = {"alertname": "Hot", "host": "127.0.0.1", "pid": str(target.pid)}
    fired = replace(manual(1), trigger=Trigger("alert", {**labels, "cluster": "lab"}))
    with Sshd(tmp_path / "sshd") as sshd:
        pool = HostPool(Connector(sshd.settings()))
        arming = Arming(pool, store, ledger, lambda: (RULE,), RESOLVERS, frozenset({"cluster"}))
        arming.pending(labels, NOON)
        arming.pending(labels, NOON + timedelta(seconds=10))
        target.stop()
        arming.pending({**labels, "alertname": "Gone"}, NOON)
        unruly = replace(arming, rules=lambda: (replace(RULE, prearm=False),))
        unruly.pending({**labels, "alertname": "Other"}, NOON)
        served = run_target("profiled")
        with_pprof = labels | {"alertname": "Served", "pid": str(served.pid)}
        arming.pending(with_pprof, NOON)
        pool.close()
    rows = ledger.prearms
    assert rows.count() == 3
    capture = arming.adopted(fired, NOON + timedelta(minutes=1))
    assert arming.adopted(capture, NOON) == capture
    names = [artifact.name for artifact in capture.artifacts]
    assert any(name.endswith("-pending.json") for name in names), names
    assert all(store.path(f"{fired.id}/{name}").stat().st_size for name in names)
    assert "while pending, at 12:00:00 UTC: first look: " in capture.timeline[-1].message
    gone = arming.adopted(replace(fired, trigger=Trigger("alert", {**labels, "alertname": "Gone"})), NOON)
    assert f"pid {target.pid}" in gone.timeline[-1].message and not gone.artifacts
    counted = arming.adopted(replace(manual(2), trigger=Trigger("alert", with_pprof)), NOON).artifacts
    (text,) = (each for each in counted if each.name.endswith("-pending-counted.txt"))
    assert text.kind is Kind.EVIDENCE
    assert store.path(f"{manual(2).id}/{text.name}").read_text().startswith("goroutine profile: total ")
    assert arming.adopted(replace(fired, trigger=Trigger("alert", labels | {"pid": "1"})), NOON).artifacts == ()

    (pre,) = (one for one in rows.last_seen_before(NOON + KEPT) if one.seen_at > NOON)
    assert pre.seen_at == NOON + timedelta(seconds=10)
    arming.clear(NOON + KEPT + timedelta(seconds=5))
    assert rows.count() == 1 and store.path(pre.id).exists()
    arming.clear(NOON + KEPT + AGAIN)
    assert rows.count() == 0 and not store.path(pre.id).exists()
    assert store.path(f"{fired.id}/{names[0]}").exists()
    ledger.close()
