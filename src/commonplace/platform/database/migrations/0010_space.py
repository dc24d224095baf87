"""Space: who keeps how much, and how much they may."""

revision = "platform_0010"
down_revision = "platform_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
