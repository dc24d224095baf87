"""Alembic's entry point: run inside the connection and the transaction that `migrate` opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="alembic_version",
    version_table_schema="platform",
    transaction_per_migration=False,
)
context.run_migrations()
