"""Accounts: archives of what a person has, and the ledger of who left."""

from alembic import op

revision = "accounts_0008"
down_revision = "accounts_0007"
branch_labels = None
depends_on = None

# Of somebody who was erased the trail tells that it was done, not to whom.
UP = """
ALTER TABLE accounts.audit_entry ALTER COLUMN person_id DROP NOT NULL;
"""

DOWN = """
DELETE FROM accounts.audit_entry WHERE person_id IS NULL;
ALTER TABLE accounts.audit_entry ALTER COLUMN person_id SET NOT NULL;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
