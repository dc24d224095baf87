"""Links that ask for a password, end, count, and keep a ledger."""

from alembic import op

revision = "platform_0009"
down_revision = "platform_0008"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE platform.item_link
    ADD COLUMN access text NOT NULL DEFAULT 'view' CHECK (access IN ('view', 'download', 'upload')),
    ADD COLUMN label text NOT NULL DEFAULT '',
    ADD COLUMN password_hash text,
    ADD COLUMN asks_name boolean NOT NULL DEFAULT false,
    ADD COLUMN most_downloads integer CHECK (most_downloads > 0),
    ADD COLUMN downloads integer NOT NULL DEFAULT 0,
    ADD COLUMN most_files integer CHECK (most_files > 0),
    ADD COLUMN most_bytes bigint CHECK (most_bytes > 0),
    ADD COLUMN files_taken integer NOT NULL DEFAULT 0,
    ADD COLUMN bytes_taken bigint NOT NULL DEFAULT 0,
    ADD COLUMN tells_visits boolean NOT NULL DEFAULT false,
    ADD COLUMN tells_uploads boolean NOT NULL DEFAULT false,
    ADD COLUMN visits_untold integer NOT NULL DEFAULT 0,
    ADD COLUMN uploads_untold integer NOT NULL DEFAULT 0,
    ADD COLUMN told_at timestamptz,
    ADD COLUMN revoked_at timestamptz;
CREATE INDEX item_link_untold ON platform.item_link (told_at) WHERE visits_untold + uploads_untold > 0;
CREATE INDEX item_link_of_maker ON platform.item_link (created_by);

-- The ledger. `visitor` is a keyed hash of a network and a browser: it tells two apart, and leads back to nobody.
CREATE TABLE platform.link_visit (
    id uuid PRIMARY KEY,
    link_id uuid NOT NULL REFERENCES platform.item_link (id) ON DELETE CASCADE,
    made_by uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    what text NOT NULL CHECK (what IN ('visit', 'preview', 'download', 'upload')),
    visitor bytea NOT NULL,
    visitor_name text,
    address_class text NOT NULL,
    item_id uuid,
    item_name text,
    size_bytes bigint
);
CREATE INDEX link_visit_of_link ON platform.link_visit (link_id, id);
CREATE INDEX link_visit_of_maker ON platform.link_visit (made_by);
CREATE INDEX link_visit_by_age ON platform.link_visit (at);

-- Wrong passwords, and those that are being looked at.
CREATE TABLE platform.link_guess (
    id uuid PRIMARY KEY,
    link_id uuid NOT NULL REFERENCES platform.item_link (id) ON DELETE CASCADE,
    network bytea,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX link_guess_of_link ON platform.link_guess (link_id, at);
CREATE INDEX link_guess_of_network ON platform.link_guess (network, at);

-- Which bytes of a file a visitor has, of downloads that were broken off or are made in parts.
CREATE TABLE platform.link_part (
    link_id uuid NOT NULL REFERENCES platform.item_link (id) ON DELETE CASCADE,
    visitor bytea NOT NULL,
    item_id uuid NOT NULL,
    tag text NOT NULL,
    sent int8multirange NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (link_id, visitor, item_id, tag)
);
CREATE INDEX link_part_by_age ON platform.link_part (at);
"""

DOWN = """
DROP TABLE platform.link_part, platform.link_guess, platform.link_visit;
DROP INDEX platform.item_link_untold;
DROP INDEX platform.item_link_of_maker;
DELETE FROM platform.item_link WHERE revoked_at IS NOT NULL OR access = 'upload' OR password_hash IS NOT NULL;
ALTER TABLE platform.item_link
    DROP COLUMN access, DROP COLUMN label, DROP COLUMN password_hash, DROP COLUMN asks_name,
    DROP COLUMN most_downloads, DROP COLUMN downloads, DROP COLUMN most_files, DROP COLUMN most_bytes,
    DROP COLUMN files_taken, DROP COLUMN bytes_taken, DROP COLUMN tells_visits, DROP COLUMN tells_uploads,
    DROP COLUMN visits_untold, DROP COLUMN uploads_untold, DROP COLUMN told_at, DROP COLUMN revoked_at;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
