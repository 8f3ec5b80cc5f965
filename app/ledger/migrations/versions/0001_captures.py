"""The captures and the settings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_Id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_CAPTURES = (
    sa.Column("id", _Id, primary_key=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("trigger_kind", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text),
    sa.Column("alertname", sa.Text, nullable=False),
    sa.Column("labels", sa.Text, nullable=False),
    sa.Column("annotations", sa.Text, nullable=False),
    sa.Column("starts_at", sa.BigInteger),
    sa.Column("generator_url", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("turn", sa.SmallInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger),
    sa.Column("give_up_at", sa.BigInteger),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("reason_code", sa.Text),
    sa.Column("reason_message", sa.Text),
    sa.Column("started_at", sa.BigInteger),
    sa.Column("stopped_at", sa.BigInteger),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("profiler", sa.Text, nullable=False),
    sa.Column("duration", sa.BigInteger, nullable=False),
    sa.Column("host", sa.Text),
    sa.Column("service", sa.Text),
    sa.Column("target", sa.Text),
    sa.Column("process", sa.Text),
    sa.Column("life", sa.Text),
    sa.Column("timeline", sa.Text, nullable=False),
    sa.Column("artifacts", sa.Text, nullable=False),
    sa.Column("findings", sa.Text, nullable=False),
    sa.Column("own_labels", sa.Text, nullable=False),
    sa.Column("notes", sa.Text, nullable=False),
    sa.Column("resolved_at", sa.BigInteger),
    sa.Column("stop_requested_at", sa.BigInteger),
    sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("episode", sa.Text),
    sa.Column("active_process", sa.Text),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", sa.BigInteger),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
)


def upgrade() -> None:
    op.create_table("captures", *_CAPTURES)
    op.create_table(
        "settings",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    _index("episode", "episode", unique=True, where="episode")
    _index("active_process", "active_process", unique=True, where="active_process")
    _index("due", "turn", "due_at", where="due_at")
    _index("life", "life", "started_at", where="life")
    _index("created_at", "created_at")
    _index("fingerprint", "fingerprint", "id")
    _index("alertname", "alertname", "id")
    _index("service", "service", "id", where="service")
    _index("host", "host", "id", where="host")
    _index("state", "state", "id")


def _index(name: str, *columns: str, unique: bool = False, where: str | None = None) -> None:
    only = sa.text(f"{where} IS NOT NULL") if where else None
    op.create_index(
        f"captures_{name}", "captures", list(columns), unique=unique, sqlite_where=only, postgresql_where=only
    )
