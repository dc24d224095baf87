"""Tasks: when each reminder is to be told, and whether it was."""

from alembic import op

revision = "tasks_0002"
down_revision = "tasks_0001"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE tasks.reminder (
    task_id uuid NOT NULL REFERENCES tasks.task (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    is_day boolean NOT NULL,
    since timestamptz NOT NULL,
    told_at timestamptz,
    PRIMARY KEY (task_id, at, is_day)
);
CREATE INDEX reminder_to_tell ON tasks.reminder (at, task_id) WHERE told_at IS NULL;
CREATE INDEX reminder_told ON tasks.reminder (told_at) WHERE told_at IS NOT NULL;
"""

# Each moment at which a task reminds. One that hangs on a whole day is counted from the midnight on which that begins,
# by the clocks of the task's owner. They are asked for when it is near: here it stands as if they were UTC (`is_day`).
MOMENTS = """
CREATE FUNCTION tasks.reminder_moments(task tasks.task) RETURNS TABLE (at timestamptz, is_day boolean)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT moment.at, moment.is_day
    FROM jsonb_array_elements(task.reminders) AS reminder(value)
    CROSS JOIN LATERAL (
        SELECT CASE reminder.value ->> 'of' WHEN 'start' THEN task.start ELSE task.due END AS said,
            CASE reminder.value ->> 'of' WHEN 'start' THEN task.start_at ELSE task.due_at END AS instant,
            CAST(reminder.value ->> 'minutes_before' AS integer) * interval '1 minute' AS before
    ) AS base
    CROSS JOIN LATERAL (
        SELECT CASE
                WHEN reminder.value ? 'at' THEN CAST(reminder.value ->> 'at' AS timestamptz)
                WHEN base.said ->> 'time' IS NOT NULL THEN base.instant - base.before
                ELSE (CAST(base.said ->> 'date' AS timestamp) - base.before) AT TIME ZONE 'UTC'
            END AS at,
            NOT reminder.value ? 'at' AND base.said ->> 'time' IS NULL AS is_day
    ) AS moment
    WHERE moment.at IS NOT NULL AND task.status IN ('open', 'in_progress')
$$
"""

# Only what is still to come is taken up: what lies behind when it is written was never to be told. 14 hours: the clocks
# of the owner may be so far behind or before UTC. What was told stays for a while, so that it is told once.
KEEP = """
CREATE FUNCTION tasks.keep_reminders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM tasks.reminder WHERE task_id = NEW.id AND told_at IS NULL
        AND NOT EXISTS (SELECT FROM tasks.reminder_moments(NEW) AS moment
            WHERE moment.at = reminder.at AND moment.is_day = reminder.is_day);
    INSERT INTO tasks.reminder (task_id, at, is_day, since)
    SELECT NEW.id, moment.at, moment.is_day, clock_timestamp() FROM tasks.reminder_moments(NEW) AS moment
    WHERE moment.at > clock_timestamp() - CASE WHEN moment.is_day THEN interval '14 hours' ELSE interval '0' END
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$
"""

TRIGGERS = """
CREATE TRIGGER keep_reminders_of_new AFTER INSERT ON tasks.task FOR EACH ROW
    WHEN (NEW.reminders <> '[]') EXECUTE FUNCTION tasks.keep_reminders();
CREATE TRIGGER keep_reminders AFTER UPDATE ON tasks.task FOR EACH ROW
    WHEN (NEW.reminders <> '[]' OR OLD.reminders <> '[]') EXECUTE FUNCTION tasks.keep_reminders();
INSERT INTO tasks.reminder (task_id, at, is_day, since)
SELECT task.id, moment.at, moment.is_day, clock_timestamp()
FROM tasks.task CROSS JOIN LATERAL tasks.reminder_moments(task) AS moment
WHERE moment.at > clock_timestamp() - CASE WHEN moment.is_day THEN interval '14 hours' ELSE interval '0' END;
"""

DOWN = """
DROP TRIGGER keep_reminders ON tasks.task;
DROP TRIGGER keep_reminders_of_new ON tasks.task;
DROP FUNCTION tasks.keep_reminders;
DROP FUNCTION tasks.reminder_moments;
DROP TABLE tasks.reminder;
"""


def upgrade() -> None:
    _each(TABLE)
    op.execute(MOMENTS)
    op.execute(KEEP)
    _each(TRIGGERS)


def downgrade() -> None:
    _each(DOWN)


def _each(statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            op.execute(statement)
