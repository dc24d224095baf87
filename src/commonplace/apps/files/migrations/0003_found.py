"""What machines find in files: text, pages, places, sound and film."""

from alembic import op

revision = "files_0003"
down_revision = "files_0002"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE files.found (
    object_id uuid PRIMARY KEY REFERENCES platform.object (id) ON DELETE CASCADE,
    state text NOT NULL CONSTRAINT found_state CHECK (state IN ('done', 'failed', 'none')),
    reason text,
    media_type text NOT NULL,
    text text,
    is_cut boolean NOT NULL DEFAULT false,
    facts jsonb NOT NULL DEFAULT '{}',
    entries jsonb,
    latitude double precision CONSTRAINT found_latitude CHECK (latitude BETWEEN -90 AND 90),
    longitude double precision CONSTRAINT found_longitude CHECK (longitude BETWEEN -180 AND 180),
    is_place_shared boolean NOT NULL DEFAULT false,
    reader smallint NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT found_place CHECK ((latitude IS NULL) = (longitude IS NULL))
);
CREATE INDEX found_failed ON files.found (object_id) WHERE state = 'failed';

CREATE TABLE files.form (
    object_id uuid NOT NULL REFERENCES platform.object (id) ON DELETE CASCADE,
    form text NOT NULL,
    size smallint NOT NULL,
    key text NOT NULL,
    media_type text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    size_bytes bigint NOT NULL,
    PRIMARY KEY (object_id, form, size)
);
CREATE INDEX form_by_key ON files.form (key);
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE files.form, files.found")
