"""The past is found as quickly as the present; versions can be labelled.

What lay in a container at a time are the versions whose time contains it. A B-tree finds such spans when each is filed
under the smallest cell of a binary tree over time that holds it whole (Kriegel, Pötke, Seidl: Managing Intervals
Efficiently in Object-Relational Databases, 2000): a time lies in 21 cells, whatever else has ever happened.
"""

from alembic import op

revision = "platform_0011"
down_revision = "platform_0010"
branch_labels = None
depends_on = None

# The number of the cell: leaves are 8192 s long and begin with 1970; cell n holds 2n and 2n + 1; 1 holds everything.
# What is still so is in none: 0. (`history/spans.py` says the same in Python.)
SPAN_OF = """
CREATE FUNCTION platform.span_of(valid_from timestamptz, valid_until timestamptz) RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    first integer;
    last integer;
BEGIN
    IF valid_until IS NULL THEN
        RETURN 0;
    END IF;
    first := 1048576 + least(greatest(floor(extract(epoch FROM valid_from) / 8192), 0), 1048575);
    last := 1048576 + least(greatest(floor(extract(epoch FROM valid_until) / 8192), 0), 1048575);
    RETURN first >> length(ltrim(CAST(CAST(first # last AS bit(21)) AS text), '0'));
END $$
"""
UP = """
CREATE INDEX version_in_place ON platform.version (coalesce(parent_id, owner_id), kind,
    platform.span_of(valid_from, valid_until), title, item_id, valid_from, valid_until) WHERE trashed_at IS NULL;
CREATE INDEX version_of_owner ON platform.version (owner_id, epoch, xid);
DROP INDEX platform.version_children;
ALTER TABLE platform.version ADD COLUMN label text CHECK (length(label) BETWEEN 1 AND 200)
"""
DOWN = """
ALTER TABLE platform.version DROP COLUMN label;
CREATE INDEX version_children ON platform.version (owner_id, kind, parent_id, valid_from);
DROP INDEX platform.version_of_owner;
DROP INDEX platform.version_in_place;
DROP FUNCTION platform.span_of
"""


def upgrade() -> None:
    op.execute(SPAN_OF)
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        op.execute(statement)
