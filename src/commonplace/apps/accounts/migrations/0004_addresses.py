"""Accounts: verified addresses and password resets."""

from alembic import op

revision = "accounts_0004"
down_revision = "accounts_0003"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE accounts.account ADD COLUMN email_verified_at timestamptz;

CREATE TABLE accounts.letter (
    id uuid PRIMARY KEY,
    purpose text NOT NULL
        CONSTRAINT letter_purpose CHECK (purpose IN ('verify', 'reset', 'change', 'undo', 'register')),
    person_id uuid REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    email text NOT NULL,
    email_key text NOT NULL,
    network text NOT NULL,
    name text,
    password_hash text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX letter_to_address ON accounts.letter (email_key, purpose, created_at);

CREATE INDEX letter_of_network ON accounts.letter (network, created_at);

CREATE INDEX letter_of_person ON accounts.letter (person_id) WHERE person_id IS NOT NULL;

CREATE INDEX letter_by_age ON accounts.letter (expires_at);
"""

DOWN = """
DROP TABLE accounts.letter;

ALTER TABLE accounts.account DROP COLUMN email_verified_at;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
