"""The host by whose lane a capture waits, and the order in which captures are claimed."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("captures", sa.Column("lane", sa.Text, nullable=False, server_default=""))
    op.execute("UPDATE captures SET lane = host WHERE due_at IS NOT NULL AND host IS NOT NULL")
    op.execute("UPDATE captures SET turn = 2 WHERE due_at IS NOT NULL AND step = 'collect'")
    op.execute("UPDATE captures SET turn = 3 WHERE due_at IS NOT NULL AND step = 'clean'")
    due, leased = sa.text("due_at IS NOT NULL"), sa.text("lease_until IS NOT NULL")
    op.drop_index("captures_due", "captures")
    op.create_index(
        "captures_due", "captures", ["turn", "due_at", "starts_at", "lane"], sqlite_where=due, postgresql_where=due
    )
    op.create_index("captures_lease", "captures", ["lease_until"], sqlite_where=leased, postgresql_where=leased)
