"""Files: what their bytes are, folders, and what was found out about objects."""

from alembic import op

revision = "files_0001"
down_revision = None
branch_labels = ("files",)
depends_on = "platform_0001"

UP = """
CREATE SCHEMA files;

CREATE TABLE files.file (
    id uuid PRIMARY KEY,
    object_id uuid NOT NULL,
    size_bytes bigint NOT NULL,
    media_type text NOT NULL,
    sha256 text NOT NULL CONSTRAINT file_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$')
);
CREATE INDEX file_by_object ON files.file (object_id);

CREATE TABLE files.folder (
    id uuid PRIMARY KEY
);

CREATE TABLE files.processing (
    object_id uuid PRIMARY KEY REFERENCES platform.object (id) ON DELETE CASCADE,
    state text NOT NULL CONSTRAINT processing_state CHECK (state IN ('done', 'failed', 'none')),
    reason text,
    media_type text NOT NULL,
    width integer,
    height integer,
    taken_at timestamptz,
    is_zone_known boolean NOT NULL DEFAULT false,
    processed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE files.rendition (
    object_id uuid NOT NULL REFERENCES files.processing (object_id) ON DELETE CASCADE,
    size smallint NOT NULL,
    key text NOT NULL,
    media_type text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    size_bytes bigint NOT NULL,
    PRIMARY KEY (object_id, size)
);
CREATE INDEX rendition_by_key ON files.rendition (key);
"""

# The items of these kinds are nothing without their tables: going back removes them from the record too. What they told
# stays in the log.
DOWN = """
DELETE FROM platform.version WHERE kind IN ('file', 'folder');
DELETE FROM platform.item WHERE kind IN ('file', 'folder');
DROP TABLE files.rendition, files.processing, files.folder, files.file;
DROP SCHEMA files;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
