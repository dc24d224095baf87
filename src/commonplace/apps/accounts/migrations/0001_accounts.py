"""Accounts: people, passwords, sessions, signing keys, sign-ins and the first run."""

from alembic import op

revision = "accounts_0001"
down_revision = None
branch_labels = ("accounts",)
depends_on = "platform_0001"

UP = """
CREATE SCHEMA accounts;

CREATE TABLE accounts.person (
    id uuid PRIMARY KEY,
    job_title text,
    time_zone text NOT NULL,
    language text NOT NULL
);

CREATE TABLE accounts.account (
    person_id uuid PRIMARY KEY REFERENCES accounts.person (id) ON DELETE CASCADE,
    email text NOT NULL,
    email_key text NOT NULL,
    role text NOT NULL CONSTRAINT account_role CHECK (role IN ('user', 'administrator')),
    state text NOT NULL CONSTRAINT account_state CHECK (state IN ('active', 'suspended')),
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX account_by_key ON accounts.account (email_key);

CREATE TABLE accounts.password (
    person_id uuid PRIMARY KEY REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    hash text NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE TABLE accounts.session (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT session_kind CHECK (kind IN ('api', 'browser')),
    method text NOT NULL,
    address text NOT NULL,
    network text NOT NULL,
    user_agent text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    latest_end_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_reason text,
    family_digest bytea,
    refresh_digest bytea,
    previous_refresh_digest bytea,
    rotated_at timestamptz,
    cookie_digest bytea
);
CREATE INDEX session_of_person ON accounts.session (person_id, last_used_at);
CREATE UNIQUE INDEX session_by_cookie ON accounts.session (cookie_digest) WHERE cookie_digest IS NOT NULL;

CREATE TABLE accounts.signing_key (
    kid text PRIMARY KEY,
    algorithm text NOT NULL,
    public_key bytea NOT NULL,
    private_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz
);

CREATE TABLE accounts.sign_in_attempt (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    account_key bytea NOT NULL,
    person_id uuid REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    session_id uuid,
    address text NOT NULL,
    network text NOT NULL,
    user_agent text NOT NULL,
    method text NOT NULL,
    outcome text NOT NULL
        CONSTRAINT sign_in_attempt_outcome CHECK (outcome IN ('pending', 'refused', 'signed_in')),
    is_forgiven boolean NOT NULL DEFAULT false
);
CREATE INDEX sign_in_attempt_by_account ON accounts.sign_in_attempt (account_key, at);
CREATE INDEX sign_in_attempt_by_network ON accounts.sign_in_attempt (network, at);
CREATE INDEX sign_in_attempt_of_person ON accounts.sign_in_attempt (person_id, at) WHERE person_id IS NOT NULL;

CREATE TABLE accounts.first_run (
    singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT first_run_is_one CHECK (singleton),
    token_digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
"""

# The people's items and their versions are the platform's rows about this app's table: without it they mean nothing.
DOWN = """
DROP SCHEMA accounts CASCADE;
DELETE FROM platform.version WHERE kind = 'person';
DELETE FROM platform.item WHERE kind = 'person';
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
