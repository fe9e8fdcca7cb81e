"""A whole app: what each route becomes, and the entries for the core's router.

Entries keep FastAPI's order, because the first route that matches wins. A route that is not
compiled is an opaque entry: the core then hands over every request that might be for it, that is
every path that starts as its path does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fastapi._body_limit import AppBodyLimitMiddleware
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import (
    APIRoute,
    APIRouter,
    APIWebSocketRoute,
    RouteContext,
    _IncludedRouter,
    iter_route_contexts,
)
from fastapi.telemetry._asgi import ExceptionTelemetryMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Host, Mount, Route, WebSocketRoute

from fasterapi._fastapi import FastAPI, builds_stack
from fasterapi.plan.body_limit import limit_of, without_limit
from fasterapi.plan.files import keeps_files, static_paths
from fasterapi.plan.fingerprint import check_internals, is_patched
from fasterapi.plan.inner_end import is_inner_end
from fasterapi.plan.middleware import (
    GateSpec,
    foreign_middleware,
    is_middleware_patched,
    plan_middleware,
)
from fasterapi.plan.miss import MissPlan, plan_miss
from fasterapi.plan.order import Entry, arrange
from fasterapi.plan.pattern import convertor_names, is_core_pattern, static_prefix
from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.route import plan_route
from fasterapi.plan.scope import FormLimits, RouterScopes
from fasterapi.plan.spec import PlanSpec, make_core_plan
from fasterapi.plan.watch import Watch, watch_routes

__all__ = ["AppPlan", "Entry", "RouteVerdict", "app_reasons", "plan_app"]

_ROUTER_METHODS: Final = (
    "__call__", "app", "handle", "matches", "_match_low_priority", "_get_routes_version",
)  # fmt: skip
_INCLUDED_METHODS: Final = (
    "handle", "matches", "_match", "_handle_selected", "effective_candidates",
    "_build_effective_context",
)  # fmt: skip
_STACK: Final[tuple[type, ...]] = (
    ServerErrorMiddleware,
    ExceptionTelemetryMiddleware,
    AppBodyLimitMiddleware,
    ExceptionMiddleware,
    AsyncExitStackMiddleware,
)
_USERS_PLACE: Final = 3  # where in _STACK the app's own middleware comes
#: Reasons of the app that leave its routes to the inner end of its middleware stack, see `inner`.
_ROUND_IT: Final = frozenset({"middleware", "middleware-options", "root-path"})


@dataclass(slots=True)
class RouteVerdict:
    """What became of one route. tier: "compiled", "asgi" (at the inner end of the middleware stack)
    or "fastapi"; methods sorted, () for all."""

    path: str
    methods: tuple[str, ...]
    name: str
    tier: str
    reasons: list[Reason] = field(default_factory=list)
    #: The endpoint is marked with `fasterapi.must_compile`.
    must_compile: bool = False
    #: The app that a mount or a host leads to; it has routes of its own.
    mounted: Any = field(default=None, repr=False)
    mount: Any = field(default=None, repr=False)


@dataclass(slots=True)
class AppPlan:
    """The plan of an app at one moment. Made by `plan_app`.

    entries: in the core's order, see `order`; verdicts: one for each route, in FastAPI's order.
    reasons: why nothing of the app compiles; there are no entries then, so everything is handed
    over. state: see `is_current`. watch: of the routes; the core asks it for each request.
    miss: what answers paths that no route may match, see `miss`. gate: the app's
    middleware, None if it has none.
    inner: the entries for the inner end of the app's middleware stack, on whatever server.
    files: how the paths start where the core may send files itself, see `files`.
    """

    entries: list[Entry]
    verdicts: list[RouteVerdict]
    reasons: list[Reason]
    state: tuple[Any, ...] = field(repr=False)
    watch: Watch = field(repr=False)
    miss: MissPlan | None = None
    gate: GateSpec | None = None
    inner: list[Entry] = field(default_factory=list)
    files: tuple[str, ...] = ()

    def sends_file(self, path: str) -> bool:
        """Whether a request for this path certainly goes to mounted `StaticFiles`."""
        return path.startswith(self.files) and "\n" not in path and self.watch.is_current()

    @property
    def compiled(self) -> int:
        """Number of compiled routes."""
        return sum(verdict.tier == "compiled" for verdict in self.verdicts)

    def is_current(self, app: FastAPI) -> bool:
        """Whether the plan still fits: same routes, middleware, telemetry, no new patches.

        Takes some 20 us, more with many routes: ask now and then, not for each request. Any thread.
        """
        if not self.watch.is_current():
            return False
        old, new = self.state, _state(app)
        for before, after in zip(old[:3], new[:3], strict=True):
            if len(before) != len(after) or any(map(operator.is_not, before, after)):
                return False
        return bool(old[3:] == new[3:])

    def core_entries(self, core: Any) -> list[tuple[str, list[str], Any, str]]:
        """The argument of the core's ``Server.set_routes``.

        core: the C module. A plan that it does not take becomes opaque, with a reason in the
        route's verdict, instead of an error.
        """
        rows: list[tuple[str, list[str], Any, str]] = []
        for entry in self.entries:
            plan = self._core_plan(core, entry, entry.spec)
            rows.append((entry.path, list(entry.methods), plan, entry.static_prefix))
        return rows

    def inner_entries(
        self, core: Any, app: FastAPI, plan_for: Callable[[PlanSpec, FastAPI], PlanSpec | None]
    ) -> list[tuple[str, list[str], Any, str, Any]]:
        """The argument of the core's ``AsgiTable``. plan_for: the plan to run there, if any."""
        rows: list[tuple[str, list[str], Any, str, Any]] = []
        scopes = RouterScopes(app)
        for entry in self.inner:
            plan, target, context = None, None, entry.context
            if entry.spec is not None and (spec := plan_for(entry.spec, app)) is not None:
                # The app's own limit stands around the middleware, so only the route's is left.
                spec = replace(spec, max_body=context.max_body_size)
                plan = self._core_plan(core, entry, spec)
            if plan is not None:
                target = (context.original_route, context.endpoint, scopes.of(context))
            rows.append((entry.path, list(entry.methods), plan, entry.static_prefix, target))
        return rows

    def _core_plan(self, core: Any, entry: Entry, spec: PlanSpec | None) -> Any:
        if spec is None:
            return None
        try:
            return make_core_plan(core, spec)
        except (TypeError, ValueError) as exc:
            self._refuse(entry, exc)
            return None

    def _refuse(self, entry: Entry, exc: Exception) -> None:
        for verdict in self.verdicts:
            if verdict.path == entry.path and set(entry.methods) <= set(verdict.methods):
                verdict.tier = "fastapi"
                verdict.reasons.append(reason("core-refused", what=str(exc)))
                return


# -- the app ---------------------------------------------------------------------------------------


def _stack_difference(app: FastAPI) -> str | None:
    """What is different in a middleware stack that is already built; None if it is as expected."""
    layer: Any = app.middleware_stack
    if layer is None:
        return None
    users: list[Any] = [one.cls for one in app.user_middleware]
    for expected in (*_STACK[:_USERS_PLACE], *users, *_STACK[_USERS_PLACE:]):
        if type(layer) is not expected:
            return f"{type(layer).__name__} is where {expected.__name__} should be"
        layer = getattr(layer, "app", None)
        if expected is AppBodyLimitMiddleware:
            layer = without_limit(layer, app.max_body_size)
    return (
        None
        if layer is app.router or is_inner_end(layer, app)
        else "it does not end at the app's router"
    )


def _router_difference(router: Any) -> str | None:
    """Which part of an APIRouter was overridden, or None."""
    if not isinstance(router, APIRouter):
        return "everything: it is no APIRouter"
    if type(vars(router).get("routes")) is not list:
        return "its list of routes"
    for name in _ROUTER_METHODS:
        if name in vars(router) or getattr(type(router), name) is not getattr(APIRouter, name):
            return name
    stack = without_limit(router.middleware_stack, router.max_body_size)
    if getattr(stack, "__func__", None) is not APIRouter.app:
        return "its middleware"
    return None


def app_reasons(app: FastAPI) -> list[Reason]:
    """Why no route of the app may be compiled; empty if nothing stands in the way.

    Some of it can change while the app runs (telemetry, patches): see `AppPlan.is_current`.
    """
    reasons = check_internals()
    called = "__call__" not in vars(app) and type(app).__call__ is FastAPI.__call__
    for name, is_usual in (("__call__", called), ("build_middleware_stack", builds_stack(app))):
        if not is_usual:
            reasons.append(reason("custom-call", name=type(app).__name__, what=name))
    if app.debug:
        reasons.append(reason("debug"))
    if (refused := foreign_middleware(app)) is not None:
        reasons.append(refused)
    elif (what := _stack_difference(app)) is not None:
        reasons.append(reason("middleware-stack", what=what))
    else:
        reasons += plan_middleware(app)[1]
    if app.root_path:
        reasons.append(reason("root-path"))
    if (what := _router_difference(app.router)) is not None:
        reasons.append(reason("custom-router", name="of the app", what=what))
    if app._native_telemetry.enabled():
        reasons.append(reason("telemetry"))
    return reasons


def _state(app: FastAPI) -> tuple[Any, ...]:
    """What a plan depends on and may change while the app runs. It keeps the objects alive, so that
    comparing them by identity is safe. Changes inside included routers count as far as FastAPI
    itself notices them."""
    router = app.router
    return (
        tuple(router.routes),
        tuple(app.user_middleware),
        (app.middleware_stack,),
        router._get_routes_version(),
        app.debug,
        app.root_path,
        app.max_body_size,
        app._native_telemetry.enabled(),
        is_patched() or (bool(app.user_middleware) and is_middleware_patched()),
    )


# -- routes ----------------------------------------------------------------------------------------


def _included_reasons(included: Any) -> list[Reason]:
    """What keeps all routes of an included router out, looked for at every level below it."""
    for name in _INCLUDED_METHODS:
        if getattr(type(included), name) is not getattr(_IncludedRouter, name):
            return [reason("custom-router", name=type(included).__name__, what=name)]
        if name in vars(included):
            return [reason("custom-router", name="that is included", what=name)]
    router = included.original_router
    what = _router_difference(router)
    if what is not None and what != "its middleware":  # an included router's own is never run
        return [reason("custom-router", name=repr(router.prefix), what=what)]
    for route in router.routes:
        if isinstance(route, _IncludedRouter) and (found := _included_reasons(route)):
            return found
    return []


def _is_exact(context: RouteContext) -> bool:
    """Whether a route matches just what its path and methods say, and the core knows the pattern.

    Only for an HTTP route whose class matches as Starlette's or FastAPI's Route does.
    """
    path = context.path or ""
    return is_core_pattern(path) and convertor_names(context.param_convertors) is not None


def _foreign(context: RouteContext) -> tuple[Reason, Entry | None]:
    """(reason, opaque entry) of a route that is no path operation; no entry: never for HTTP."""
    route: Any = context.original_route
    kind = type(route)
    path, methods = context.path or "", tuple(sorted(context.methods or ()))
    unknown = Entry(path, methods, None, "", exact=False)
    if kind in (APIWebSocketRoute, WebSocketRoute):
        return reason("websocket"), None
    if kind is Mount:
        return reason("mount"), Entry(path, (), None, static_prefix(path), exact=False)
    if isinstance(route, APIRoute):
        why, base = reason("custom-route-class", name=kind.__name__), APIRoute.matches
    else:
        why, base = reason("foreign-route", name=kind.__name__), Route.matches
    if getattr(kind, "matches", None) is not base or "matches" in vars(route):
        return why, unknown
    return why, Entry(path, methods, None, static_prefix(path), exact=_is_exact(context))


def _plan_context(
    app: FastAPI,
    context: RouteContext,
    shared: list[Reason],
    trusted: bool,
    root_path: str,
    limits: FormLimits,
) -> tuple[RouteVerdict, list[Entry]]:
    """One route. shared: reasons from above it; trusted: whether its path can be relied on."""
    path = context.path or ""
    methods = tuple(sorted(context.methods or ()))
    verdict = RouteVerdict(path, methods, context.name or "", "fastapi", list(shared))
    verdict.must_compile = getattr(context.endpoint, "__fasterapi_must_compile__", False) is True
    route: Any = context.original_route
    if type(route) is Mount:
        verdict.mount = route
        verdict.mounted = route._base_app  # without what Starlette puts around it
    elif type(route) is Host:
        verdict.path, verdict.mounted = route.host, route.app
    entry: Entry | None = Entry(path, methods, None, "", exact=False)
    try:
        if type(context.original_route) is APIRoute:
            plans, reasons = plan_route(context, root_path, limits, limit_of(app, context))
            if not reasons and all(one.code in _ROUND_IT for one in shared):
                verdict.tier = "asgi" if shared else "compiled"
                return verdict, [
                    Entry(path, names, spec, static_prefix(path), context=context)
                    for names, spec in plans
                ]
            if all(one.code != "changed-route" for one in reasons):
                entry = Entry(path, methods, None, static_prefix(path), exact=_is_exact(context))
        else:
            why, entry = _foreign(context)
            reasons = [why]
    except Exception as exc:  # a route of a make nobody thought of must not stop the server
        reasons = [reason("plan-failed", what=f"{type(exc).__name__}: {exc}")]
    verdict.reasons += reasons
    if entry is not None and not trusted:
        entry = replace(entry, static_prefix="", exact=False)
    return verdict, [] if entry is None else [entry]


def _files_of(app: FastAPI, made: list[tuple[Entry, RouteVerdict]]) -> tuple[str, ...]:
    """Where the inner end of the app's own stack, which is built by now, calls `StaticFiles`."""
    layer: Any = app.middleware_stack
    while layer is not None and not is_inner_end(layer, app):
        layer = getattr(layer, "app", None)
    if layer is None or not keeps_files(app):
        return ()
    return static_paths([(entry, verdict.mount) for entry, verdict in made])


def _contexts_of(route: Any) -> tuple[list[RouteContext], Reason | None]:
    """The path operations of a route, up to one that FastAPI cannot build, and what it raises there
    (a name twice in the path of an included route, say)."""
    found: list[RouteContext] = []
    try:
        found.extend(iter_route_contexts([route]))
    except Exception as exc:
        return found, reason("unreadable-routes", what=f"{type(exc).__name__}: {exc}")
    return found, None


def plan_app(app: FastAPI, *, root_path: str = "") -> AppPlan:
    """Plan every route of an app.

    root_path: the server's, as it will be in the ASGI scope. Reading routes builds FastAPI's lazy
    tree of included routers, which may take a while (about 1 ms a route), so call it at start-up,
    after the app's lifespan has started (it may add routes or configure telemetry). Not for two
    threads at once.
    """
    watch = watch_routes(app.router)
    state = _state(app)
    above = app_reasons(app)
    limits = FormLimits(app)
    verdicts: list[RouteVerdict] = []
    made: list[tuple[Entry, RouteVerdict]] = []
    for route in app.router.routes:
        shared = list(above)
        if isinstance(route, _IncludedRouter):
            shared += _included_reasons(route)
        trusted = len(shared) == len(above)
        contexts, unreadable = _contexts_of(route)
        for context in contexts:
            verdict, entries = _plan_context(app, context, shared, trusted, root_path, limits)
            verdicts.append(verdict)
            made += [(entry, verdict) for entry in entries]
        if unreadable is not None:
            # What FastAPI raises here it raises again for each request that gets this far.
            above.append(unreadable)
            for verdict in verdicts:
                verdict.tier = "fastapi"
                verdict.reasons.append(unreadable)
            break
    if any(one.code not in _ROUND_IT for one in above):
        return AppPlan([], verdicts, above, state, watch)
    arranged, shadowed = arrange([entry for entry, _ in made])
    for entry, rival in shadowed:
        verdict = next(one for other, one in made if other is entry)
        if verdict.tier != "fastapi":
            verdict.tier = "fastapi"
            verdict.reasons.append(reason("shadowed", path=rival.path or "any path"))
    if above:
        return AppPlan([], verdicts, above, state, watch, inner=arranged)
    unlimited = app.max_body_size is None  # else a large body on a wrong path is a 413
    miss = plan_miss(app, [entry for entry, _ in made], root_path) if unlimited else None
    gate, _ = plan_middleware(app)
    files = _files_of(app, made)
    return AppPlan(arranged, verdicts, above, state, watch, miss, gate, arranged, files)
