"""Workers: tell a process from a later one that was given the same id."""

from alembic import op

revision = "platform_0002"
down_revision = "platform_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE platform.worker ADD COLUMN process text NOT NULL DEFAULT ''")


def downgrade() -> None:
    op.execute("ALTER TABLE platform.worker DROP COLUMN process")
