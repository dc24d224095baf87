"""Every statement of notifications; what a person reads starts from their own inbox."""

from functools import cache
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.pages import json_time, page_of_json
from commonplace.platform.database.query import Query

_INBOX: Final = "notice.person_id = CAST(:person_id AS uuid) AND notice.in_inbox AND notice.dismissed_at IS NULL"
#: A notice as `schemas.NoticeRead` describes it.
_JSON: Final = f"""
    CAST(json_build_object('id', notice.id, 'kind', notice.kind, 'title', notice.title, 'text', notice.text,
        'path', notice.path, 'item_id', notice.item_id, 'created_at', {json_time("notice.created_at")},
        'read_at', {json_time("notice.read_at")}) AS text)
"""
_COLUMNS: Final = """
    notice.id, notice.kind, notice.title, notice.text, notice.path, notice.item_id, notice.created_at, notice.read_at
"""


def _listed(*, is_later_page: bool, unread: bool) -> str:
    after = " AND (notice.created_at, notice.id) < (:created_at, :id)"
    return (
        f"FROM notifications.notice WHERE {_INBOX}{' AND notice.read_at IS NULL' if unread else ''}"
        f"{after if is_later_page else ''} ORDER BY notice.created_at DESC, notice.id DESC LIMIT :limit"
    )


@cache
def inbox_page(*, is_later_page: bool, unread: bool) -> Query:
    """A page of the inbox as one row (see `page_of_json`), the newest first.

    Parameters: `person_id`, `limit`; `created_at` and `id` when `is_later_page`.
    """
    listed = _listed(is_later_page=is_later_page, unread=unread)
    return Query(text(page_of_json(f"SELECT {_JSON} AS json, {json_time('notice.created_at')} AS key, id {listed}")))


@cache
def inbox_rows(*, is_later_page: bool, unread: bool) -> Query:
    """The same as rows, for the page that people see."""
    listed = _listed(is_later_page=is_later_page, unread=unread)
    return Query(text(f"SELECT {_COLUMNS}, {json_time('notice.created_at')} AS key {listed}"))


READ_NOTICE = Query(text(f"SELECT {_JSON} AS json FROM notifications.notice WHERE {_INBOX} AND id = :notice_id"))
#: Counted no further than anybody reads a number.
UNREAD = Query(
    text(
        f"SELECT count(*) FROM (SELECT FROM notifications.notice WHERE {_INBOX} AND notice.read_at IS NULL"
        " LIMIT :most) AS unread"
    )
)
IS_DISMISSED = Query(
    text("""
    SELECT notice.title FROM notifications.notice
    WHERE notice.id = :notice_id AND notice.person_id = :person_id AND notice.dismissed_at IS NOT NULL
    """)
)

# Marking what is marked already changes nothing and tells nothing: the row comes back only when it did.
MARK = Query(
    text(f"""
    UPDATE notifications.notice SET read_at = CASE WHEN CAST(:is_read AS boolean) THEN clock_timestamp() END
    WHERE {_INBOX} AND id = :notice_id AND (read_at IS NOT NULL) <> CAST(:is_read AS boolean) RETURNING id
    """)
)
#: Those up to the newest one that the person has seen, so that what came meanwhile stays unread.
MARK_ALL = Query(
    text(f"""
    UPDATE notifications.notice SET read_at = clock_timestamp()
    WHERE {_INBOX} AND read_at IS NULL AND (CAST(:up_to AS uuid) IS NULL OR (created_at, id) <=
        (SELECT newest.created_at, newest.id FROM notifications.notice AS newest
        WHERE newest.id = CAST(:up_to AS uuid) AND newest.person_id = CAST(:person_id AS uuid)))
    """)
)
DISMISS = Query(
    text(f"UPDATE notifications.notice SET dismissed_at = clock_timestamp() WHERE {_INBOX} AND id = :notice_id")
)
PUT_BACK = Query(
    text("""
    UPDATE notifications.notice SET dismissed_at = NULL
    WHERE id = :notice_id AND person_id = :person_id AND in_inbox AND dismissed_at IS NOT NULL
    """)
)

PREFERENCES = Query(text("SELECT kind, inbox, mail, push FROM notifications.preference WHERE person_id = :person_id"))
PREFER = Query(
    text("""
    INSERT INTO notifications.preference (person_id, kind, inbox, mail, push)
    VALUES (:person_id, :kind, :inbox, :mail, :push)
    ON CONFLICT (person_id, kind) DO UPDATE SET inbox = coalesce(excluded.inbox, preference.inbox),
        mail = coalesce(excluded.mail, preference.mail), push = coalesce(excluded.push, preference.push)
    """)
)
QUIET_HOURS = Query(text("SELECT begins, ends FROM notifications.quiet_hours WHERE person_id = :person_id"))
SET_QUIET_HOURS = Query(
    text("""
    INSERT INTO notifications.quiet_hours (person_id, begins, ends) VALUES (:person_id, :begins, :ends)
    ON CONFLICT (person_id) DO UPDATE SET begins = excluded.begins, ends = excluded.ends
    """)
)
NO_QUIET_HOURS = Query(text("DELETE FROM notifications.quiet_hours WHERE person_id = :person_id"))

# What the handlers need: they act for nobody.
PREFERENCE_OF = Query(
    text("""
    SELECT preference.inbox, preference.mail, preference.push, quiet_hours.begins, quiet_hours.ends
    FROM (SELECT CAST(:person_id AS uuid) AS person_id) AS person
    LEFT JOIN notifications.preference
        ON preference.person_id = person.person_id AND preference.kind = CAST(:kind AS text)
    LEFT JOIN notifications.quiet_hours ON quiet_hours.person_id = person.person_id
    """)
)
#: Says 1 row when this is the first time that the person is told of the event.
GIVE = Query(
    text("""
    INSERT INTO notifications.notice
        (id, person_id, kind, event_seq, title, text, path, item_id, created_at, in_inbox, mail, mail_due_at)
    VALUES (:id, :person_id, :kind, :event_seq, :title, :text, :path, :item_id, :at, :in_inbox, :mail, :mail_due_at)
    ON CONFLICT ON CONSTRAINT notice_is_told_once DO NOTHING
    """)
)
NOTICE_TO_MAIL = Query(
    text("""
    SELECT id, person_id, kind, title, text, path, mail, mail_due_at, read_at, dismissed_at
    FROM notifications.notice WHERE id = :notice_id
    """)
)
SET_MAIL = Query(text("UPDATE notifications.notice SET mail = :mail, mail_due_at = :mail_due_at WHERE id = :notice_id"))
RELEASE = Query(
    text("""
    UPDATE notifications.notice SET mail = 'due' WHERE id = ANY(ARRAY(
        SELECT id FROM notifications.notice WHERE mail = 'held' AND mail_due_at <= :now
        ORDER BY mail_due_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )) RETURNING id, person_id
    """)
)
FORGET = Query(
    text("""
    DELETE FROM notifications.notice WHERE id = ANY(ARRAY(
        SELECT id FROM notifications.notice WHERE created_at < :before ORDER BY created_at LIMIT :limit
    ))
    """)
)
# What others were told about a person's items, or of what the person did: it may name them.
ABOUT = Query(
    text("""
    SELECT notice.id FROM notifications.notice
    WHERE notice.person_id <> :person_id AND (
        EXISTS (SELECT FROM platform.item WHERE item.id = notice.item_id AND item.owner_id = :person_id)
        OR notice.event_seq IN (SELECT event.seq FROM platform.event WHERE event.by = :person_id))
    """)
)
FORGET_NOTICES = Query(text("DELETE FROM notifications.notice WHERE id = ANY(CAST(:ids AS uuid[]))"))
