"""Platform: archives of a person's data, and erasure."""

from alembic import op

revision = "platform_0006"
down_revision = "platform_0005"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE platform.archive (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    direction text NOT NULL CHECK (direction IN ('out', 'in')),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    expires_at timestamptz,
    done_bytes bigint NOT NULL DEFAULT 0,
    total_bytes bigint,
    key text COLLATE "C",
    size_bytes bigint,
    sha256 text,
    problem text,
    report jsonb
);
CREATE UNIQUE INDEX archive_one_at_a_time ON platform.archive (person_id, direction)
    WHERE state IN ('waiting', 'running');
CREATE INDEX archive_of_person ON platform.archive (person_id, id);
CREATE INDEX archive_by_key ON platform.archive (key) WHERE key IS NOT NULL;

-- Which item each of an archive's became: what a person has read in is not read in again, whatever archive it comes in.
CREATE TABLE platform.archive_item (
    person_id uuid NOT NULL,
    source_id uuid NOT NULL,
    item_id uuid NOT NULL REFERENCES platform.item (id) ON DELETE CASCADE,
    archive_id uuid NOT NULL,
    PRIMARY KEY (person_id, source_id)
);
CREATE INDEX archive_item_by_item ON platform.archive_item (item_id);

-- Who is to be erased, and the receipts of those who were: this table, and its copy outside the backups, are all that
-- keeps the id of somebody who is gone.
CREATE TABLE platform.erasure (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'erasing', 'done', 'cancelled', 'refused')),
    asked_by text NOT NULL CHECK (asked_by IN ('person', 'administrator', 'server', 'ledger')),
    by_id uuid,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL,
    ended_at timestamptz,
    token_digest bytea UNIQUE,
    removed jsonb NOT NULL DEFAULT '{}',
    problem text
);
CREATE UNIQUE INDEX erasure_one_at_a_time ON platform.erasure (person_id) WHERE state IN ('waiting', 'erasing');
CREATE INDEX erasure_due ON platform.erasure (due_at) WHERE state IN ('waiting', 'erasing');

-- Bytes that go as soon as nothing copies objects: their rows are gone already.
CREATE TABLE platform.erasure_key (
    key text COLLATE "C" PRIMARY KEY,
    erasure_id uuid NOT NULL REFERENCES platform.erasure (id) ON DELETE CASCADE
);
"""

DOWN = """
DROP TABLE platform.erasure_key, platform.erasure, platform.archive_item, platform.archive;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
