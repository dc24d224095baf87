"""Accounts: who people are, and how they get in."""

from commonplace.platform.app import Alias, App, NavigationEntry, Schedule, Subscription

app = App(
    name="accounts",
    title="Accounts",
    api="commonplace.apps.accounts.api:router",
    pages="commonplace.apps.accounts.pages:router",
    internal="commonplace.apps.accounts.internal_api:router",
    navigation=(
        NavigationEntry(title="Profile", path="/app/profile", icon="user", order=10, group="account"),
        NavigationEntry(title="Security", path="/app/account/security", icon="user", order=20, group="account"),
        NavigationEntry(title="Sessions", path="/app/account/sessions", icon="user", order=30, group="account"),
        NavigationEntry(title="API tokens", path="/app/account/tokens", icon="user", order=40, group="account"),
        NavigationEntry(title="Your data", path="/app/account/data", icon="user", order=90, group="account"),
        NavigationEntry(
            title="Admin", path="/app/admin", icon="users", order=95, group="overview", administrators_only=True
        ),
    ),
    aliases=(Alias(path="/auth", canonical="/api/auth"),),
    settings="commonplace.apps.accounts.settings:AccountsSettings",
    commands={
        "user": "commonplace.apps.accounts.commands:user",
        "keys": "commonplace.apps.accounts.key_commands:keys",
    },
    migrations="commonplace.apps.accounts.migrations",
    subscriptions=(
        Subscription(
            event="commonplace.apps.accounts.events:NewDeviceSignedIn",
            handler="commonplace.apps.accounts.security_mail:tell_of_new_device",
        ),
        Subscription(
            event="commonplace.apps.accounts.events:SecondFactorAdded",
            handler="commonplace.apps.accounts.factors.handlers:tell_of_added",
        ),
        Subscription(
            event="commonplace.apps.accounts.events:SecondFactorRemoved",
            handler="commonplace.apps.accounts.factors.handlers:tell_of_removed",
        ),
        Subscription(
            event="commonplace.apps.accounts.events:SecondFactorLocked",
            handler="commonplace.apps.accounts.factors.handlers:tell_of_locked",
        ),
        Subscription(
            event="commonplace.apps.accounts.events:RecoveryCodeUsed",
            handler="commonplace.apps.accounts.factors.handlers:tell_of_recovery",
        ),
        Subscription(
            event="commonplace.apps.accounts.events:PasskeyCountedBack",
            handler="commonplace.apps.accounts.factors.handlers:tell_of_counted_back",
        ),
        Subscription(
            event="commonplace.apps.accounts.events:IdentityLinked",
            handler="commonplace.apps.accounts.issuers.handlers:tell_of_linked",
        ),
        Subscription(
            event="commonplace.apps.accounts.events:IdentityUnlinked",
            handler="commonplace.apps.accounts.issuers.handlers:tell_of_unlinked",
        ),
        Subscription(
            event="commonplace.apps.accounts.events:LetterAsked",
            handler="commonplace.apps.accounts.letters.handlers:send_letter",
        ),
        Subscription(
            event="commonplace.apps.accounts.events:PersonInvited",
            handler="commonplace.apps.accounts.invitations.handlers:send_invitation",
        ),
        Subscription(
            event="commonplace.apps.accounts.events:AddressChanged",
            handler="commonplace.apps.accounts.letters.handlers:tell_of_changed_address",
        ),
        Subscription(
            event="commonplace.apps.accounts.events:PasswordReset",
            handler="commonplace.apps.accounts.letters.handlers:tell_of_reset_password",
        ),
        # An archive of everything may take hours; one whose process dies is begun anew.
        Subscription(
            event="commonplace.platform.leaving.events:ArchiveAsked",
            handler="commonplace.platform.leaving.jobs:make_archive",
            queue="processing",
            max_attempts=5,
            timeout_seconds=12 * 3600.0,
        ),
        Subscription(
            event="commonplace.platform.leaving.events:ArchiveSent",
            handler="commonplace.platform.leaving.jobs:read_archive_in",
            queue="processing",
            max_attempts=5,
            timeout_seconds=12 * 3600.0,
        ),
        Subscription(
            event="commonplace.platform.leaving.events:ErasureAsked",
            handler="commonplace.apps.accounts.letters.handlers:tell_of_erasure",
        ),
        # While a backup copies objects none can go: attempts follow each other for a day.
        Subscription(
            event="commonplace.platform.leaving.events:ErasureDue",
            handler="commonplace.apps.accounts.leaving.handlers:erase_person",
            queue="processing",
            deduplicate_by="erasure_id",
            max_attempts=32,
            timeout_seconds=6 * 3600.0,
        ),
        Subscription(
            event="commonplace.platform.leaving.events:PersonErased",
            handler="commonplace.apps.accounts.leaving.handlers:note_erased",
        ),
    ),
    schedules=(
        Schedule(
            name="seal_factors_anew", cron="47 * * * *", handler="commonplace.apps.accounts.handlers:seal_factors_anew"
        ),
        Schedule(
            name="begin_erasures",
            cron="*/5 * * * *",
            handler="commonplace.apps.accounts.leaving.handlers:begin_what_is_due",
            queue="notifications",
        ),
        Schedule(
            name="rotate_signing_keys",
            cron="41 2 * * *",
            handler="commonplace.apps.accounts.handlers:rotate_signing_keys",
        ),
        Schedule(
            name="forget_the_past", cron="17 3 * * *", handler="commonplace.apps.accounts.handlers:forget_the_past"
        ),
    ),
    kinds=("commonplace.apps.accounts.models:PERSON",),
    erase="commonplace.apps.accounts.leaving.handlers:erase",
    personal_data="commonplace.apps.accounts.personal:TABLES",
    streams="commonplace.apps.accounts.streams:is_stream",
    object_uses=("commonplace.apps.accounts.pictures.object_uses:PICTURES",),
    export="commonplace.apps.accounts.pictures.leaving:export",
    bring="commonplace.apps.accounts.leaving.bringing:bring",
    takes_tokens=False,  # a token makes no tokens, changes no password and ends no session
    public=(
        "POST /api/auth/register",
        "POST /api/auth/login",
        "POST /api/auth/refresh",
        "POST /api/auth/second-step",
        "POST /api/auth/second-step/passkey-options",
        "POST /api/auth/passkey-options",
        "POST /api/auth/passkey-login",
        "POST /api/auth/password/forgot",
        "POST /api/auth/password/reset",
        "POST /api/auth/confirm",
        "GET /api/auth/erasures/{token}",  # the token is the credential
        "GET /api/auth/jwks.json",
        "GET /api/auth/issuers",
    ),
    takes_cross_site="commonplace.apps.accounts.issuers.cross_site:takes_cross_site",
    compose="commonplace.apps.accounts.context:compose",
)
