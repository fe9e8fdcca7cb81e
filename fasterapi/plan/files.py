"""Files that the core sends by their path (ASGI's ``http.response.pathsend``), and all others.

With that extension a `FileResponse` names its file and the core sends it from the kernel. Whoever
stands between the two and looks at bodies (compression, say) would see none. So no scope offers it.
Only where everything in between is known, the object that sends the file, and nobody else, is
called with a scope that does. A file goes that way

* from a compiled route that returns a `FileResponse` itself, not one of a class made from it;
* from `StaticFiles` mounted in the app that is served, at a path that no route before it may match;

if the app's middleware is the one that the core knows, without GZip. All other files are read and
sent piece by piece, as on every server without the extension.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Final

import starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from fasterapi._fastapi import FastAPI
from fasterapi.plan.order import Entry, overlap
from fasterapi.plan.pattern import static_prefix
from fasterapi.stream import ASGIApp, Receive, Scope, Send

__all__ = ["BY_PATH", "ByPath", "by_path", "call_with_offer", "keeps_files", "static_paths"]

#: In a scope of the server's: the app that is mounted where the request goes is `StaticFiles`.
BY_PATH: Final = "fasterapi.by_path"
_OFFER: Final = "http.response.pathsend"

#: What stands between the call of such an object and the file's name.
_METHODS: Final[dict[type, tuple[str, ...]]] = {
    FileResponse: ("__call__", "_handle_simple"),
    StaticFiles: ("__call__", "get_response", "file_response"),
    Mount: ("handle",),
}


def _functions() -> Iterator[Any]:
    for owner, names in _METHODS.items():
        for name in names:
            yield vars(owner).get(name)


_SEEN: Final = tuple(_functions())
_HOME: Final = os.path.dirname(str(starlette.__file__)) + os.sep
_ARE_THEIRS: Final = all(
    str(getattr(getattr(one, "__code__", None), "co_filename", "")).startswith(_HOME)
    for one in _SEEN
)


def _is_plain(thing: Any, kind: type) -> bool:
    """Whether an object is of exactly this class, and neither of the two was patched."""
    return (
        type(thing) is kind
        and vars(thing).keys().isdisjoint(_METHODS[kind])
        and _ARE_THEIRS
        and all(one is other for one, other in zip(_functions(), _SEEN, strict=True))
    )


async def call_with_offer(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Call an ASGI app with a scope that offers the extension. It is a copy; what the app leaves in
    it is in the scope afterwards."""
    offered = {**scope, "extensions": {**scope.get("extensions", {}), _OFFER: {}}}
    try:
        await app(offered, receive, send)
    finally:
        del offered["extensions"]
        scope.update(offered)


class ByPath:
    """A `FileResponse` that may name its file."""

    __slots__ = ("response",)

    def __init__(self, response: Response) -> None:
        self.response = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await call_with_offer(self.response, scope, receive, send)


def by_path(response: Any) -> Any:
    """The same answer, sent by its path if it is a file's. Nothing unknown may stand around it."""
    return ByPath(response) if _is_plain(response, FileResponse) else response


def keeps_files(app: FastAPI) -> bool:
    """Whether the app's middleware, which the core knows, leaves the bodies of files alone."""
    gzip: Any = GZipMiddleware
    return all(one.cls is not gzip for one in app.user_middleware)


def _is_static(route: Any) -> bool:
    return (
        _is_plain(route, Mount)
        and route.app is route._base_app  # no middleware of the mount's own
        and _is_plain(route.app, StaticFiles)
    )


def static_paths(entries: Sequence[tuple[Entry, Any]]) -> tuple[str, ...]:
    """How the paths start that certainly go to mounted `StaticFiles`.

    entries: every entry of the app, in FastAPI's order, each with its route (None: of no matter).
    """
    found: list[str] = []
    for at, (entry, route) in enumerate(entries):
        path = entry.path
        if not _is_static(route) or not (entry.static_prefix == path == static_prefix(path)):
            continue
        below = Entry(path, (), None, path + "/", exact=False)
        if not any(overlap(below, before) for before, _ in entries[:at]):
            found.append(below.static_prefix)
    return tuple(found)
