"""Notifications: the inbox, mail, push, who wants what and when."""

from commonplace.platform.app import App, NavigationEntry, Schedule, Subscription

_HANDLERS = "commonplace.apps.notifications.handlers"
_PUSH = "commonplace.apps.notifications.push_handlers"

app = App(
    name="notifications",
    title="Notifications",
    api="commonplace.apps.notifications.api:router",
    pages="commonplace.apps.notifications.pages:router",
    navigation=(
        NavigationEntry(
            title="Notifications", path="/app/notifications/settings", icon="bell", order=50, group="account"
        ),
        NavigationEntry(
            title="Notifications", path="/app/notifications", icon="bell", group="bar", badge="/app/notifications/badge"
        ),
    ),
    settings="commonplace.apps.notifications.settings:NotificationsSettings",
    migrations="commonplace.apps.notifications.migrations",
    erase="commonplace.apps.notifications.personal:erase",
    personal_data="commonplace.apps.notifications.personal:TABLES",
    bring="commonplace.apps.notifications.bringing:bring",
    takes_notices=f"{_HANDLERS}:take",
    subscriptions=(
        # A mail server may be away for a night: 24 attempts, an hour apart at most.
        Subscription(
            event="commonplace.apps.notifications.events:MailDue",
            handler=f"{_HANDLERS}:send_mail",
            max_attempts=24,
            timeout_seconds=330.0,
        ),
        Subscription(
            event="commonplace.apps.notifications.events:PushDue",
            handler=f"{_PUSH}:send_push",
            max_attempts=24,
            timeout_seconds=330.0,
        ),
        Subscription(event="commonplace.apps.accounts.events:SessionEnded", handler=f"{_PUSH}:forget_session"),
        Subscription(event="commonplace.apps.accounts.events:PersonSuspended", handler=f"{_PUSH}:forget_suspended"),
    ),
    schedules=(
        Schedule(name="release_mail", cron="* * * * *", handler=f"{_HANDLERS}:release_mail", queue="notifications"),
        Schedule(name="release_pushes", cron="* * * * *", handler=f"{_PUSH}:release_pushes", queue="notifications"),
        Schedule(name="forget_notices", cron="37 3 * * *", handler=f"{_HANDLERS}:forget_notices"),
    ),
)
