"""Notifications: where Web Push reaches people."""

from alembic import op

revision = "notifications_0002"
down_revision = "notifications_0001"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE notifications.preference ADD COLUMN push boolean;

CREATE TABLE notifications.device (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    session_id uuid NOT NULL,
    name text NOT NULL,
    endpoint text NOT NULL,
    public_key bytea NOT NULL,
    auth bytea NOT NULL,
    our_key text NOT NULL,
    digest bytea NOT NULL CONSTRAINT device_once UNIQUE,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);
CREATE INDEX device_of_person ON notifications.device (person_id);
CREATE INDEX device_of_session ON notifications.device (session_id);

CREATE TABLE notifications.push (
    notice_id uuid NOT NULL CONSTRAINT push_notice REFERENCES notifications.notice ON DELETE CASCADE,
    device_id uuid NOT NULL CONSTRAINT push_device REFERENCES notifications.device ON DELETE CASCADE,
    held_until timestamptz,
    PRIMARY KEY (notice_id, device_id)
);
CREATE INDEX push_to_device ON notifications.push (device_id);
CREATE INDEX push_held ON notifications.push (held_until) WHERE held_until IS NOT NULL;
"""

DOWN = """
DROP TABLE notifications.push, notifications.device;
ALTER TABLE notifications.preference DROP COLUMN push;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
