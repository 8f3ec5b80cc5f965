"""The index of labels and of services' names, also of the captures that there are."""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_AT_ONCE = 5_000  # captures in memory
_NAMED = ("service", "service_name", "service.name", "job")
_ROWS = sa.text("SELECT id, labels, service, target FROM captures WHERE id > :after ORDER BY id LIMIT :most")
_PAIR = sa.text("INSERT INTO label_pairs (name, value, capture) VALUES (:name, :value, :id) ON CONFLICT DO NOTHING")
_NAME = sa.text("INSERT INTO service_names (service, capture) VALUES (:name, :id) ON CONFLICT DO NOTHING")


def upgrade() -> None:
    _table("label_pairs", "name", "value", "capture")
    _table("service_names", "service", "capture")
    connection, after = op.get_bind(), ""
    while rows := connection.execute(_ROWS, {"after": after, "most": _AT_ONCE}).all():
        pairs = sorted(pair for row in rows for pair in _pairs(row))
        connection.execute(_PAIR, [{"name": name, "value": value, "id": id_} for name, value, id_ in pairs])
        names = sorted((name, row.id) for row in rows for name in _names(row))
        if names:
            connection.execute(_NAME, [{"name": name, "id": id_} for name, id_ in names])
        after = rows[-1].id


def _table(name: str, *columns: str) -> None:
    key = (sa.Column(column, _Text, primary_key=True) for column in columns)
    op.create_table(name, *key, sqlite_with_rowid=False)


def _pairs(row: sa.Row[Any]) -> Iterator[tuple[str, str, str]]:
    labels = json.loads(row.labels)
    yield "", json.dumps(sorted(labels))[:2000], row.id
    yield from {(name[:200], value[:200], row.id) for name, value in labels.items()}


def _names(row: sa.Row[Any]) -> set[str]:
    labels, target = json.loads(row.labels), json.loads(row.target or "{}")
    named = row.service or next((labels[name] for name in _NAMED if labels.get(name)), "")
    return {named[:200], PurePosixPath(target.get("exe") or "").name[:200]} - {""}
