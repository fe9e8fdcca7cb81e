"""What stands in for the plans where FastAPI has not the inside they are made for.

If a name is gone that the plans need, they cannot even be imported. Nothing of FastAPI but its
public attributes is used here: every route gets the reason, none is compiled, and FastAPI's own
code answers everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fasterapi._fastapi import FastAPI
from fasterapi.plan.reasons import Reason, reason

__all__ = ["AppPlan", "RouteVerdict", "plan_nothing"]


@dataclass(slots=True)
class RouteVerdict:
    """As in `fasterapi.plan.app`; the tier is always "fastapi"."""

    path: str
    methods: tuple[str, ...]
    name: str
    tier: str
    reasons: list[Reason] = field(default_factory=list)
    must_compile: bool = False
    mounted: Any = None


@dataclass(slots=True)
class AppPlan:
    """As in `fasterapi.plan.app`, without any entries."""

    verdicts: list[RouteVerdict]
    reasons: list[Reason]
    entries: list[Any] = field(default_factory=list)
    miss: None = None
    gate: None = None
    watch: None = None
    files: tuple[str, ...] = ()
    compiled: int = 0

    def sends_file(self, path: str) -> bool:
        """Never."""
        return False

    def is_current(self, app: FastAPI) -> bool:
        """Always: nothing of the app was looked at."""
        return True

    def core_entries(self, core: Any) -> list[Any]:
        """None: the core hands everything over."""
        return []


def _routes(app: FastAPI) -> list[Any]:
    """The app's routes, those of included routers among them where FastAPI keeps them apart."""
    routes = list(getattr(app, "routes", ()))
    try:
        from fastapi.routing import iter_route_contexts

        return list(iter_route_contexts(routes))
    except Exception:  # an older one, in which they are the app's own; or a router it cannot build
        return routes


def _no_endpoint(route: Any) -> list[Reason]:
    """The reason that a docs page has with every FastAPI."""
    kind = type(getattr(route, "original_route", route))
    is_starlettes = kind.__module__ == "starlette.routing" and kind.__name__ == "Route"
    return [reason("foreign-route", name=kind.__name__)] if is_starlettes else []


def plan_nothing(app: FastAPI, why: Reason) -> AppPlan:
    """A plan that compiles nothing, for that reason. Never raises."""
    verdicts = []
    for route in _routes(app):
        path, methods = getattr(route, "path", ""), getattr(route, "methods", None)
        endpoint = getattr(route, "endpoint", None)
        verdicts.append(
            RouteVerdict(
                path=path if isinstance(path, str) else "",
                methods=tuple(sorted(methods or ())),
                name=str(getattr(route, "name", None) or ""),
                tier="fastapi",
                reasons=[why, *_no_endpoint(route)],
                must_compile=getattr(endpoint, "__fasterapi_must_compile__", False) is True,
            )
        )
    return AppPlan(verdicts, [why])
