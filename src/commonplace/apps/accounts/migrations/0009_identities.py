"""Accounts: identities that other issuers vouch for."""

from alembic import op

revision = "accounts_0009"
down_revision = "accounts_0008"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE accounts.identity (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    issuer text NOT NULL,
    subject text NOT NULL,
    shown text,
    linked_at timestamptz NOT NULL,
    last_used_at timestamptz,
    role_told_at timestamptz
);
CREATE UNIQUE INDEX identity_by_subject ON accounts.identity (issuer, subject);
CREATE INDEX identity_of_person ON accounts.identity (person_id, linked_at);
ALTER TABLE accounts.second_step ALTER COLUMN password_changed_at DROP NOT NULL;
ALTER TABLE accounts.second_step ADD COLUMN identity_id uuid REFERENCES accounts.identity (id) ON DELETE CASCADE;
ALTER TABLE accounts.second_step ADD CONSTRAINT second_step_first
    CHECK ((password_changed_at IS NULL) <> (identity_id IS NULL));
CREATE INDEX second_step_of_identity ON accounts.second_step (identity_id) WHERE identity_id IS NOT NULL;
"""

DOWN = """
DELETE FROM accounts.second_step WHERE identity_id IS NOT NULL;
ALTER TABLE accounts.second_step DROP CONSTRAINT second_step_first;
ALTER TABLE accounts.second_step DROP COLUMN identity_id;
ALTER TABLE accounts.second_step ALTER COLUMN password_changed_at SET NOT NULL;
DROP TABLE accounts.identity;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
