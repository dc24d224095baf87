"""Search: the words of every item.

All of it is derived: it can be dropped and made again. No extension is needed; accents and typing errors are dealt with
by `platform/search/words.py`, so that a server where nobody may create extensions finds the same.
"""

from alembic import op

revision = "platform_0008"
down_revision = "platform_0007"
branch_labels = None
depends_on = None

UP = """
-- One row an item that can be found. `places` holds whose it is, what it lies in, and itself: where a search starts.
-- What is long is kept apart from the row (toast_tuple_target), so that ranking thousands of rows reads few pages.
CREATE TABLE platform.search_entry (
    item_id uuid PRIMARY KEY REFERENCES platform.item (id) ON DELETE CASCADE,
    owner_id uuid NOT NULL,
    parent_id uuid,
    kind text NOT NULL,
    is_container boolean NOT NULL,
    version integer NOT NULL,
    changed_at timestamptz NOT NULL,
    at timestamptz NOT NULL,
    size_bytes bigint,
    latitude double precision,
    longitude double precision,
    is_place_shared boolean NOT NULL,
    media_type text,
    places uuid[] NOT NULL,
    folded text NOT NULL,
    tags text[] NOT NULL,
    place text,
    thumbnail text,
    names tsvector NOT NULL,
    words tsvector NOT NULL,
    body text NOT NULL
) WITH (toast_tuple_target = 128, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE platform.search_entry
    ALTER COLUMN names SET STORAGE MAIN, ALTER COLUMN folded SET STORAGE MAIN, ALTER COLUMN places SET STORAGE MAIN,
    ALTER COLUMN tags SET STORAGE MAIN, ALTER COLUMN media_type SET STORAGE MAIN;
-- Written in batches: what waits to be sorted in (fastupdate) halves their cost. It is kept short, for readers walk it.
CREATE INDEX search_words ON platform.search_entry USING gin (words, places) WITH (gin_pending_list_limit = 1024);
CREATE INDEX search_names ON platform.search_entry USING gin (names, places) WITH (gin_pending_list_limit = 1024);
CREATE INDEX search_newest ON platform.search_entry (owner_id, changed_at DESC, item_id);
CREATE INDEX search_containers ON platform.search_entry (parent_id, item_id) WHERE is_container;

-- The words that a person's items have, and what each is when one letter is left out: for those who mistype.
CREATE TABLE platform.search_word (
    owner_id uuid NOT NULL,
    word text COLLATE "C" NOT NULL,
    near integer[] NOT NULL,
    PRIMARY KEY (owner_id, word)
);
CREATE INDEX search_word_near ON platform.search_word USING gin (near) WITH (gin_pending_list_limit = 1024);

-- A rebuilding under way: everything up to this item is done.
CREATE TABLE platform.search_rebuild (
    is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
    after_id uuid NOT NULL,
    done bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The index follows the log from here. What was there before is indexed by a rebuilding, which the next worker does.
INSERT INTO platform.consumer (name, epoch, xid, seq)
    SELECT 'search', dispatcher.epoch, dispatcher.xid, dispatcher.seq
    FROM platform.consumer AS dispatcher WHERE dispatcher.name = 'dispatcher';
INSERT INTO platform.search_rebuild (after_id)
    SELECT '00000000-0000-0000-0000-000000000000' WHERE EXISTS (SELECT FROM platform.item);
INSERT INTO platform.delivery (queue, handler, event, max_attempts, deduplication_key)
    SELECT 'notifications', 'commonplace.platform.search.following:follow',
        jsonb_build_object('seq', 0, 'at', clock_timestamp(), 'name', 'log.grew', 'payload', jsonb_build_object()), 8,
        'log'
    WHERE EXISTS (SELECT FROM platform.item);
"""

DOWN = """
DELETE FROM platform.delivery WHERE handler LIKE 'commonplace.platform.search.%';
DELETE FROM platform.dead_letter WHERE handler LIKE 'commonplace.platform.search.%';
DELETE FROM platform.consumer WHERE name = 'search';
DROP TABLE platform.search_rebuild, platform.search_word, platform.search_entry;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
