"""Platform: what machines tell each other of the requests that they counted.

Nothing here outlives its window, so it is not logged: after a crash of the server the counts begin anew.
"""

from alembic import op

revision = "platform_0005"
down_revision = "platform_0004"
branch_labels = None
depends_on = None

UP = """
CREATE UNLOGGED TABLE platform.request_rate (
    key bytea NOT NULL,
    machine bytea NOT NULL,
    counted real NOT NULL,
    window_seconds real NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (key, machine)
) WITH (fillfactor = 50);
"""

DOWN = """
DROP TABLE platform.request_rate;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
