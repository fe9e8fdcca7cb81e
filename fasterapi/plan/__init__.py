"""From an app's routes to plans for the C core. The only importer of FastAPI's internals.

    plan = plan_app(app)
    server.set_routes(plan.core_entries(core))
    ...
    if not plan.is_current(app):      # plan again
        ...

The rule: be certain, or leave the route to FastAPI. `fingerprint` checks that FastAPI is the one
these plans were written for, `app` looks at the app, `route` at one route, and `params`, `body` and
`response` at its parts; `reasons` has the words for everything that is in the way.
"""

from fasterapi.plan.app import AppPlan, RouteVerdict, app_reasons, plan_app
from fasterapi.plan.hooks import core_hooks
from fasterapi.plan.order import Entry
from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.spec import (
    BodySpec,
    Conv,
    ParamSpec,
    PlanSpec,
    ResponseSpec,
    Source,
    make_core_plan,
)

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
    "make_core_plan",
    "plan_app",
    "reason",
]
