"""Sharing: grants and links; when an item came to where it lies."""

from alembic import op

revision = "platform_0004"
down_revision = "platform_0003"
branch_labels = None
depends_on = None

UP = """
-- When the item last came below a grant that it was not below before; null: never. What moves within a shared
-- container stays as old as it is there; and a grant that is given later is later than any move.
ALTER TABLE platform.item ADD COLUMN placed_at timestamptz;

CREATE TABLE platform.item_grant (
    id uuid PRIMARY KEY,
    item_id uuid NOT NULL REFERENCES platform.item (id) ON DELETE CASCADE,
    owner_id uuid NOT NULL,
    person_id uuid,
    address text,
    level text NOT NULL CHECK (level IN ('view', 'comment', 'edit', 'own')),
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    granted_by uuid NOT NULL,
    CHECK (person_id IS NOT NULL OR address IS NOT NULL)
);
CREATE INDEX item_grant_of_item ON platform.item_grant (item_id, person_id);
CREATE INDEX item_grant_of_person ON platform.item_grant (person_id, granted_at, id) WHERE person_id IS NOT NULL;
CREATE INDEX item_grant_of_owner ON platform.item_grant (owner_id);
CREATE UNIQUE INDEX item_grant_once ON platform.item_grant (item_id, person_id) WHERE address IS NULL;
CREATE UNIQUE INDEX item_grant_once_an_address ON platform.item_grant (item_id, lower(address))
    WHERE address IS NOT NULL;

CREATE TABLE platform.item_link (
    id uuid PRIMARY KEY,
    item_id uuid NOT NULL REFERENCES platform.item (id) ON DELETE CASCADE,
    digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by uuid NOT NULL,
    expires_at timestamptz
);
CREATE INDEX item_link_of_item ON platform.item_link (item_id, id);
"""

# Since when a person could see an item by a grant of one of these levels on it or on a container above: when it was
# given, or when the item came to lie below, whichever was later; null: not at all. It is a function, so that asking
# costs nothing where the answer is not needed. (greatest() skips what is null.)
GRANTED_SINCE = """
CREATE FUNCTION platform.granted_since(of_item uuid, to_person uuid, of_levels text[]) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 AS $$
BEGIN
    RETURN (
        WITH RECURSIVE chain AS (
            SELECT item.id, item.parent_id, item.placed_at, CAST(NULL AS timestamptz) AS arrived_at
            FROM platform.item WHERE item.id = of_item
            UNION ALL
            SELECT above.id, above.parent_id, above.placed_at, greatest(chain.arrived_at, chain.placed_at)
            FROM platform.item AS above JOIN chain ON above.id = chain.parent_id
        )
        SELECT min(greatest(item_grant.granted_at, chain.arrived_at))
        FROM chain JOIN platform.item_grant ON item_grant.item_id = chain.id
        WHERE item_grant.person_id = to_person AND item_grant.level = ANY(of_levels)
    );
END $$
"""
# Whether some grant reaches what lies in one container, and not what lies in another; null: the top level.
BRINGS_GRANTS = """
CREATE FUNCTION platform.brings_grants(from_container uuid, to_container uuid) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 AS $$
BEGIN
    RETURN EXISTS (
        WITH RECURSIVE here AS (
            SELECT item.id, item.parent_id FROM platform.item WHERE item.id = to_container
            UNION ALL
            SELECT above.id, above.parent_id FROM platform.item AS above JOIN here ON above.id = here.parent_id
        ), there AS (
            SELECT item.id, item.parent_id FROM platform.item WHERE item.id = from_container
            UNION ALL
            SELECT above.id, above.parent_id FROM platform.item AS above JOIN there ON above.id = there.parent_id
        )
        SELECT FROM here JOIN platform.item_grant ON item_grant.item_id = here.id
        WHERE here.id NOT IN (SELECT there.id FROM there)
    );
END $$
"""

DOWN = """
DROP FUNCTION platform.granted_since;
DROP FUNCTION platform.brings_grants;
DROP TABLE platform.item_link, platform.item_grant;
ALTER TABLE platform.item DROP COLUMN placed_at;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(GRANTED_SINCE)
    op.execute(BRINGS_GRANTS)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
