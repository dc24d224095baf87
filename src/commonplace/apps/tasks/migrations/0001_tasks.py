"""Tasks, lists of them, saved filters, and the words by which tasks are found."""

from alembic import op

revision = "tasks_0001"
down_revision = None
branch_labels = ("tasks",)
depends_on = "platform_0001"

UP = """
CREATE SCHEMA tasks;

CREATE TABLE tasks.task (
    id uuid PRIMARY KEY,
    is_subtask boolean NOT NULL,
    notes text NOT NULL,
    status text NOT NULL CONSTRAINT task_status CHECK (status IN ('open', 'in_progress', 'done', 'cancelled')),
    priority smallint NOT NULL CONSTRAINT task_priority CHECK (priority BETWEEN 0 AND 3),
    start jsonb,
    start_at timestamptz,
    due jsonb,
    due_at timestamptz,
    tags text[] NOT NULL,
    position bigint NOT NULL,
    recurrence text,
    reminders jsonb NOT NULL,
    attachments jsonb NOT NULL,
    completed_at timestamptz,
    next_id uuid,
    CONSTRAINT task_dates CHECK ((due IS NULL) = (due_at IS NULL) AND (start IS NULL) = (start_at IS NULL))
);

CREATE TABLE tasks.task_list (
    id uuid PRIMARY KEY,
    colour text,
    position bigint NOT NULL
);

CREATE TABLE tasks.task_filter (
    id uuid PRIMARY KEY,
    query jsonb NOT NULL,
    position bigint NOT NULL
);

CREATE TABLE tasks.search (
    id uuid PRIMARY KEY REFERENCES tasks.task (id) ON DELETE CASCADE,
    words tsvector NOT NULL
);
CREATE INDEX search_words ON tasks.search USING gin (words);

-- All tasks of a person, whichever list they lie in: the first page costs the same however many there are.
CREATE INDEX item_of_tasks ON platform.item (owner_id, kind, created_at, id)
    WHERE trashed_at IS NULL AND kind IN ('task', 'task_list', 'task_filter');
"""

# Every version updates the row, if only in name, in the statement that writes the item; the trigger runs at its end.
TRIGGER = """
CREATE FUNCTION tasks.keep_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tasks.search (id, words)
    SELECT item.id, setweight(to_tsvector('simple', item.title), 'A') || to_tsvector('simple', NEW.notes)
    FROM platform.item WHERE item.id = NEW.id
    ON CONFLICT (id) DO UPDATE SET words = excluded.words WHERE search.words IS DISTINCT FROM excluded.words;
    RETURN NULL;
END $$
"""

# The items of these kinds are nothing without their tables: going back removes them from the record too. What they told
# stays in the log.
DOWN = """
DELETE FROM platform.version WHERE kind IN ('task', 'task_list', 'task_filter');
DELETE FROM platform.item WHERE kind IN ('task', 'task_list', 'task_filter');
DROP INDEX platform.item_of_tasks;
DROP TABLE tasks.search, tasks.task_filter, tasks.task_list, tasks.task;
DROP FUNCTION tasks.keep_words;
DROP SCHEMA tasks;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)
    op.execute(TRIGGER)
    op.execute(
        "CREATE TRIGGER keep_words AFTER INSERT OR UPDATE ON tasks.task FOR EACH ROW"
        " EXECUTE FUNCTION tasks.keep_words()"
    )


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
