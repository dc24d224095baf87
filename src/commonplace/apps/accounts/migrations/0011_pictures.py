"""Accounts: pictures of people."""

from alembic import op

revision = "accounts_0011"
down_revision = "accounts_0010"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE accounts.picture (
    person_id uuid PRIMARY KEY REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    id uuid NOT NULL,
    object_id uuid NOT NULL,
    media_type text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    side double precision NOT NULL,
    x double precision NOT NULL,
    y double precision NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE UNIQUE INDEX picture_by_id ON accounts.picture (id);

CREATE INDEX picture_of_object ON accounts.picture (object_id);

CREATE TABLE accounts.picture_variant (
    picture_id uuid NOT NULL REFERENCES accounts.picture (id) ON DELETE CASCADE,
    name text NOT NULL,
    key text NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL,
    PRIMARY KEY (picture_id, name)
);

CREATE INDEX picture_variant_by_key ON accounts.picture_variant (key);
"""

DOWN = """
DROP TABLE accounts.picture_variant;

DROP TABLE accounts.picture;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
