"""Putting folders back to how they were."""

revision = "files_0005"
down_revision = "files_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
