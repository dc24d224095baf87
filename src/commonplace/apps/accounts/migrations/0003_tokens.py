"""Accounts: API tokens."""

from alembic import op

revision = "accounts_0003"
down_revision = "accounts_0002"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE accounts.api_token (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    name text NOT NULL,
    scopes text[] NOT NULL,
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz
);

CREATE UNIQUE INDEX api_token_by_digest ON accounts.api_token (digest);

CREATE INDEX api_token_of_person ON accounts.api_token (person_id, id);
"""

DOWN = """
DROP TABLE accounts.api_token;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
