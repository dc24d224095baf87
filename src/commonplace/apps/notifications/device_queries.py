"""Every statement about devices that are notified, and about what is pushed to them. A person sees their own only."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

# Whoever adds a device takes this lock, so that the limit holds for those who add at the same moment.
LOCK_DEVICES: Final = Query(
    text("""
    SELECT pg_advisory_xact_lock(hashtextextended('notifications.device ' || CAST(CAST(:person_id AS uuid) AS text), 0))
    """)
)
#: A browser that somebody else was signed in on before, and what the caller's session had subscribed with before.
DISPLACE_DEVICES: Final = Query(
    text("""
    DELETE FROM notifications.device
    WHERE (digest = :digest AND person_id <> :person_id) OR (session_id = :session_id AND digest <> :digest)
    """)
)
COUNT_DEVICES: Final = Query(
    text("SELECT count(*) FROM notifications.device WHERE person_id = :person_id AND digest <> :digest")
)
ADD_DEVICE: Final = Query(
    text("""
    INSERT INTO notifications.device
        (id, person_id, session_id, name, endpoint, public_key, auth, our_key, digest, created_at, seen_at)
    VALUES (:id, :person_id, :session_id, :name, :endpoint, :public_key, :auth, :our_key, :digest, :now, :now)
    ON CONFLICT ON CONSTRAINT device_once DO UPDATE SET
        session_id = excluded.session_id, name = excluded.name, our_key = excluded.our_key, seen_at = excluded.seen_at
    RETURNING id, session_id, name, created_at, seen_at
    """)
)
DEVICES: Final = Query(
    text("""
    SELECT id, session_id, name, created_at, seen_at FROM notifications.device
    WHERE person_id = :person_id ORDER BY created_at, id
    """)
)
REMOVE_DEVICE: Final = Query(
    text("DELETE FROM notifications.device WHERE id = :device_id AND person_id = :person_id RETURNING id")
)

# What the handlers need: they act for nobody.
DEVICE_IDS: Final = Query(text("SELECT id FROM notifications.device WHERE person_id = :person_id"))
ADD_PUSH: Final = Query(
    text("""
    INSERT INTO notifications.push (notice_id, device_id, held_until) VALUES (:notice_id, :device_id, :held_until)
    """)
)
PUSH_TO_SEND: Final = Query(
    text("""
    SELECT notice.id, notice.person_id, notice.kind, notice.title, notice.text, notice.path, notice.created_at,
        notice.read_at, notice.dismissed_at, push.held_until, device.person_id AS owner_id, device.session_id,
        device.endpoint, device.public_key, device.auth, device.our_key
    FROM notifications.push
    JOIN notifications.notice ON notice.id = push.notice_id
    JOIN notifications.device ON device.id = push.device_id
    WHERE push.notice_id = :notice_id AND push.device_id = :device_id
    """)
)
HOLD_PUSH: Final = Query(
    text("""
    UPDATE notifications.push SET held_until = :held_until WHERE notice_id = :notice_id AND device_id = :device_id
    """)
)
PUSHED: Final = Query(text("DELETE FROM notifications.push WHERE notice_id = :notice_id AND device_id = :device_id"))
RELEASE_PUSHES: Final = Query(
    text("""
    UPDATE notifications.push SET held_until = NULL FROM (
        SELECT notice_id, device_id FROM notifications.push WHERE held_until <= :now
        ORDER BY held_until LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS due, notifications.notice
    WHERE push.notice_id = due.notice_id AND push.device_id = due.device_id AND notice.id = due.notice_id
    RETURNING push.notice_id, push.device_id, notice.person_id
    """)
)
FORGET_DEVICE: Final = Query(text("DELETE FROM notifications.device WHERE id = :device_id RETURNING person_id"))
FORGET_DEVICES_OF_SESSION: Final = Query(
    text("DELETE FROM notifications.device WHERE session_id = :session_id RETURNING person_id")
)
FORGET_DEVICES_OF_PERSON: Final = Query(
    text("DELETE FROM notifications.device WHERE person_id = :person_id RETURNING person_id")
)
