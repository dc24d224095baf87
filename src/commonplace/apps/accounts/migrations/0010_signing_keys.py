"""Accounts: signing keys that rotate."""

from alembic import op

revision = "accounts_0010"
down_revision = "accounts_0009"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE accounts.signing_key ADD COLUMN revoked_at timestamptz;
"""

DOWN = """
DELETE FROM accounts.signing_key WHERE revoked_at IS NOT NULL;
ALTER TABLE accounts.signing_key DROP COLUMN revoked_at;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
