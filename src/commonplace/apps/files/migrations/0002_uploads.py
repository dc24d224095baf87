"""Uploads that can be resumed."""

from alembic import op

revision = "files_0002"
down_revision = "files_0001"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE files.upload (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    purpose text NOT NULL CONSTRAINT upload_purpose CHECK (purpose IN ('file', 'partial', 'final')),
    size_bytes bigint CONSTRAINT upload_size_bytes CHECK (size_bytes >= 0),
    received_bytes bigint NOT NULL DEFAULT 0,
    sent_metadata text NOT NULL,
    concat text,
    name text NOT NULL,
    folder_id uuid,
    replaces_id uuid,
    replaces_version integer,
    on_conflict text NOT NULL,
    sha256 text CONSTRAINT upload_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    made_id uuid,
    is_over boolean NOT NULL DEFAULT false,
    claim uuid,
    process text,
    claimed_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT upload_received_bytes CHECK (received_bytes >= 0 AND received_bytes <= size_bytes)
);
CREATE INDEX upload_by_person ON files.upload (person_id);
CREATE INDEX upload_by_expiry ON files.upload (expires_at);

CREATE TABLE files.upload_part (
    upload_id uuid NOT NULL REFERENCES files.upload (id),
    number integer NOT NULL,
    key text NOT NULL CONSTRAINT upload_part_key_key UNIQUE,
    size_bytes bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (upload_id, number)
);
"""

# The bytes of what was not finished are found by the storage's sweep.
DOWN = """
DROP TABLE files.upload_part;
DROP TABLE files.upload;
"""


def upgrade() -> None:
    """Make the tables."""
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
