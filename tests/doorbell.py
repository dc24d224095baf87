"""A small app that gives notices, for tests. It knows nothing of notifications; one event gives two kinds of them."""

from pathlib import Path
from textwrap import dedent
from typing import Final

MODULES: Final = {
    "manifest": """
        from commonplace.platform.app import App, NoticeKind
        app = App(name="doorbell", title="Doorbell", api="doorbell.api:router", notices=[
            NoticeKind(name="rung", title="Somebody is at the door", event="doorbell.events:BellRung",
                tell="doorbell.notices:rung", is_urgent=True),
            NoticeKind(name="logged", title="The bell was heard", event="doorbell.events:BellRung",
                tell="doorbell.notices:logged", by_mail=False, by_push=False)])
    """,
    "events": """
        from dataclasses import dataclass
        from typing import ClassVar
        from uuid import UUID
        from commonplace.platform.events.event import Event
        @dataclass(frozen=True, kw_only=True)
        class BellRung(Event):
            name: ClassVar[str] = "bell.rung"
            who: str
            residents: tuple[UUID, ...]
            path: str | None = None
            listener: UUID | None = None
    """,
    "notices": """
        from commonplace.platform.messages.notices import Notice
        async def rung(event, context):
            return [Notice(person_id=person_id, title=f"{event.who} is at the door", text="Since a minute.",
                path=event.path) for person_id in event.residents]
        async def logged(event, context):
            return [] if event.listener is None else [Notice(person_id=event.listener, title="Heard")]
    """,
    "api": """
        from commonplace.platform.events import log
        from commonplace.platform.http.dependencies import CurrentCaller, Writing
        from commonplace.platform.http.routing import Router
        from doorbell.events import BellRung
        router = Router(prefix="/api/doorbell")
        @router.post("", status_code=202)
        async def ring(who: str, caller: CurrentCaller, session: Writing, path: str | None = None) -> None:
            fact = BellRung(who=who, residents=(caller.person_id,), path=path)
            await log.tell(session, fact, owner_id=None, by=None)
    """,
}


def write(folder: Path) -> None:
    """Put the app's package below `folder`, for whoever has that on the path and `doorbell.manifest:app` in `APPS`."""
    package = folder / "doorbell"
    package.mkdir(parents=True)
    for name, source in MODULES.items():
        (package / f"{name}.py").write_text(dedent(source))
    (package / "__init__.py").touch()
