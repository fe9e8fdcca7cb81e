"""What FastAPI's router leaves in ``scope["fastapi"]`` for each of its routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi.routing import (
    _FASTAPI_EFFECTIVE_ROUTE_CONTEXT_KEY,
    _FASTAPI_FORM_LIMITS_KEY,
    _FASTAPI_INCLUDED_ROUTER_KEY,
    RouteContext,
    _IncludedRouter,
)

from fasterapi._fastapi import FastAPI

__all__ = ["FormLimits", "RouterScopes"]

_Limits = Mapping[str, Any]
_NONE: Final[dict[str, Any]] = {}


def _inner(included: Any, limits: _Limits) -> Iterator[tuple[int, dict[str, Any]]]:
    """(id of the effective route, its part of the scope) of all routes below a router."""
    limits = {**limits, **(included.include_context.form_limits or _NONE)}
    for candidate in included.effective_candidates():
        if isinstance(candidate, _IncludedRouter):
            yield from _inner(candidate, limits)
            continue
        part = {
            _FASTAPI_INCLUDED_ROUTER_KEY: included,
            _FASTAPI_EFFECTIVE_ROUTE_CONTEXT_KEY: candidate,
        }
        if limits:
            part[_FASTAPI_FORM_LIMITS_KEY] = dict(limits)
        yield id(candidate), part


class RouterScopes:
    """``of(context)`` is what is added to ``scope["fastapi"]``, None if it is not even made.

    A router that is included leaves the dict behind when it is asked, also when a later route
    takes the request. It holds for the routes as they were when this was made.
    """

    def __init__(self, app: FastAPI) -> None:
        limits: _Limits = app.router.form_limits or _NONE
        self._direct: dict[int, dict[str, Any] | None] = {}
        self._included: dict[int, dict[str, Any]] = {}
        made = False
        for route in app.router.routes:
            if isinstance(route, _IncludedRouter):
                made = True
                try:
                    self._included.update(_inner(route, limits))
                except Exception:  # FastAPI cannot build it: no route from here on is planned
                    break
            elif id(route) not in self._direct:
                part = {_FASTAPI_FORM_LIMITS_KEY: dict(limits)} if limits else {}
                self._direct[id(route)] = part if made or limits else None

    def of(self, context: RouteContext) -> dict[str, Any] | None:
        """Raises KeyError for a route that the app has not."""
        effective = context._route_context
        if effective is None:
            return self._direct[id(context.route)]
        return self._included[id(effective)]


class FormLimits:
    """The limits of forms that an app and its routers set. Looked for once one is asked for."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._scopes: RouterScopes | None = None

    def scope_of(self, context: RouteContext) -> dict[str, Any] | None:
        """As `RouterScopes.of`."""
        if self._scopes is None:
            self._scopes = RouterScopes(self._app)
        return self._scopes.of(context)

    def of(self, context: RouteContext, own: _Limits | None) -> dict[str, Any]:
        """What holds for a route of the app, as FastAPI's handler finds it. own: the route's."""
        part = self.scope_of(context) or _NONE
        return {**part.get(_FASTAPI_FORM_LIMITS_KEY, _NONE), **(own or _NONE)}
