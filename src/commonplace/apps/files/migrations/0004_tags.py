"""Tags of files and folders."""

revision = "files_0004"
down_revision = "files_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
