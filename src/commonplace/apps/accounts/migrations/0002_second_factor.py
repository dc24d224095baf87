"""Accounts: second factors."""

from alembic import op

revision = "accounts_0002"
down_revision = "accounts_0001"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE accounts.totp (
    person_id uuid PRIMARY KEY REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    sealed_secret bytea NOT NULL,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step bigint
);

CREATE TABLE accounts.recovery_code (
    person_id uuid NOT NULL REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (person_id, digest)
);

CREATE TABLE accounts.passkey (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    name text NOT NULL,
    transports text NOT NULL,
    is_synced boolean NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz
);
CREATE UNIQUE INDEX passkey_by_credential ON accounts.passkey (credential_id);
CREATE INDEX passkey_of_person ON accounts.passkey (person_id, created_at);

CREATE TABLE accounts.second_step (
    digest bytea PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT second_step_kind CHECK (kind IN ('api', 'browser')),
    attempt_id uuid NOT NULL,
    account_key bytea NOT NULL,
    network text NOT NULL,
    password_changed_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL
);
CREATE INDEX second_step_of_person ON accounts.second_step (person_id);
CREATE INDEX second_step_by_end ON accounts.second_step (expires_at);

CREATE TABLE accounts.spent_challenge (
    digest bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX spent_challenge_by_end ON accounts.spent_challenge (expires_at);

CREATE TABLE accounts.factor_tries (
    person_id uuid NOT NULL REFERENCES accounts.account (person_id) ON DELETE CASCADE,
    factor text NOT NULL,
    tries integer NOT NULL,
    last_at timestamptz NOT NULL,
    locks integer NOT NULL,
    locked_until timestamptz,
    PRIMARY KEY (person_id, factor)
);

CREATE TABLE accounts.proof (
    session_id uuid PRIMARY KEY REFERENCES accounts.session (id) ON DELETE CASCADE,
    proved_at timestamptz NOT NULL,
    method text NOT NULL
);

CREATE TABLE accounts.enrolment_due (
    session_id uuid PRIMARY KEY REFERENCES accounts.session (id) ON DELETE CASCADE
);

ALTER TABLE accounts.sign_in_attempt DROP CONSTRAINT sign_in_attempt_outcome;
ALTER TABLE accounts.sign_in_attempt ADD CONSTRAINT sign_in_attempt_outcome
    CHECK (outcome IN ('pending', 'refused', 'second_step', 'signed_in'));
"""

DOWN = """
UPDATE accounts.sign_in_attempt SET outcome = 'refused' WHERE outcome = 'second_step';
ALTER TABLE accounts.sign_in_attempt DROP CONSTRAINT sign_in_attempt_outcome;
ALTER TABLE accounts.sign_in_attempt ADD CONSTRAINT sign_in_attempt_outcome
    CHECK (outcome IN ('pending', 'refused', 'signed_in'));
DROP TABLE accounts.enrolment_due;
DROP TABLE accounts.proof;
DROP TABLE accounts.factor_tries;
DROP TABLE accounts.spent_challenge;
DROP TABLE accounts.second_step;
DROP TABLE accounts.passkey;
DROP TABLE accounts.recovery_code;
DROP TABLE accounts.totp;
"""


def upgrade() -> None:
    for statement in UP.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for statement in DOWN.split(";\n"):
        if statement.strip():
            op.execute(statement)
