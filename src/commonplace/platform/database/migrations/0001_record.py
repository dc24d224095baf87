"""The record: items, versions, events and their deliveries; objects; moments.

Written as SQL: partitions, partial indexes and sequences say in SQL what they are.
"""

from alembic import op

revision = "platform_0001"
down_revision = None
branch_labels = ("platform",)
depends_on = None

UP = """
CREATE TABLE platform.epoch (
    current integer NOT NULL,
    is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one)
);
INSERT INTO platform.epoch (current) VALUES (1);

CREATE TABLE platform.item (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    owner_id uuid NOT NULL,
    parent_id uuid,
    title text NOT NULL,
    name_key text,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    trashed_at timestamptz
);
-- The listings: the live items of one kind in one place (a container, or the owner's root), in each order of a page.
CREATE INDEX item_by_title ON platform.item (coalesce(parent_id, owner_id), kind, title, id) WHERE trashed_at IS NULL;
CREATE INDEX item_by_time ON platform.item (coalesce(parent_id, owner_id), kind, updated_at, id)
    WHERE trashed_at IS NULL;
CREATE INDEX item_in_trash ON platform.item (owner_id, trashed_at, id) WHERE trashed_at IS NOT NULL;
CREATE INDEX item_by_parent ON platform.item (parent_id) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX item_name_is_free ON platform.item (coalesce(parent_id, owner_id), name_key)
    WHERE trashed_at IS NULL AND name_key IS NOT NULL;

CREATE TABLE platform.version (
    item_id uuid NOT NULL,
    version integer NOT NULL,
    kind text NOT NULL,
    owner_id uuid NOT NULL,
    parent_id uuid,
    title text NOT NULL,
    trashed_at timestamptz,
    state jsonb NOT NULL CHECK (pg_column_size(state) <= 262144),
    schema smallint NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_until timestamptz,
    epoch integer NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    by uuid,
    kept boolean NOT NULL DEFAULT false,
    PRIMARY KEY (item_id, version)
);
CREATE INDEX version_children ON platform.version (owner_id, kind, parent_id, valid_from);
CREATE INDEX version_ended ON platform.version (valid_until) WHERE valid_until IS NOT NULL AND NOT kept;

CREATE INDEX version_of_object ON platform.version ((state ->> 'object_id')) WHERE state ? 'object_id';

CREATE SEQUENCE platform.event_seq AS bigint CACHE 32;
CREATE TABLE platform.event (
    seq bigint NOT NULL DEFAULT nextval('platform.event_seq'),
    epoch integer NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL,
    name text NOT NULL,
    kind text,
    item_id uuid,
    version integer,
    owner_id uuid,
    parent_id uuid,
    by uuid,
    correlation_id text,
    payload jsonb NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX event_order ON platform.event (epoch, xid, seq);
CREATE INDEX event_of_owner ON platform.event (owner_id, epoch, xid, seq);
-- Takes what no month's partition does, so that a late schedule can never refuse a write.
CREATE TABLE platform.event_default PARTITION OF platform.event DEFAULT;

CREATE TABLE platform.moment (
    at timestamptz PRIMARY KEY,
    epoch integer NOT NULL,
    snapshot pg_snapshot NOT NULL
);

CREATE TABLE platform.consumer (
    name text PRIMARY KEY,
    epoch integer NOT NULL,
    xid xid8 NOT NULL,
    seq bigint NOT NULL
);
INSERT INTO platform.consumer VALUES ('dispatcher', 1, '0', 0);

CREATE TABLE platform.delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    handler text NOT NULL,
    event jsonb NOT NULL,
    priority smallint NOT NULL DEFAULT 0,
    run_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL,
    lease_until timestamptz,
    leased_by uuid,
    deduplication_key text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    history jsonb NOT NULL DEFAULT '[]'
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, fillfactor = 70);
CREATE INDEX delivery_due ON platform.delivery (queue, priority DESC, run_at, id) WHERE lease_until IS NULL;
CREATE INDEX delivery_leased ON platform.delivery (lease_until) WHERE lease_until IS NOT NULL;
CREATE UNIQUE INDEX delivery_waits_once ON platform.delivery (handler, deduplication_key)
    WHERE deduplication_key IS NOT NULL AND lease_until IS NULL;

CREATE TABLE platform.dead_letter (
    id bigint PRIMARY KEY,
    queue text NOT NULL,
    handler text NOT NULL,
    event jsonb NOT NULL,
    priority smallint NOT NULL,
    attempts smallint NOT NULL,
    max_attempts smallint NOT NULL,
    deduplication_key text,
    created_at timestamptz NOT NULL,
    died_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    history jsonb NOT NULL
);

CREATE TABLE platform.schedule_tick (
    schedule text NOT NULL,
    tick timestamptz NOT NULL,
    PRIMARY KEY (schedule, tick)
);

CREATE TABLE platform.worker (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);

CREATE TABLE platform.object (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    key text COLLATE "C" NOT NULL UNIQUE,
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (owner_id, sha256)
);

CREATE TABLE platform.idempotency (
    caller_id uuid NOT NULL,
    key text NOT NULL,
    operation text NOT NULL,
    fingerprint bytea,
    process text,
    lease_until timestamptz,
    status smallint,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (caller_id, key)
);
CREATE INDEX idempotency_age ON platform.idempotency (created_at);
"""

DOWN = """
DROP TABLE platform.idempotency, platform.object, platform.worker, platform.schedule_tick, platform.dead_letter,
    platform.delivery, platform.consumer, platform.moment, platform.event, platform.version, platform.item,
    platform.epoch;
DROP SEQUENCE platform.event_seq;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
