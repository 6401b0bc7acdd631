"""`/ui`: the admin UI's files.

They are open to everybody and hold nothing of this installation; what they show comes from the admin API, which asks
for a session.  `ui/` is built into `control/static` when the package is built or installed.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.auth import Policy
from glowplug.control.contracts import UNPUBLISHED, promised
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.errors import NotFound

STATIC: Final = Path(__file__).parents[1] / "static"
INDEX: Final = "index.html"
_HASHED: Final = re.compile(r"assets/[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
"""What the build names after its content.  Nothing that leads out of the folder is of this form."""
_PLAIN: Final = ("favicon.svg",)
_ROUTE: Final = re.compile(r"(?:[a-z0-9-]+(?:/[^/.]+)*)?/?")
"""A page of the UI, which finds its own way from its address; a name with a dot is a file that is not there."""
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_FOREVER: Final = "public, max-age=31536000, immutable"
_UNBUILT: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Glowplug</title>
<h1>The admin UI is not built here</h1>
<p>Its packages could not be fetched when Glowplug was installed. Everything else works without it. To build it, in
the source tree, where the npm registry can be reached:</p>
<pre>make ui</pre>
<p>then load this page again; nothing has to be restarted. Until then: <code>glowplug --help</code>.</p>
</html>
"""


def routes(_services: Services) -> tuple[Endpoint, ...]:
    return page_routes(STATIC)


def page_routes(folder: Path) -> tuple[Endpoint, ...]:
    """The routes for what was built into `folder`, which is read anew for each request."""

    @promised(UNPUBLISHED)
    async def show(request: Request) -> Response:
        return await asyncio.to_thread(page, folder, request.path_params.get("path", ""))

    return (
        Endpoint("GET", "/ui", show, "the admin UI", Policy.PAGE),
        Endpoint("GET", "/ui/{path:path}", show, "the admin UI's files", Policy.PAGE),
    )


def page(folder: Path, path: str) -> Response:
    """The file of the UI at `path`, or the page for it.  Raises NotFound."""
    hashed = _HASHED.fullmatch(path) is not None
    if not hashed and path not in _PLAIN and _ROUTE.fullmatch(path) is None:
        raise _missing(path)
    name = path if hashed or path in _PLAIN else INDEX
    try:
        content = (folder / name).read_bytes()
    except OSError:
        if name == INDEX:
            return Response(_UNBUILT, 503, _HEADERS, _TYPES[".html"])
        raise _missing(path) from None
    headers = {**_HEADERS, "cache-control": _FOREVER} if hashed else _HEADERS
    return Response(content, 200, headers, _TYPES.get(Path(name).suffix, "application/octet-stream"))


def _missing(path: str) -> NotFound:
    return NotFound(f"the admin UI has no {path!r}", hint="load /ui/ anew; it may be of another version")
