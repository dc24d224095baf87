"""Accounts: who people are, and how they get in."""

from commonplace.platform.app import Alias, App, Schedule, Subscription

app = App(
    name="accounts",
    title="Accounts",
    api="commonplace.apps.accounts.api:router",
    pages="commonplace.apps.accounts.pages:router",
    aliases=(Alias(path="/auth", canonical="/api/auth"),),
    settings="commonplace.apps.accounts.settings:AccountsSettings",
    commands={"user": "commonplace.apps.accounts.commands:user"},
    migrations="commonplace.apps.accounts.migrations",
    subscriptions=(
        Subscription(
            event="commonplace.apps.accounts.events:NewDeviceSignedIn",
            handler="commonplace.apps.accounts.security_mail:tell_of_new_device",
        ),
    ),
    schedules=(
        Schedule(
            name="forget_the_past", cron="17 3 * * *", handler="commonplace.apps.accounts.handlers:forget_the_past"
        ),
    ),
    kinds=("commonplace.apps.accounts.models:PERSON",),
    takes_tokens=False,  # a token makes no tokens, changes no password and ends no session
    public=(
        "POST /api/auth/register",
        "POST /api/auth/login",
        "POST /api/auth/refresh",
        "GET /api/auth/jwks.json",
    ),
    compose="commonplace.apps.accounts.context:compose",
)
