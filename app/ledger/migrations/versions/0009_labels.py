"""The index of labels and of services' names, also of the captures that there are; counting by time."""

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
_PAIR = "INSERT INTO label_pairs (name, value, capture) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_NAME = "INSERT INTO service_names (service, capture) VALUES (?, ?) ON CONFLICT DO NOTHING"


def upgrade() -> None:
    op.drop_index("captures_created_at", "captures")
    op.create_index("captures_created_at", "captures", ["created_at", "state"])
    _table("label_pairs", "name", "value", "capture")
    _table("service_names", "service", "capture")
    connection, after = op.get_bind(), ""
    while rows := connection.execute(_ROWS, {"after": after, "most": _AT_ONCE}).all():
        read = [(row, json.loads(row.labels)) for row in rows]
        _insert(connection, _PAIR, sorted([(*pair, row.id) for row, labels in read for pair in _pairs(labels)]))
        _insert(connection, _NAME, sorted([(name, row.id) for row, labels in read for name in _names(row, labels)]))
        after = rows[-1].id


def _insert(connection: sa.Connection, statement: str, rows: list[tuple[str, ...]]) -> None:
    if rows:
        marks = statement if connection.dialect.name == "sqlite" else statement.replace("?", "%s")
        connection.exec_driver_sql(marks, rows)


def _table(name: str, *columns: str) -> None:
    key = (sa.Column(column, _Text, primary_key=True) for column in columns)
    op.create_table(name, *key, sqlite_with_rowid=False)


def _pairs(labels: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield "", json.dumps(sorted(labels))[:2000]
    yield from {(name[:200], value[:200]) for name, value in labels.items()}


def _names(row: sa.Row[Any], labels: dict[str, str]) -> set[str]:
    target = json.loads(row.target or "{}")
    named = row.service or next((labels[name] for name in _NAMED if labels.get(name)), "")
    return {named[:200], PurePosixPath(target.get("exe") or "").name[:200]} - {""}
