"""History: since when the past of an owner is whole."""

from alembic import op

revision = "platform_0003"
down_revision = "platform_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE TABLE platform.forgotten_versions (owner_id uuid PRIMARY KEY, since timestamptz NOT NULL)")


def downgrade() -> None:
    op.execute("DROP TABLE platform.forgotten_versions")
