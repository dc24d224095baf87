"""Putting folders back to how they were: what was asked for, and exactly what was written for it."""

from alembic import op

revision = "files_0005"
down_revision = "files_0004"
branch_labels = None
depends_on = None

# Of a restoration that undoes another one `at` is when that was planned. The snapshot is that of its own planning:
# what came later is others' work. There is at most one restoration that undoes another.
UP = """
CREATE TABLE files.restoration (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL,
    folder_id uuid,
    at timestamptz NOT NULL,
    chosen uuid[],
    undoes uuid REFERENCES files.restoration (id) ON DELETE CASCADE,
    job_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    planned_at timestamptz,
    epoch integer,
    snapshot pg_snapshot,
    ended_at timestamptz
);
CREATE INDEX restoration_of_owner ON files.restoration (owner_id, id);
CREATE UNIQUE INDEX restoration_undone_once ON files.restoration (undoes) WHERE undoes IS NOT NULL;

CREATE TABLE files.restored_item (
    restoration_id uuid NOT NULL REFERENCES files.restoration (id) ON DELETE CASCADE,
    item_id uuid NOT NULL,
    kind text NOT NULL,
    how text NOT NULL CONSTRAINT restored_item_how CHECK (how IN ('state', 'place', 'trash')),
    phase smallint NOT NULL,
    level integer NOT NULL,
    from_version integer NOT NULL,
    target_version integer,
    to_version integer,
    outcome text CONSTRAINT restored_item_outcome CHECK (outcome IN ('done', 'numbered', 'same', 'left')),
    reason text,
    PRIMARY KEY (restoration_id, item_id)
);
CREATE INDEX restored_item_waiting ON files.restored_item (restoration_id, phase, level, item_id)
    WHERE outcome IS NULL
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE files.restored_item, files.restoration")
