"""Space: who keeps how much, and how much they may."""

from alembic import op

revision = "platform_0010"
down_revision = "platform_0009"
branch_labels = None
depends_on = None

UP = """
-- What the objects of one owner weigh. A person without a row keeps nothing; a quota of null is the installation's.
CREATE TABLE platform.space (
    owner_id uuid PRIMARY KEY,
    used_bytes bigint NOT NULL DEFAULT 0,
    objects bigint NOT NULL DEFAULT 0,
    quota_bytes bigint CHECK (quota_bytes >= 0)
);
CREATE TABLE platform.space_default (
    quota_bytes bigint CHECK (quota_bytes >= 0),
    is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one)
);
INSERT INTO platform.space_default DEFAULT VALUES;
INSERT INTO platform.space (owner_id, used_bytes, objects)
    SELECT owner_id, sum(size_bytes), count(*) FROM platform.object GROUP BY owner_id;
"""
# It runs at the commit, when the transaction waits for nobody any more: two of one owner that lock the row before would
# wait for each other's names and items, too. So the row is held for the time of a commit, and the sum is exact.
COUNT_OBJECT = """
CREATE FUNCTION platform.count_object() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    used bigint;
    quota bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE platform.space SET used_bytes = space.used_bytes - OLD.size_bytes, objects = space.objects - 1
        WHERE space.owner_id = OLD.owner_id;
        RETURN NULL;
    END IF;
    INSERT INTO platform.space (owner_id, used_bytes, objects) VALUES (NEW.owner_id, NEW.size_bytes, 1)
    ON CONFLICT (owner_id) DO UPDATE
        SET used_bytes = space.used_bytes + excluded.used_bytes, objects = space.objects + 1
    RETURNING space.used_bytes, coalesce(space.quota_bytes, (SELECT quota_bytes FROM platform.space_default))
    INTO used, quota;
    IF used > quota AND NEW.size_bytes > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'CP413', MESSAGE = 'The quota is reached.';
    END IF;
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE CONSTRAINT TRIGGER object_counted AFTER INSERT OR DELETE ON platform.object
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION platform.count_object()
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(COUNT_OBJECT)
    op.execute(TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER object_counted ON platform.object")
    op.execute("DROP FUNCTION platform.count_object")
    op.execute("DROP TABLE platform.space_default, platform.space")
