"""Jobs: long work that a person waits for, with a bar."""

from alembic import op

revision = "platform_0007"
down_revision = "platform_0006"
branch_labels = None
depends_on = None


UP = """
CREATE TABLE platform.job (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    done bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
    total bigint CHECK (total >= 0),
    unit text NOT NULL,
    given jsonb NOT NULL DEFAULT '{}',
    cursor jsonb,
    result jsonb,
    problem text,
    turn integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz
);
CREATE INDEX job_of_owner ON platform.job (owner_id, id);
CREATE INDEX job_active ON platform.job (owner_id) WHERE state IN ('queued', 'running');
CREATE INDEX job_ended ON platform.job (ended_at) WHERE ended_at IS NOT NULL;
"""

DOWN = "DROP TABLE platform.job"


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    op.execute(DOWN)
