"""Tags of files and folders."""

from alembic import op

revision = "files_0004"
down_revision = "files_0003"
branch_labels = None
depends_on = None


UP = """
ALTER TABLE files.file ADD COLUMN tags text[] NOT NULL DEFAULT '{}';
ALTER TABLE files.folder ADD COLUMN tags text[] NOT NULL DEFAULT '{}';
-- Most have none, and cost the indexes nothing.
CREATE INDEX file_by_tag ON files.file USING gin (tags) WHERE tags <> '{}';
CREATE INDEX folder_by_tag ON files.folder USING gin (tags) WHERE tags <> '{}';
"""

DOWN = """
ALTER TABLE files.file DROP COLUMN tags;
ALTER TABLE files.folder DROP COLUMN tags;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
