"""CRC-32 of objects, for archives."""

from alembic import op

revision = "files_0006"
down_revision = "files_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE files.checksum (
        object_id uuid PRIMARY KEY REFERENCES platform.object (id) ON DELETE CASCADE,
        crc32 bigint NOT NULL CONSTRAINT checksum_crc32 CHECK (crc32 BETWEEN 0 AND 4294967295)
    )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE files.checksum")
