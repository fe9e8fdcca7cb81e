"""What a compiled handler raised or returned, answered by FastAPI's own code.

A plan that has called the user's handler may not call it again. So an exception (custom handlers,
`HTTPException`, a 500 with its traceback) or a `Response` object is replayed at the inner end of a
middleware stack that the app itself has built, in the place where its router would be. The calls of
an endpoint that streams are made there in the first place.
"""

from __future__ import annotations

import contextlib
import copy
from typing import Any, Final

from fastapi.routing import APIRoute, RouteContext, iter_route_contexts, request_response
from starlette.requests import Request
from starlette.responses import Response

from fasterapi import _native
from fasterapi._fastapi import FastAPI
from fasterapi.plan.around import Rest, strong
from fasterapi.plan.exchange import Door, StreamCall, reads_form
from fasterapi.plan.files import by_path, keeps_files
from fasterapi.plan.form import restore_form
from fasterapi.plan.hooks import handlers_in
from fasterapi.plan.inner_end import is_inner_end
from fasterapi.plan.scope import RouterScopes
from fasterapi.plan.watch import watch_routes
from fasterapi.stream import Receive, Scope, Send

__all__ = ["OutcomeApp"]

#: In the scope: whether FastAPI has read a form before it calls the endpoint.
_READS_FORM: Final = "fasterapi.reads_form"


async def _replay(request: Request) -> Response:
    raised, value = request.scope.pop("fasterapi.outcome")
    has_form = request.scope.pop(_READS_FORM, False)
    if has_form and (raised or (type(value) is Rest and value.raised is not None)):
        await restore_form(request)
    if raised:
        raise value
    if type(value) is StreamCall or type(value) is Rest:
        return await value.run(request)
    if type(value) is Door and value.delivery is not None:
        value.delivery.request_send = request._send
    response: Response = value
    return response


_END: Final = request_response(_replay)


class _WithEnd:
    """The app as `FastAPI.build_middleware_stack` sees it: with another router."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.router = _END

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)


def _with_end(layer: Any, app: FastAPI) -> Any:
    """A copy of a built middleware stack with our end instead of the app's router. The objects of
    its parts (exception handlers, options) are shared. AttributeError: it does not lead there."""
    if layer is app.router or is_inner_end(layer, app):
        return _END
    made = copy.copy(layer)
    made.app = _with_end(layer.app, app)
    return made


class OutcomeApp:
    """ASGI app for scopes with ``fasterapi.outcome``: (True, exception), (False, response),
    (False, `StreamCall`) or (False, `Rest`).

    Its stack is the app's own, once that is built. Make it, and call it, on the loop thread.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._routes: list[tuple[Any, Any, Any, Any]] = []
        self._scopes: RouterScopes | None = None
        self._watch: Any = None  # of the core's
        self._watching: Any = None  # what keeps it informed
        #: What was found for a path without parameters; as many as there are such routes at most.
        self._fixed: dict[tuple[str, str], Any] = {}
        self._built: Any = None
        self._handlers: tuple[Any, Any] = ({}, {})
        # Nothing compiles behind an app's own middleware, and making that twice can be noticed.
        self.stack: Any = None
        if app.middleware_stack is not None or not app.user_middleware:
            self._build_stack()

    def sendable(self, answer: Any) -> Any:
        """An answer that sends itself in here: a file by its path, if no middleware looks at it."""
        made = by_path(answer)
        return made if made is answer or keeps_files(self.app) else answer

    def handlers(self) -> tuple[Any, Any]:
        """What a scope has as ``starlette.exception_handlers``. Any thread."""
        if self.app.middleware_stack is not self._built or self.stack is None:
            self._build_stack()
        return self._handlers

    def _build_stack(self) -> Any:
        app, built = self.app, self.app.middleware_stack
        stack: Any = None
        if built is not None:
            with contextlib.suppress(AttributeError):
                stack = _with_end(built, app)
        if stack is None:
            stack = FastAPI.build_middleware_stack(_WithEnd(app))  # type: ignore[arg-type]
        self._handlers = handlers_in(stack) or ({}, {})
        self.stack, self._built = stack, built
        return stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request whose handler has run. Raises what FastAPI would raise."""
        app = self.app
        around = strong(scope.pop("fasterapi.around", None))
        if around is not None:
            around.receiver.follow(receive)
        if app.root_path:
            scope["root_path"] = app.root_path
        scope["app"] = app
        scope["router"] = app.router
        raised, value = scope["fasterapi.outcome"]
        if not raised:
            scope["fasterapi.outcome"] = (False, self.sendable(value))
        if around is not None and around.reads_form:
            scope[_READS_FORM] = True
        if type(value) is StreamCall:
            value.found.add(scope)
        elif "route" not in scope:  # else it is complete, and may have been changed
            self._add_route(scope)
        self.handlers()
        await self.stack(scope, receive, send)

    def _look_at_routes(self) -> None:
        watch = watch_routes(self.app.router)
        self._fixed = {}
        self._routes = [
            (context.path_regex, context.methods, context.param_convertors, context)
            for context in iter_route_contexts(self.app.router.routes)
            if isinstance(context.original_route, APIRoute)
        ]
        self._scopes = RouterScopes(self.app)
        self._watch = watch.core_watch(_native.core)
        self._watching = watch

    def _add_route(self, scope: Scope) -> None:
        """Add ``route``, ``endpoint`` and converted ``path_params``, as FastAPI's router does."""
        if self._watch is None or not self._watch.is_current():
            self._look_at_routes()
        path = scope["path"].removeprefix(scope["root_path"])
        method = scope["method"]
        known = self._fixed.get((method, path))
        if known is not None:
            scope["path_params"] = {}
            self._add_context(scope, known)
            return
        for regex, methods, convertors, context in self._routes:
            if methods is not None and method not in methods:
                continue
            found = regex.match(path)
            if found is None:
                continue
            scope["path_params"] = {
                name: convertors[name].convert(value) for name, value in found.groupdict().items()
            }
            self._add_context(scope, context)
            if not convertors:
                self._fixed[method, path] = context
            return

    def _add_context(self, scope: Scope, context: RouteContext) -> None:
        scope["route"] = context.original_route
        scope["endpoint"] = context.endpoint
        assert self._scopes is not None
        part = self._scopes.of(context)
        if part is not None:
            scope["fastapi"] = part.copy()
        if reads_form(context):
            scope[_READS_FORM] = True
