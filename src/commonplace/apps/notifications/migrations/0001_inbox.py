"""Notifications: the inbox, people's preferences, their quiet hours."""

from alembic import op

revision = "notifications_0001"
down_revision = None
branch_labels = ("notifications",)
depends_on = "platform_0001"

UP = """
CREATE SCHEMA notifications;

CREATE TABLE notifications.notice (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    kind text NOT NULL,
    event_seq bigint NOT NULL,
    title text NOT NULL,
    text text NOT NULL,
    path text,
    item_id uuid,
    created_at timestamptz NOT NULL,
    in_inbox boolean NOT NULL,
    read_at timestamptz,
    dismissed_at timestamptz,
    mail text NOT NULL CONSTRAINT notice_mail CHECK (mail IN ('none', 'held', 'due', 'sent')),
    mail_due_at timestamptz,
    CONSTRAINT notice_is_told_once UNIQUE (event_seq, person_id, kind)
);
CREATE INDEX notice_in_inbox ON notifications.notice (person_id, created_at DESC, id DESC)
    WHERE in_inbox AND dismissed_at IS NULL;
CREATE INDEX notice_unread ON notifications.notice (person_id, created_at DESC, id DESC)
    WHERE in_inbox AND dismissed_at IS NULL AND read_at IS NULL;
CREATE INDEX notice_mail_held ON notifications.notice (mail_due_at) WHERE mail = 'held';
CREATE INDEX notice_by_age ON notifications.notice (created_at);

CREATE TABLE notifications.preference (
    person_id uuid NOT NULL,
    kind text NOT NULL,
    inbox boolean,
    mail boolean,
    PRIMARY KEY (person_id, kind)
);

CREATE TABLE notifications.quiet_hours (
    person_id uuid PRIMARY KEY,
    begins time NOT NULL,
    ends time NOT NULL,
    CONSTRAINT quiet_hours_differ CHECK (begins <> ends)
);
"""

DOWN = """
DROP TABLE notifications.quiet_hours, notifications.preference, notifications.notice;
DROP SCHEMA notifications;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
