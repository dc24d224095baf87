"""What makes the pages an app that a device installs: a manifest, a service worker, a page for when it is offline."""

from typing import Annotated, Final

import msgspec
from fastapi import Depends, Request
from starlette.responses import HTMLResponse, Response

from commonplace.platform.http.dependencies import part
from commonplace.platform.http.routing import Router
from commonplace.platform.pages.render import Pages, render

router = Router(include_in_schema=False)

OFFLINE_PATH: Final = "/app/offline"
_GROUND: Final = "#faf7f0"  # `--paper` of tokens.css, by day
_RAIL: Final = "#f3eee3"

ThePages = Annotated[Pages, Depends(part(Pages))]


@router.get("/manifest.webmanifest")
async def manifest(request: Request, pages: ThePages) -> Response:
    """How a device installs and shows Commonplace (W3C, Web Application Manifest)."""
    icons = [
        {"src": pages.assets.url(f"platform/icons/{name}.png"), "sizes": f"{size}x{size}", "type": "image/png"}
        | {"purpose": purpose}
        for name, size, purpose in (
            ("icon-192", 192, "any"),
            ("icon-512", 512, "any"),
            ("maskable-512", 512, "maskable"),
        )
    ]
    document = {
        "id": "/app",
        "name": "Commonplace",
        "short_name": "Commonplace",
        "description": "A cloud you own. It never loses a thing.",
        "start_url": "/app",
        "scope": "/app",
        "display": "standalone",
        "background_color": _GROUND,
        "theme_color": _RAIL,
        "icons": icons,
    }
    return _kept_until_changed(request, pages, msgspec.json.encode(document), "application/manifest+json")


@router.get("/sw.js")
async def service_worker(request: Request, pages: ThePages) -> Response:
    """The service worker. It names the digest of all static files: with any of them it is another one, and installs."""
    settings = {"digest": pages.assets.digest, "assets": pages.assets.urls(), "offline": OFFLINE_PATH}
    scripts = ", ".join(f'"{address}"' for address in pages.workers)
    content = f"const COMMONPLACE = {msgspec.json.encode(settings).decode()};\nimportScripts({scripts});\n"
    return _kept_until_changed(request, pages, content.encode(), "text/javascript; charset=utf-8")


@router.get(OFFLINE_PATH)
async def offline(request: Request) -> HTMLResponse:
    """What the service worker shows in the place of a page that it cannot reach and has not kept."""
    return render(request, "offline.html", headers={"Cache-Control": "no-cache"})


def _kept_until_changed(request: Request, pages: Pages, content: bytes, media_type: str) -> Response:
    etag = f'"{pages.assets.digest}"'
    headers = {"Cache-Control": "no-cache", "ETag": etag}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)
