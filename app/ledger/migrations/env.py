"""Run by Alembic inside `upgrade` (see __init__.py), on the connection and in the transaction that it was given."""

from alembic import context

from app.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
