"""The capture that others of its service are compared with."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("captures", sa.Column("baseline", sa.Text))
    only = sa.text("baseline IS NOT NULL")
    op.create_index(
        "captures_baseline", "captures", ["baseline"], unique=True, sqlite_where=only, postgresql_where=only
    )
