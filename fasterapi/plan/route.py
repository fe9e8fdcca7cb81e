"""One path operation: a plan for each of its methods, or the reasons why there is none.

What is read is not the route's attributes but the variables of the request handler that FastAPI
has built from them: those are what FastAPI itself would use, even if somebody changed the
attributes afterwards. A handler or a route of any other make is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import CodeType, FunctionType
from typing import Any, Final

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext
from starlette.routing import compile_path

from fasterapi.plan.body import plan_body
from fasterapi.plan.body_limit import without_limit
from fasterapi.plan.dependants import asks_for_request, flat_dependants, needs_tree
from fasterapi.plan.endpoint import can_suspend, is_inline, is_plain_endpoint, names
from fasterapi.plan.exchange import Found
from fasterapi.plan.fingerprint import HANDLER_CODE, REQUEST_RESPONSE_CODE
from fasterapi.plan.finish import make_finish
from fasterapi.plan.form import holds_files, plan_form
from fasterapi.plan.inner_tree import InnerWriter
from fasterapi.plan.params import plan_params
from fasterapi.plan.pattern import METHODS, convertor_names, is_core_pattern
from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.response import (
    ResponseOptions,
    is_json_class,
    plain_status,
    plan_response,
)
from fasterapi.plan.scope import FormLimits
from fasterapi.plan.spec import BodySpec, FormSpec, PlanSpec, ResponseSpec
from fasterapi.plan.streaming import StreamAnswer, make_stream
from fasterapi.plan.tree import Tree, make_tree

__all__ = ["MAX_INPUTS", "plan_route"]

#: Arguments the core passes to one endpoint at most.
MAX_INPUTS: Final = 31

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
    if dependant.websocket_param_name is not None:
        yield reason("special-parameter", what="WebSocket")
    for node in flat_dependants(dependant):
        if node.call is not None and asks_for_request(node) and names(node.call, "_send"):
            yield reason("request-send", name=getattr(node.call, "__name__", repr(node.call)))


def _unique(reasons: list[Reason]) -> list[Reason]:
    return list(dict.fromkeys(reasons))


def plan_route(
    context: RouteContext,
    root_path: str = "",
    limits: FormLimits | None = None,
    max_body: int | None = None,
) -> tuple[list[tuple[tuple[str, ...], PlanSpec]], list[Reason]]:
    """([(methods, plan), ...], []) for a route that compiles, ([], reasons) for any other.

    root_path: the server's, for error contexts only. limits: those that the app and its routers set
    for forms. max_body: FastAPI's limit, see `limit_of`. There is more than one plan only for a
    typed route with several methods: FastAPI names the method when the answer is not valid. Any
    thread.
    """
    original = context.original_route
    if type(original) is not APIRoute:
        return [], [reason("custom-route-class", name=type(original).__name__)]
    handler = _handler_variables(without_limit(context.app, context.max_body_size))
    if handler is None:
        return [], [reason("changed-route", what="its app is not FastAPI's request handler")]
    reasons = [*_make_reasons(context), *_path_reasons(context)]
    reasons += _endpoint_reasons(context, handler)
    if max_body is not None and any(map(asks_for_request, flat_dependants(handler["dependant"]))):
        reasons.append(reason("max-body-size"))
    if reasons:
        return [], _unique(reasons)
    if handler["is_body_form"] and limits is not None:
        handler["form_limits"] = limits.of(context, handler["form_limits"])
    found = Found(context, None if limits is None else limits.scope_of(context))
    plans, reasons = _plan_parts(context, handler, root_path, found)
    return [(names, replace(plan, max_body=max_body)) for names, plan in plans], reasons


def _plan_parts(
    context: RouteContext, handler: dict[str, Any], root_path: str, found: Found
) -> tuple[list[tuple[tuple[str, ...], PlanSpec]], list[Reason]]:
    """Inputs and answer of a route whose shape is known to be right."""
    field = handler["response_field"]
    stream = make_stream(handler, _options(handler))
    methods = tuple(sorted(context.methods or ()))
    is_typed = field is not None and stream is None
    groups = [(name,) for name in methods] if is_typed else [methods]
    plans: list[tuple[tuple[str, ...], PlanSpec]] = []
    for group in groups:
        where = _where(group[0], handler["dependant"], root_path)
        plan, reasons = _plan_group(context, handler, where, stream, found)
        if plan is None:
            return [], _unique(reasons)
        plans.append((group, plan))
    return plans, []


def _plan_group(
    context: RouteContext,
    handler: dict[str, Any],
    where: str,
    stream: StreamAnswer | None,
    found: Found,
) -> tuple[PlanSpec | None, list[Reason]]:
    """The plan of a route for one method, or for all if its answer is untyped."""
    dependant: Dependant = handler["dependant"]
    call = dependant.call
    assert call is not None
    convertors = convertor_names(context.param_convertors) or {}
    path = context.path or ""
    options = _options(handler)
    status = plain_status(handler["status_code"])
    response = None
    if stream is None:
        response = plan_response(
            handler["response_field"], handler["response_class"], options, call, where
        )
    nodes = flat_dependants(dependant)
    takers = [node for node in nodes if node.body_params]
    groups = [node.body_params for node in takers]
    body: BodySpec | FormSpec | Reason | None
    keep_form = False
    if handler["is_body_form"]:
        keep_form = holds_files(groups) or any(map(asks_for_request, nodes)) or stream is not None
        limits = handler["form_limits"] or {}
        embed, several = handler["embed_body_fields"], len(nodes) > 1
        body = plan_form(groups, embed, limits, keep_form, several)
        is_shared = True
    else:
        body, is_shared = plan_body(groups, handler["body_field"], handler["embed_body_fields"])
    # What the core does not write from the value itself is made into a Response first.
    always_finish = status is None or not is_json_class(handler["response_class"])
    reasons = [part for part in (response, body) if isinstance(part, Reason)]
    if stream is None and not always_finish and not is_shared and not needs_tree(dependant):
        is_async = bool(handler["is_coroutine"])
        if is_plain_endpoint(call, is_async):
            params, refused = plan_params(dependant, convertors, path)
            reasons += refused
            plan = PlanSpec(
                handler=call,
                is_async=is_async,
                can_suspend=is_async and can_suspend(call),
                params=params,
                inline=not is_async and is_inline(call),
            )
            return _completed(plan, body, response, status, reasons)
    provider = handler["dependency_overrides_provider"]
    make = partial(
        make_tree,
        dependant,
        convertors,
        path,
        bodies={id(node): at for at, node in enumerate(takers)} if is_shared else None,
        keep_form=keep_form,
        finish=make_finish(handler, options, call, where),
        always_finish=always_finish,
        provider=provider,
        found=found,
        stream=stream,
    )
    tree = make()
    if isinstance(tree, list):
        return None, [*reasons, *tree]
    if isinstance(body, BodySpec):
        body = replace(body, keyword="body")

    def inner(app: Any) -> PlanSpec | None:
        tree = make(make_writer=InnerWriter)
        if isinstance(tree, list) or (provider is not None and provider is not app):
            return None
        return _completed(_tree_plan(tree), body, response, answer_status, [])[0]

    answer_status = None if always_finish else status
    plan = replace(_tree_plan(tree), may_decline=True, stream=stream is not None, inner=inner)
    return _completed(plan, body, response, answer_status, reasons)


def _tree_plan(tree: Tree) -> PlanSpec:
    """What the core calls for a tree; body and answer are not in it yet."""
    return PlanSpec(
        handler=tree.call,
        is_async=tree.is_async,
        can_suspend=tree.can_suspend,
        params=tree.params,
        inline=tree.inline,
        exchange=tree.exchange,
    )


def _completed(
    plan: PlanSpec,
    body: BodySpec | FormSpec | Reason | None,
    response: ResponseSpec | Reason | None,
    status: int | None,
    reasons: list[Reason],
) -> tuple[PlanSpec | None, list[Reason]]:
    """The plan with body and answer, unless something stands in the way."""
    inputs = len(plan.params) + (body is not None)
    if inputs > MAX_INPUTS:
        reasons.append(reason("too-many-parameters", count=inputs, limit=MAX_INPUTS))
    if reasons or isinstance(body, Reason) or isinstance(response, Reason):
        return None, reasons
    plan = replace(plan, response=response, status_code=status or 200)
    if isinstance(body, FormSpec):
        return replace(plan, form=body), []
    return replace(plan, body=body), []


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
