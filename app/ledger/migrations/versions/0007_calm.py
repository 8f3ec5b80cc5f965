"""When the last calm capture of a service was taken on a schedule."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "calm",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("taken_at", sa.BigInteger, nullable=False),
        sa.Column("capture", sa.Text),
    )
