"""Routes that change while a server runs: the next request sees them, as with FastAPI.

FastAPI reads an app's list of routes for each request, and the routes of included routers whenever
their count of changes says so. A `Watch` remembers both as they were when a plan was made:

* the lists that FastAPI reads are compared, object by object, before each use of a plan. So a list
  may be changed in place or replaced by another one, by whatever means;
* `APIRouter._mark_routes_changed` is where FastAPI counts; it tells the watches here too.

What a watch finds changed stays so: whoever made the plan makes another, with another watch.
"""

from __future__ import annotations

import functools
import threading
import weakref
from typing import Any

from fastapi.routing import APIRouter, _IncludedRouter

__all__ = ["Watch", "watch_routes"]

_lock = threading.Lock()
#: The watches that are in use. Replaced as a whole, so that any thread may read it.
_watches: tuple[weakref.ref[Watch], ...] = ()


class Watch:
    """The routes of a router, and of all it includes, at one moment. Any thread."""

    __slots__ = ("__weakref__", "_core", "_ids", "_lists", "_touched")

    def __init__(self) -> None:
        self._touched = False
        self._core: Any = None
        #: Of routers; None: they are still being looked for.
        self._ids: frozenset[int] | None = None
        #: (router, its list of routes, what that held); they keep the objects alive.
        self._lists: tuple[tuple[Any, list[Any], tuple[Any, ...]], ...] = ()

    def look(self, router: APIRouter) -> None:
        """Remember the routes of this router."""
        routers = _routers(router) if isinstance(router, APIRouter) else []
        self._lists = tuple(
            (one, one.routes, tuple(one.routes))
            for one in routers
            # FastAPI looks at the routers in a list, but not at the routes of one it includes.
            if (one is router or any(isinstance(route, _IncludedRouter) for route in one.routes))
            and type(vars(one).get("routes")) is list  # else nothing is planned
        )
        self._ids = frozenset(map(id, routers))

    def note(self, router: APIRouter) -> None:
        """A router's routes have changed."""
        if self._ids is None or id(router) in self._ids:
            self._touched = True
            if self._core is not None:
                self._core.touch()

    def is_current(self) -> bool:
        """Whether all is as it was."""
        return not self._touched and all(
            vars(router).get("routes") is routes
            and len(routes) == len(seen)
            and all(map(_is, routes, seen))
            for router, routes, seen in self._lists
        )

    def core_watch(self, core: Any) -> Any:
        """This as a ``RouteWatch`` of the core's, which is asked before each use of a plan."""
        if self._core is None:
            made = core.RouteWatch(
                *((vars(router), routes, seen) for router, routes, seen in self._lists)
            )
            self._core = made
            if self._touched:
                made.touch()
        return self._core


def _is(one: Any, other: Any) -> bool:
    return one is other


def _routers(router: APIRouter) -> list[APIRouter]:
    """A router and those it includes, at any depth, each once."""
    found = [router]
    seen = {id(router)}
    for one in found:  # grows meanwhile
        for route in one.routes:
            if isinstance(route, _IncludedRouter) and id(route.original_router) not in seen:
                seen.add(id(route.original_router))
                found.append(route.original_router)
    return found


def watch_routes(router: APIRouter) -> Watch:
    """A watch of the routes as they are now. Any thread."""
    global _watches
    watch = Watch()
    with _lock:
        _watches = (*(one for one in _watches if one() is not None), weakref.ref(watch))
    watch.look(router)  # what changes from here on is noted
    return watch


def _tell(count: Any) -> Any:
    @functools.wraps(count)
    def _mark_routes_changed(self: APIRouter) -> None:
        count(self)
        for one in _watches:
            watch = one()
            if watch is not None:
                watch.note(self)

    return _mark_routes_changed


APIRouter._mark_routes_changed = _tell(APIRouter._mark_routes_changed)  # type: ignore[method-assign]
