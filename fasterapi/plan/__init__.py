"""From an app's routes to plans for the C core. The only importer of FastAPI's internals.

    plan = plan_app(app)
    server.set_routes(plan.core_entries(core))
    ...
    if not plan.is_current(app):      # plan again
        ...

The rule: be certain, or leave the route to FastAPI. `fingerprint` checks that FastAPI is the one
these plans were written for, `app` looks at the app, `route` at one route, and `params`, `body` and
`response` at its parts; `reasons` has the words for everything that is in the way. Where a name is
gone that these modules need, `failure` is the reason, and `unplanned` stands in for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.release import version_reasons
from fasterapi.plan.spec import (
    BodySpec,
    Conv,
    ParamSpec,
    PlanSpec,
    ResponseSpec,
    Source,
    make_core_plan,
)
from fasterapi.plan.warn import warn_once

#: Why no plan can be made in this process, whatever the app; None if plans can be made.
failure: Reason | None = None


def _why(what: str) -> Reason:
    """The reason for what cannot be planned: the release, if it is not a tested one."""
    return next(version_reasons(), None) or reason("internals", what=what)


if TYPE_CHECKING:
    from fasterapi.plan.app import AppPlan, RouteVerdict, app_reasons, plan_app
    from fasterapi.plan.hooks import core_hooks
    from fasterapi.plan.order import Entry
else:
    from fasterapi.plan import unplanned

    try:
        from fasterapi.plan import app as _app
        from fasterapi.plan import exchange, inner, outcome  # noqa: F401  those imported later
        from fasterapi.plan.app import AppPlan, RouteVerdict, app_reasons
        from fasterapi.plan.hooks import core_hooks
        from fasterapi.plan.order import Entry
    except Exception as exc:  # a name that is gone, a class that is none, and what else may change
        failure = _why(f"{type(exc).__name__}: {exc}")
        AppPlan, RouteVerdict, Entry = unplanned.AppPlan, unplanned.RouteVerdict, Any

        def app_reasons(app: Any) -> list[Reason]:
            return [failure]

        def core_hooks(app: Any) -> Any:
            raise RuntimeError("there are no plans, so the core needs no hooks")

    def plan_app(app: Any, *, root_path: str = "") -> Any:
        """`fasterapi.plan.app.plan_app`, but a plan that compiles nothing instead of an error."""
        if failure is not None:
            return unplanned.plan_nothing(app, failure)
        try:
            return _app.plan_app(app, root_path=root_path)
        except Exception as exc:
            why = _why(f"planning raises {type(exc).__name__}: {exc}")
            return unplanned.plan_nothing(app, why)


__all__ = [
    "AppPlan",
    "BodySpec",
    "Conv",
    "Entry",
    "ParamSpec",
    "PlanSpec",
    "Reason",
    "ResponseSpec",
    "RouteVerdict",
    "Source",
    "app_reasons",
    "core_hooks",
    "failure",
    "make_core_plan",
    "plan_app",
    "reason",
    "warn_once",
]
