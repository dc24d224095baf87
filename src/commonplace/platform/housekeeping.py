"""What the platform itself does by the clock and has people told, written as a manifest, beside those of the apps.

Nothing here decides what is kept: the settings do, and each part drops its own.
"""

from typing import Final

from sqlalchemy import text

from commonplace.platform.app import App, Follower, NoticeKind, Schedule, Subscription
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.history.emptying import KIND
from commonplace.platform.history.settings import HistorySettings
from commonplace.platform.http.idempotency import FORGET
from commonplace.platform.jobs.store import RUN

_HERE: Final = "commonplace.platform.housekeeping"

app = App(
    name="platform",
    title="Commonplace",
    schedules=(
        Schedule(name="keep_log", cron="4 * * * *", handler="commonplace.platform.events.partitions:keep_log"),
        Schedule(name="purge_trash", cron="11 * * * *", handler="commonplace.platform.history.purge:purge_trash"),
        Schedule(
            name="drop_versions", cron="23 2 * * *", handler="commonplace.platform.history.retention:drop_versions"
        ),
        Schedule(name="thin_moments", cron="41 2 * * *", handler=f"{_HERE}:thin_moments"),
        Schedule(name="forget_keys", cron="53 * * * *", handler=f"{_HERE}:forget_keys"),
        Schedule(
            name="remove_old_archives",
            cron="29 * * * *",
            handler="commonplace.platform.leaving.jobs:remove_old_archives",
        ),
        Schedule(name="keep_quota", cron="23 * * * *", handler="commonplace.platform.space.keeping:keep_quota"),
        Schedule(name="mind_jobs", cron="17 * * * *", handler="commonplace.platform.jobs.work:mind_jobs"),
        Schedule(
            name="tell_of_links",
            cron="*/5 * * * *",
            handler="commonplace.platform.sharing.visits.housekeeping:tell_of_links",
            queue="notifications",
        ),
        Schedule(
            name="forget_visits",
            cron="17 3 * * *",
            handler="commonplace.platform.sharing.visits.housekeeping:forget_visits",
        ),
        Schedule(name="forget_ticks", cron="47 2 * * *", handler=f"{_HERE}:forget_ticks"),
    ),
    subscriptions=(
        # A job works for a turn of seconds at a time; its batches alone may be delayed by what the disk does meanwhile.
        Subscription(
            event="commonplace.platform.jobs.events:JobAsked",
            handler=RUN,
            queue="processing",
            deduplicate_by="job_id",
            timeout_seconds=3600.0,
        ),
    ),
    followers=(Follower(handler="commonplace.platform.search.following:follow"),),
    jobs={KIND: "commonplace.platform.history.emptying:empty"},
    personal_data="commonplace.platform.leaving.platform_tables:TABLES",
    notices=(
        NoticeKind(
            name="shared",
            title="Something is shared with me",
            event="commonplace.platform.sharing.events:ItemShared",
            tell="commonplace.platform.history.shared_notice:item_shared",
        ),
        NoticeKind(
            name="link_used",
            title="Somebody came by a link of mine that tells me so",
            event="commonplace.platform.sharing.events:LinkUsed",
            tell="commonplace.platform.history.shared_notice:link_used",
        ),
    ),
)

# A day back, the last moment of each minute is enough. Older ones were thinned by earlier runs.
_THIN_MOMENTS = Query(
    text("""
    DELETE FROM platform.moment
    WHERE at < clock_timestamp() - interval '1 day' AND at >= clock_timestamp() - interval '8 days'
    AND EXISTS (
        SELECT FROM platform.moment AS later
        WHERE later.at > moment.at AND later.at < date_trunc('minute', moment.at) + interval '1 minute')
    """)
)
# Without versions from before it a moment shows nothing.
_FORGET_MOMENTS = Query(
    text("DELETE FROM platform.moment WHERE at < clock_timestamp() - make_interval(days => CAST(:days AS integer))")
)
# The last one of each schedule is what the clock is compared with.
_FORGET_TICKS = Query(
    text("""
    DELETE FROM platform.schedule_tick
    WHERE tick < clock_timestamp() - interval '7 days' AND EXISTS (
        SELECT FROM platform.schedule_tick AS later
        WHERE later.schedule = schedule_tick.schedule AND later.tick > schedule_tick.tick)
    """)
)


async def thin_moments(_tick: ScheduleTick, context: Context) -> None:
    """Thin the moments of the past: one a second is kept for a day, one a minute for as long as versions are."""
    async with context.parts[Database].writing() as session:
        await session.execute(_THIN_MOMENTS)
        await session.execute(_FORGET_MOMENTS, days=context.parts[HistorySettings].version_days + 1)


async def forget_keys(_tick: ScheduleTick, context: Context) -> None:
    """Forget the `Idempotency-Key`s that are older than a day."""
    async with context.parts[Database].writing() as session:
        await session.execute(FORGET)


async def forget_ticks(_tick: ScheduleTick, context: Context) -> None:
    """Forget the moments of schedules that are long gone."""
    async with context.parts[Database].writing() as session:
        await session.execute(_FORGET_TICKS)
