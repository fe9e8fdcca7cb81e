"""What a compiled handler raised or returned, answered by FastAPI's own code.

A plan that has called the user's handler may not call it again. So an exception (custom handlers,
`HTTPException`, a 500 with its traceback) or a `Response` object is replayed at the inner end of a
middleware stack that the app itself has built, in the place where its router would be. The calls of
an endpoint that streams are made there in the first place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from fastapi import params
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts, request_response
from starlette.requests import Request
from starlette.responses import Response

from fasterapi._fastapi import FastAPI
from fasterapi.plan.exchange import StreamCall
from fasterapi.plan.files import by_path, keeps_files
from fasterapi.plan.form import restore_form

__all__ = ["OutcomeApp"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


#: In the scope: whether FastAPI has read a form before it calls the endpoint.
_READS_FORM: Final = "fasterapi.reads_form"


async def _replay(request: Request) -> Response:
    raised, value = request.scope.pop("fasterapi.outcome")
    if raised:
        if request.scope.pop(_READS_FORM, False):
            await restore_form(request)
        raise value
    if type(value) is StreamCall:
        return await value.run(request)
    response: Response = value
    return response


class OutcomeApp:
    """ASGI app for scopes with ``fasterapi.outcome``: (True, exception), (False, response) or
    (False, `StreamCall`).

    Make it before requests are served (it borrows the app's ``router`` attribute for a moment);
    call it on the loop thread.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self._routes: list[tuple[Any, Any, Any, Any]] = []
        self._routes_seen: tuple[int, int] | None = None
        #: What was found for a path without parameters; as many as there are such routes at most.
        self._fixed: dict[tuple[str, str], Any] = {}
        # Nothing compiles behind an app's own middleware, and making that twice can be noticed.
        self.stack: Any = None if app.user_middleware else self._build_stack()

    def keeps_files(self) -> bool:
        """Whether what stands around an answer here leaves the body of a file alone."""
        return keeps_files(self.app)

    def _build_stack(self) -> Any:
        app, router = self.app, self.app.router
        app.router = request_response(_replay)  # type: ignore[assignment]
        try:
            return app.build_middleware_stack()
        finally:
            app.router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request whose handler has run. Raises what FastAPI would raise."""
        app = self.app
        receiver = scope.get("fasterapi.receiver")
        if receiver is not None and (receiver := receiver()) is not None:
            receiver.follow(receive)
        if app.root_path:
            scope["root_path"] = app.root_path
        scope["app"] = app
        scope["router"] = app.router
        raised, value = scope["fasterapi.outcome"]
        if not raised and self.keeps_files():
            scope["fasterapi.outcome"] = (False, by_path(value))
        if type(value) is StreamCall:
            value.found.add(scope)
        else:
            self._add_route(scope)
        if self.stack is None:
            self.stack = self._build_stack()
        await self.stack(scope, receive, send)

    def _add_route(self, scope: Scope) -> None:
        """Add ``route``, ``endpoint`` and converted ``path_params``, as FastAPI's router does."""
        routes = self.app.router.routes
        seen = (id(routes), len(routes))
        if seen != self._routes_seen:
            self._routes_seen = seen
            self._fixed = {}
            self._routes = [
                (context.path_regex, context.methods, context.param_convertors, context)
                for context in iter_route_contexts(routes)
                if isinstance(context.original_route, APIRoute)
            ]
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
        body = context.body_field
        if body is not None and isinstance(body.field_info, params.Form):
            scope[_READS_FORM] = True
