"""How many alerts a message left out."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("messages", sa.Column("left_out", sa.BigInteger, nullable=False, server_default="0"))
