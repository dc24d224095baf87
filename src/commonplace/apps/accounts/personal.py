"""The tables of accounts about a person. Of credentials is told that they are there, never what they are."""

from typing import Final

from commonplace.platform.leaving.personal import PersonalTable

TABLES: Final = (
    PersonalTable(
        table="accounts.audit_entry",
        person="by_id",
        member="administered",
        columns=("at", "action", "detail"),
        order="at, id",
        on_erasure="clear",
    ),
    PersonalTable(
        table="accounts.audit_entry", member="audit", columns=("at", "action", "is_on_server", "detail"), order="at, id"
    ),
    PersonalTable(
        table="accounts.sign_in_attempt",
        member="sign-ins",
        columns=("at", "address", "user_agent", "method", "outcome"),
        order="at, id",
    ),
    PersonalTable(
        table="accounts.session",
        member="sessions",
        columns=(
            "kind",
            "method",
            "address",
            "user_agent",
            "created_at",
            "last_used_at",
            "expires_at",
            "ended_at",
            "ended_reason",
        ),
        order="created_at, id",
    ),
    PersonalTable(
        table="accounts.known_device",
        member="devices",
        columns=("first_seen_at", "last_seen_at"),
        order="first_seen_at",
    ),
    PersonalTable(table="accounts.new_device_notice"),
    PersonalTable(
        table="accounts.api_token",
        member="api-tokens",
        columns=("name", "scopes", "created_at", "expires_at", "last_used_at"),
        order="created_at, id",
    ),
    PersonalTable(
        table="accounts.letter",
        member="letters",
        columns=("purpose", "email", "created_at", "expires_at"),
        order="created_at, id",
    ),
    PersonalTable(
        table="accounts.invitation",
        person="by_id",
        member="invitations",
        columns=("email", "role", "uses_left", "created_at", "expires_at"),
        order="created_at, id",
    ),
    PersonalTable(
        table="accounts.picture",
        member="picture",
        columns=("media_type", "width", "height", "side", "x", "y", "changed_at"),
    ),
    PersonalTable(table="accounts.totp", member="authenticator-app", columns=("created_at", "confirmed_at")),
    PersonalTable(table="accounts.recovery_code", member="recovery-codes", columns=("created_at",)),
    PersonalTable(
        table="accounts.passkey",
        member="passkeys",
        columns=("name", "is_synced", "created_at", "last_used_at"),
        order="created_at, id",
    ),
    PersonalTable(
        table="accounts.identity",
        member="identities",
        columns=("issuer", "subject", "shown", "linked_at", "last_used_at"),
        order="linked_at, id",
    ),
    PersonalTable(table="accounts.second_step"),
    PersonalTable(table="accounts.factor_tries"),
    PersonalTable(table="accounts.password", member="password", columns=("changed_at",)),
    PersonalTable(
        table="accounts.account",
        member="account",
        columns=("email", "email_verified_at", "role", "state", "created_at"),
    ),
)
