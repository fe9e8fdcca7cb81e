"""What answers a request that no route of the app may match: FastAPI's 404, without its search.

FastAPI tries every route, then every route again with the last slash added or removed, before it
raises its 404. The core knows from the paths of all entries, compiled or not, when that search must
come to nothing. Where anything about the app's 404 is not FastAPI's own, such requests are handed
over as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Router

from fasterapi._fastapi import FastAPI
from fasterapi.plan.hooks import DefaultAnswers
from fasterapi.plan.order import Entry
from fasterapi.plan.spec import PlanSpec, make_core_plan

__all__ = ["MissPlan", "plan_miss"]


@dataclass(frozen=True, slots=True)
class MissPlan:
    """known: every path something may answer, whatever the method; a path outside of them gets
    `response`. slashes: a path that fits with its last slash toggled is redirected instead.
    """

    app: FastAPI
    known: tuple[Entry, ...]
    response: Response
    slashes: bool

    def core_miss(self, core: Any) -> tuple[Any, ...]:
        """The `miss` argument of the core's ``Server.set_routes``. core: the C module."""
        response, slashes, router = self.response, self.slashes, self.app.router
        default, holds = router.default, DefaultAnswers(self.app).holds

        def not_found() -> Any:
            if router.default is default and router.redirect_slashes == slashes and holds(404):
                return response
            return NotImplemented

        spec = PlanSpec(not_found, False, False, inline=True, may_decline=True)
        rows = [(entry.path, entry.static_prefix, entry.exact) for entry in self.known]
        return rows, make_core_plan(core, spec), self.slashes


def plan_miss(app: FastAPI, entries: Sequence[Entry], root_path: str) -> MissPlan | None:
    """The plan for misses, or None: hand over. entries: those of every route of the app."""
    router = app.router
    default = router.default
    plain = (
        getattr(default, "__func__", None) is Router.not_found
        and getattr(default, "__self__", None) is router
    )
    if root_path or not plain or any(True for _ in router._iter_low_priority_routes()):
        return None
    response = DefaultAnswers(app)(HTTPException(404))
    if response is None:
        return None
    return MissPlan(
        app,
        tuple(entries),
        response,
        bool(router.redirect_slashes),
    )
