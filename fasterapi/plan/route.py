"""One path operation: a plan for each of its methods, or the reasons why there is none.

What is read is not the route's attributes but the variables of the request handler that FastAPI
has built from them: those are what FastAPI itself would use, even if somebody changed the
attributes afterwards. A handler or a route of any other make is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any, Final

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext
from starlette.routing import compile_path

from fasterapi.plan.body import plan_body
from fasterapi.plan.endpoint import can_suspend, endpoint_reasons, is_inline
from fasterapi.plan.fingerprint import HANDLER_CODE, REQUEST_RESPONSE_CODE
from fasterapi.plan.params import plan_params
from fasterapi.plan.pattern import METHODS, convertor_names, is_core_pattern
from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.response import (
    ResponseOptions,
    check_response_class,
    check_status,
    plan_response,
)
from fasterapi.plan.spec import PlanSpec

__all__ = ["MAX_INPUTS", "plan_route"]

#: Arguments the core passes to one endpoint at most.
MAX_INPUTS: Final = 31

#: Field of Dependant -> what the endpoint asks for with it.
_SPECIAL: Final = {
    "request_param_name": "Request",
    "websocket_param_name": "WebSocket",
    "http_connection_param_name": "HTTPConnection",
    "response_param_name": "Response to set headers on",
    "background_tasks_param_name": "BackgroundTasks",
    "security_scopes_param_name": "SecurityScopes",
}
#: What an instance may not have of its own: FastAPI would call it instead of the class's.
_OVERRIDES: Final = ("handle", "matches", "get_route_handler", "__call__")


def _variables(function: Any, code: CodeType | None) -> dict[str, Any] | None:
    """The closure of a function that was made from exactly this code, else None."""
    if type(function) is not FunctionType or code is None or function.__code__ is not code:
        return None
    try:
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # a variable that was never set
        return None
    return dict(zip(code.co_freevars, cells, strict=True))


def _handler_variables(app: Any) -> dict[str, Any] | None:
    """What FastAPI's request handler inside a route's ASGI app works with, else None."""
    outer = _variables(app, REQUEST_RESPONSE_CODE)
    return None if outer is None else _variables(outer.get("f"), HANDLER_CODE)


def _make_reasons(context: RouteContext) -> Iterator[Reason]:
    """What shows that the route is not as FastAPI makes it. `plan_route` has checked its class."""
    original = context.original_route
    for name in _OVERRIDES:
        if name in vars(original):
            yield reason("changed-route", what=f"it has a {name} of its own")
    path = context.path or ""
    regex, _, expected = compile_path(path)
    if getattr(context.path_regex, "pattern", None) != regex.pattern:
        yield reason("changed-route", what="its path does not fit its pattern")
    elif context.param_convertors.keys() != expected.keys():
        yield reason("changed-route", what="its path does not fit its converters")


def _path_reasons(context: RouteContext) -> Iterator[Reason]:
    path = context.path or ""
    if not is_core_pattern(path) or convertor_names(context.param_convertors) is None:
        yield reason("path-pattern", path=path)
    methods = context.methods
    if not methods:
        yield reason("any-method")
        return
    for name in sorted(methods - METHODS):
        yield reason("method", name=name)


def _endpoint_reasons(context: RouteContext, handler: Mapping[str, Any]) -> Iterator[Reason]:
    dependant: Dependant = handler["dependant"]
    call = dependant.call
    if call is None or call is not context.endpoint:
        yield reason("changed-route", what="another function is called than the endpoint")
        return
    yield from endpoint_reasons(call, handler["is_coroutine"])
    if handler["is_sse_stream"] or handler["is_json_stream"] or handler["stream_item_field"]:
        yield reason("generator")
    if dependant.dependencies or dependant.concurrency is not None:
        yield reason("dependencies")
    for name, what in _SPECIAL.items():
        if getattr(dependant, name) is not None:
            yield reason("special-parameter", what=what)


def _unique(reasons: list[Reason]) -> list[Reason]:
    return list(dict.fromkeys(reasons))


def plan_route(
    context: RouteContext, root_path: str = ""
) -> tuple[list[tuple[tuple[str, ...], PlanSpec]], list[Reason]]:
    """([(methods, plan), ...], []) for a route that compiles, ([], reasons) for any other.

    root_path: the server's, for error contexts only. There is more than one plan only for a typed
    route with several methods: FastAPI names the method when the answer is not valid. Any thread.
    """
    original = context.original_route
    if type(original) is not APIRoute:
        return [], [reason("custom-route-class", name=type(original).__name__)]
    app = context.app
    if context.max_body_size is not None:
        return [], [reason("max-body-size")]
    handler = _handler_variables(app)
    if handler is None:
        return [], [reason("changed-route", what="its app is not FastAPI's request handler")]
    reasons = [*_make_reasons(context), *_path_reasons(context)]
    reasons += _endpoint_reasons(context, handler)
    if reasons:
        return [], _unique(reasons)
    return _plan_parts(context, handler, root_path)


def _plan_parts(
    context: RouteContext, handler: Mapping[str, Any], root_path: str
) -> tuple[list[tuple[tuple[str, ...], PlanSpec]], list[Reason]]:
    """Inputs and answer of a route whose shape is known to be right."""
    dependant: Dependant = handler["dependant"]
    call = dependant.call
    assert call is not None
    path = context.path or ""
    params, reasons = plan_params(dependant, convertor_names(context.param_convertors) or {}, path)
    body = plan_body(
        dependant, handler["body_field"], handler["embed_body_fields"], handler["is_body_form"]
    )
    status = check_status(handler["status_code"])
    refused_class = check_response_class(handler["response_class"])
    reasons += [part for part in (body, status, refused_class) if isinstance(part, Reason)]
    inputs = len(params) + (body is not None)
    if inputs > MAX_INPUTS:
        reasons.append(reason("too-many-parameters", count=inputs, limit=MAX_INPUTS))
    methods = tuple(sorted(context.methods or ()))
    groups = [methods] if handler["response_field"] is None else [(name,) for name in methods]
    plans: list[tuple[tuple[str, ...], PlanSpec]] = []
    for group in groups:
        response = plan_response(
            handler["response_field"],
            handler["response_class"],
            _options(handler),
            call,
            _where(group[0], dependant, root_path),
        )
        if isinstance(response, Reason):
            reasons.append(response)
            break
        if reasons or isinstance(body, Reason) or isinstance(status, Reason):
            break
        is_async = bool(handler["is_coroutine"])
        plan = PlanSpec(
            handler=call,
            is_async=is_async,
            can_suspend=is_async and can_suspend(call),
            params=params,
            body=body,
            response=response,
            status_code=status,
            inline=not is_async and is_inline(call),
        )
        plans.append((group, plan))
    return ([], _unique(reasons)) if reasons else (plans, [])


def _options(handler: Mapping[str, Any]) -> ResponseOptions:
    return ResponseOptions(
        include=handler["response_model_include"],
        exclude=handler["response_model_exclude"],
        by_alias=handler["response_model_by_alias"],
        exclude_unset=handler["response_model_exclude_unset"],
        exclude_defaults=handler["response_model_exclude_defaults"],
        exclude_none=handler["response_model_exclude_none"],
    )


def _where(method: str, dependant: Dependant, root_path: str) -> str:
    """The "path" of FastAPI's endpoint context."""
    return f"{method} {root_path.rstrip('/')}{dependant.path}" if dependant.path else ""
