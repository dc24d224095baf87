"""Accounts: known devices, and the notices of sessions that began on another."""

from alembic import op

revision = "accounts_0005"
down_revision = "accounts_0004"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE accounts.known_device (
    person_id uuid NOT NULL REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    digest bytea NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (person_id, digest)
);

ALTER TABLE accounts.session ADD COLUMN device_digest bytea;

CREATE TABLE accounts.new_device_notice (
    session_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    password_digest bytea,
    password_until timestamptz
);
CREATE INDEX new_device_notice_of_person ON accounts.new_device_notice (person_id);
"""

DOWN = """
DROP TABLE accounts.new_device_notice;
ALTER TABLE accounts.session DROP COLUMN device_digest;
DROP TABLE accounts.known_device;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
