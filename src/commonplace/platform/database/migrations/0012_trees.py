"""Trees: what is hidden by a container in the trash."""

from alembic import op

revision = "platform_0012"
down_revision = "platform_0011"
branch_labels = None
depends_on = None


# What of some owners lies in the trash as a container, or below one that does; of the given kinds, or of all. It costs
# what lies there, and nothing where nothing does: files in those containers are not looked at.
HIDDEN_CONTAINERS = """
CREATE FUNCTION platform.hidden_containers(of_owners uuid[], of_kinds text[]) RETURNS SETOF uuid
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 AS $$
    WITH RECURSIVE hidden AS (
        SELECT item.id FROM platform.item
        WHERE item.owner_id = ANY(of_owners) AND item.trashed_at IS NOT NULL AND item.kind = ANY(of_kinds)
        UNION ALL
        SELECT child.id FROM hidden CROSS JOIN unnest(of_kinds) AS of_kind (name) CROSS JOIN LATERAL (
            SELECT item.id FROM platform.item WHERE coalesce(item.parent_id, item.owner_id) = hidden.id
            AND item.kind = of_kind.name AND item.trashed_at IS NULL OFFSET 0) AS child
    )
    SELECT hidden.id FROM hidden
$$
"""


def upgrade() -> None:
    op.execute("CREATE INDEX item_kind_in_trash ON platform.item (owner_id, kind) WHERE trashed_at IS NOT NULL")
    op.execute(HIDDEN_CONTAINERS)


def downgrade() -> None:
    op.execute("DROP FUNCTION platform.hidden_containers")
    op.execute("DROP INDEX platform.item_kind_in_trash")
