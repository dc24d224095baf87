"""Accounts: what administrators did."""

from alembic import op

revision = "accounts_0006"
down_revision = "accounts_0005"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE accounts.audit_entry (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    action text NOT NULL,
    person_id uuid NOT NULL REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    by_id uuid REFERENCES accounts.account (person_id) ON DELETE SET NULL,
    is_on_server boolean NOT NULL,
    detail text
);
CREATE INDEX audit_entry_by_time ON accounts.audit_entry (at, id);
CREATE INDEX audit_entry_of_person ON accounts.audit_entry (person_id);
CREATE INDEX audit_entry_by_whom ON accounts.audit_entry (by_id);
"""

DOWN = """
DROP TABLE accounts.audit_entry;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
