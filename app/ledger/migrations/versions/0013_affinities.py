"""Which replica goes to which host."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "affinities",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("replica", sa.Text, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
