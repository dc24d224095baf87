"""Renders pages: Jinja over the platform's templates and those of each app.

A page of an app extends `layout` and fills its blocks; which file that is depends on the request. A browser that
arrives gets the whole frame; a click inside of it (htmx) gets the page alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from commonplace.platform.app import App, NavigationEntry
from commonplace.platform.identity.people import initials_of
from commonplace.platform.pages import formats
from commonplace.platform.pages.assets import Assets, assets_of, folder_of
from commonplace.platform.pages.viewer import UTC, Viewer
from commonplace.platform.parts import Parts

SIGN_IN_PATH: Final = "/app/sign-in"
THEME_COOKIE: Final = "commonplace_theme"
_TEMPLATES: Final = Path(__file__).parent / "templates"
_THEMES: Final = frozenset({"light", "dark"})
_GROUPS: Final = ("apps", "overview")
_ICON_OF_THE_UNKNOWN: Final = "box"  # an app may name an icon that is not among the vendored ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the frame around a page shows."""

    path: str
    theme: str | None  #: `light` or `dark`; None: as the device has it
    navigation: Sequence[Sequence[NavigationEntry]]  #: groups of entries, in order
    bar: Sequence[NavigationEntry]  #: signs in the bar
    account: Sequence[NavigationEntry]  #: the pages about oneself, as tabs
    stylesheets: Sequence[str]  #: addresses of the apps' own
    modules: Sequence[str]

    @property
    def foremost(self) -> Sequence[NavigationEntry]:
        """The four entries that fit into the bottom bar of a phone."""
        return [entry for group in self.navigation for entry in group][:4]

    def is_current(self, entry: NavigationEntry) -> bool:
        """Whether the page shown belongs to `entry`."""
        return self.path == entry.path or self.path.startswith(f"{entry.path}/")


@lru_cache(maxsize=8)
def _templates(assets: Assets, folders: tuple[tuple[str, Path], ...]) -> Environment:
    """The templates of the platform and of apps, by name and folder; each is compiled once a process."""
    environment = Environment(
        loader=ChoiceLoader(
            [
                FileSystemLoader(_TEMPLATES),
                PrefixLoader({name: FileSystemLoader(folder) for name, folder in folders}),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        size=formats.size, size_text=formats.size_text, count=formats.count, initials=initials_of
    )
    sprite = assets.by_name["platform/vendor/lucide/icons.svg"].content.decode()
    known = frozenset(re.findall(r'<symbol id="i-([a-z0-9-]+)"', sprite))
    environment.globals.update(
        static=assets.url,
        icons=Markup(sprite),  # noqa: S704 - our own file
        icon_name=lambda name: name if name in known else _ICON_OF_THE_UNKNOWN,
    )
    return environment


class Pages:
    """The pages of one installation: templates, static files and the side rail of its apps."""

    def __init__(self, apps: Sequence[App]) -> None:
        self.assets = assets_of(tuple(apps))
        self._entries = sorted((entry for app in apps for entry in app.navigation), key=lambda entry: entry.order)
        self._stylesheets = self._own_stylesheets(apps)
        self._modules = self._own_modules(apps)
        #: The scripts of the service worker: the platform's first, then `static/worker.js` of each app.
        self.workers = [
            self.assets.url(name)
            for name in (
                "platform/worker/keeping.js",
                "platform/worker/worker.js",
                *(f"{app.name}/worker.js" for app in apps),
            )
            if name in self.assets.by_name
        ]
        folders = ((app.name, folder_of(app, "templates")) for app in apps)
        self._templates = _templates(self.assets, tuple((name, folder) for name, folder in folders if folder))

    def _own_stylesheets(self, apps: Sequence[App]) -> list[str]:
        """The stylesheets right in an app's `static` folder belong to every page: a click may lead from app to app."""
        own = {f"{app.name}/" for app in apps}
        names = (name for name in self.assets.by_name if name.endswith(".css") and name.count("/") == 1)
        return [self.assets.url(name) for name in names if name.partition("/")[0] + "/" in own]

    def _own_modules(self, apps: Sequence[App]) -> list[str]:
        """`static/<app>.js` is an app's entry; it is loaded with every page, as its stylesheets are."""
        names = (f"{app.name}/{app.name}.js" for app in apps)
        return [self.assets.url(name) for name in names if name in self.assets.by_name]

    def render(
        self,
        request: Request,
        template: str,
        *,
        viewer: Viewer | None = None,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> HTMLResponse:
        """The page `template` (`shell.html` of the platform, `files/folder.html` of the app files).

        Templates know `viewer`, `frame`, `layout` and what is in `context`; `when(moment, style)` writes moments in the
        viewer's zone, or in the `fixed` one.
        """
        return HTMLResponse(
            self.text(request, template, viewer=viewer, **context), status_code=status, headers=dict(headers or {})
        )

    def text(self, request: Request, template: str, *, viewer: Viewer | None = None, **context: Any) -> str:
        """What `render` sends, as text."""
        zone = UTC if viewer is None else viewer.zone
        is_click = request.headers.get("hx-request") == "true"
        return self._templates.get_template(template).render(
            request=request,
            viewer=viewer,
            frame=self._frame(request, viewer),
            layout="part.html" if is_click else "shell.html" if viewer else "plain.html",
            is_click=is_click,
            when=lambda moment, style="day", fixed=None: formats.when(
                moment, fixed or zone, style, is_fixed=fixed is not None
            ),
            **context,
        )

    def _frame(self, request: Request, viewer: Viewer | None) -> Frame:
        theme = request.cookies.get(THEME_COOKIE, "")
        return Frame(
            path=request.url.path,
            theme=theme if theme in _THEMES else None,
            navigation=[group for name in _GROUPS if (group := self._group(name, viewer))],
            bar=self._group("bar", viewer),
            account=self._group("account", viewer),
            stylesheets=self._stylesheets,
            modules=self._modules,
        )

    def _group(self, name: str, viewer: Viewer | None) -> list[NavigationEntry]:
        is_administrator = viewer is not None and viewer.caller.is_administrator
        return [
            entry
            for entry in self._entries
            if entry.group == name and (is_administrator or not entry.administrators_only)
        ]

    @property
    def home(self) -> str:
        """Where a person lands who asks for nothing in particular: the first page of the side rail, or of their own."""
        rail = [entry for entry in self._entries if entry.group in _GROUPS and not entry.administrators_only]
        own = [entry for entry in self._entries if entry.group == "account"]
        return next((entry.path for entry in [*rail, *own]), "/docs")

    def problem(self, scope: Scope, document: Mapping[str, Any]) -> Response | None:
        """A problem document as a page; who is not signed in is led to the sign-in page instead.

        A problem that names a page in `continue_at`, where what is missing can be done, leads there.

        None, which means JSON, for a script that asked for a piece of a page.
        """
        request = Request(scope)
        status = HTTPStatus(document["status"])
        if request.url.path.startswith("/s/") and "continue_at" not in document:
            return self._visitors_problem(request, status, document)
        if status == HTTPStatus.UNAUTHORIZED:
            return _to_page(request, SIGN_IN_PATH)
        if "continue_at" in document:
            return _to_page(request, document["continue_at"])
        if request.headers.get("hx-request") == "true" and request.headers.get("hx-target") != "main#main":
            return None
        headers = {"Cache-Control": "no-store"}
        return self.render(request, "problem.html", status=status, headers=headers, problem=document, home=self.home)

    def _visitors_problem(self, request: Request, status: HTTPStatus, document: Mapping[str, Any]) -> Response:
        """The same for who holds a link: it tells nothing of the installation, and leads back to the link at most."""
        token = request.url.path.split("/")[2]
        back = None if status == HTTPStatus.NOT_FOUND else f"/s/{token}"
        headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
        template = "visitors/problem.html"
        return self.render(request, template, status=status, headers=headers, problem=document, back=back)


def _to_page(request: Request, address: str) -> Response:
    is_click = request.headers.get("hx-request") == "true"
    if is_click:
        wanted = request.headers.get("hx-current-url", "")
    else:  # what was posted cannot be asked for again: back to the page that the form stood on
        wanted = str(request.url) if request.method == "GET" else request.headers.get("referer", "")
    path = "/" + wanted.split("/", 3)[3] if wanted.count("/") > 2 else ""  # noqa: PLR2004 - scheme://host/path
    if path.startswith("/app/") and not path.startswith(address):
        address += "?" + urlencode({"next": path})
    if is_click:  # htmx follows a redirect by itself and would put the other page into the frame
        return Response(headers={"HX-Redirect": address})
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, headers={"Cache-Control": "no-store"})


def render(
    request: Request,
    template: str,
    *,
    viewer: Viewer | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """Render a page with the installation's `Pages`; see `Pages.render`."""
    parts: Parts = request.app.state.parts
    return parts[Pages].render(request, template, viewer=viewer, status=status, headers=headers, **context)
