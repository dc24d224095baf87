"""Accounts: invitations, what a person must have, and the trail of both."""

from alembic import op

revision = "accounts_0007"
down_revision = "accounts_0006"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE accounts.invitation (
    id uuid PRIMARY KEY,
    by_id uuid REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    email text,
    email_key text,
    role text NOT NULL CONSTRAINT invitation_role CHECK (role IN ('user', 'administrator')),
    uses_left integer NOT NULL CONSTRAINT invitation_uses_left CHECK (uses_left > 0),
    is_mailed boolean NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX invitation_by_time ON accounts.invitation (created_at, id);

CREATE INDEX invitation_of_person ON accounts.invitation (by_id) WHERE by_id IS NOT NULL;

CREATE UNIQUE INDEX invitation_to_address ON accounts.invitation (email_key) WHERE email_key IS NOT NULL;

ALTER TABLE accounts.letter ADD COLUMN invitation_id uuid;

ALTER TABLE accounts.account ADD COLUMN needs_second_factor boolean NOT NULL DEFAULT false;

ALTER TABLE accounts.audit_entry ADD COLUMN address text;

ALTER TABLE accounts.audit_entry ADD COLUMN invitation_id uuid;

CREATE INDEX audit_entry_of_invitation ON accounts.audit_entry (invitation_id) WHERE invitation_id IS NOT NULL;
"""

DOWN = """
DROP INDEX accounts.audit_entry_of_invitation;

ALTER TABLE accounts.audit_entry DROP COLUMN invitation_id;

ALTER TABLE accounts.audit_entry DROP COLUMN address;

ALTER TABLE accounts.account DROP COLUMN needs_second_factor;

ALTER TABLE accounts.letter DROP COLUMN invitation_id;

DROP TABLE accounts.invitation;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
