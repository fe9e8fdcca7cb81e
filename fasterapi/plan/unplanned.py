"""What stands in for the plans where FastAPI has not the inside they are made for.

If a name is gone that the plans need, they cannot even be imported. Nothing of FastAPI but its
public attributes is used here: every route gets the reason, none is compiled, and FastAPI's own
code answers everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fasterapi._fastapi import FastAPI
from fasterapi.plan.reasons import Reason

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
    compiled: int = 0

    def is_current(self, app: FastAPI) -> bool:
        """Always: nothing of the app was looked at."""
        return True

    def core_entries(self, core: Any) -> list[Any]:
        """None: the core hands everything over."""
        return []


def plan_nothing(app: FastAPI, why: Reason) -> AppPlan:
    """A plan that compiles nothing, for that reason. Never raises."""
    verdicts = []
    for route in list(getattr(app, "routes", ())):
        path, methods = getattr(route, "path", ""), getattr(route, "methods", None)
        endpoint = getattr(route, "endpoint", None)
        verdicts.append(
            RouteVerdict(
                path=path if isinstance(path, str) else "",
                methods=tuple(sorted(methods or ())),
                name=str(getattr(route, "name", None) or ""),
                tier="fastapi",
                reasons=[why],
                must_compile=getattr(endpoint, "__fasterapi_must_compile__", False) is True,
            )
        )
    return AppPlan(verdicts, [why])
