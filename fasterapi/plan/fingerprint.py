"""Is FastAPI the one these plans were made for?

A plan repeats what FastAPI's own code does, so it is only right while that code is the tested one
and nobody has patched it. This module lists what the plans rely on: versions (`release`), names,
signatures, fields, and the functions themselves. Any difference is a reason why nothing may be
compiled; the app then runs on FastAPI's own code, whatever that is.

All functions here are pure reads and may run on any thread.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import fastapi
import fastapi.dependencies.utils
import fastapi.encoders
import fastapi.routing
import pydantic
import pydantic_core
import starlette
import starlette.applications
import starlette.datastructures
import starlette.formparsers
import starlette.middleware.errors
import starlette.middleware.exceptions
import starlette.requests
import starlette.responses
import starlette.routing
from fastapi._body_limit import AppBodyLimitMiddleware
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.middleware.body_limit import (
    RequestBodyLimitMiddleware,
    RequestBodyLimitResponder,
)

from fasterapi._fastapi import FastAPI
from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.release import version_reasons

__all__ = [
    "HANDLER_CODE",
    "NOT_AWAITED",
    "REQUEST_RESPONSE_CODE",
    "check_internals",
    "is_patched",
]

DEPENDANT_FIELDS = frozenset(
    "path_params query_params header_params cookie_params body_params dependencies name call "
    "request_param_name websocket_param_name http_connection_param_name response_param_name "
    "background_tasks_param_name security_scopes_param_name own_oauth_scopes "
    "parent_oauth_scopes use_cache path scope concurrency".split()
)
MODEL_FIELD_FIELDS = frozenset("field_info name mode config".split())
HANDLER_PARAMETERS = frozenset(
    "dependant body_field status_code response_class response_field response_model_include "
    "response_model_exclude response_model_by_alias response_model_exclude_unset "
    "response_model_exclude_defaults response_model_exclude_none dependency_overrides_provider "
    "embed_body_fields strict_content_type stream_item_field is_json_stream form_limits".split()
)


def _inner_code(function: Callable[..., Any]) -> CodeType | None:
    """The code of the nested function called ``app``, or None if there is none."""
    code = getattr(function, "__code__", None)
    for constant in getattr(code, "co_consts", ()):
        if isinstance(constant, CodeType) and constant.co_name == "app":
            return constant
    return None


#: The code that runs for each request to a path operation, and the ASGI app around it.
HANDLER_CODE: CodeType | None = _inner_code(fastapi.routing.get_request_handler)
REQUEST_RESPONSE_CODE: CodeType | None = _inner_code(fastapi.routing.request_response)


def _message(code: CodeType | None, start: str) -> str:
    """The text in a code object, or below it, that starts so; "" if there is none."""
    for constant in () if code is None else code.co_consts:
        if isinstance(constant, CodeType) and (found := _message(constant, start)):
            return found
        if isinstance(constant, str) and constant.startswith(start):
            return constant
    return ""


#: FastAPI's words for a dependency that swallowed an exception.
NOT_AWAITED: str = _message(REQUEST_RESPONSE_CODE, "Response not awaited")


def _watched() -> list[tuple[str, Any, str]]:
    """(dotted name, owner, attribute) of every function that a compiled request does not run but
    repeats."""
    routing, utils = fastapi.routing, fastapi.dependencies.utils
    owners: list[tuple[str, Any, str]] = [
        ("fastapi.routing", routing, "get_request_handler"),
        ("fastapi.routing", routing, "run_endpoint_function"),
        ("fastapi.routing", routing, "serialize_response"),
        ("fastapi.routing", routing, "request_response"),
        ("fastapi.routing", routing, "solve_dependencies"),
        ("fastapi.routing", routing, "run_in_threadpool"),
        ("fastapi.routing", routing, "jsonable_encoder"),
        ("fastapi.routing", routing, "_build_response_args"),
        ("fastapi.routing", routing, "_run_sync_endpoint"),
        ("fastapi.routing", routing, "_normalize_non_finite_floats"),
        ("fastapi.routing", routing, "format_sse_event"),
        ("fastapi.routing", routing, "iterate_in_threadpool"),
        ("fastapi.routing", routing, "wrap_app_handling_exceptions"),
        ("fastapi.dependencies.utils", utils, "_solve_generator"),
        ("fastapi.dependencies.utils", utils, "solve_dependencies"),
        ("fastapi.dependencies.utils", utils, "run_in_threadpool"),
        ("fastapi.dependencies.utils", utils, "get_dependant"),
        ("fastapi.dependencies.utils", utils, "request_params_to_args"),
        ("fastapi.dependencies.utils", utils, "request_body_to_args"),
        ("fastapi.dependencies.utils", utils, "_validate_value_with_model_field"),
        ("fastapi.dependencies.utils", utils, "_get_multidict_value"),
        ("fastapi.dependencies.utils", utils, "_get_param_aliases"),
        ("fastapi.dependencies.utils", utils, "_get_multidict_extras"),
        ("fastapi.dependencies.utils", utils, "_request_param_model_to_args"),
        ("fastapi.dependencies.utils", utils, "_extract_form_items"),
        ("fastapi.encoders", fastapi.encoders, "jsonable_encoder"),
        ("FastAPI", FastAPI, "__call__"),
        ("FastAPI", FastAPI, "build_middleware_stack"),
        ("Starlette", starlette.applications.Starlette, "__call__"),
        ("Router", starlette.routing.Router, "__call__"),
        ("Router", starlette.routing.Router, "not_found"),
        ("APIRouter", routing.APIRouter, "app"),
        ("APIRouter", routing.APIRouter, "handle"),
        ("APIRouter", routing.APIRouter, "matches"),
        ("APIRoute", routing.APIRoute, "handle"),
        ("APIRoute", routing.APIRoute, "matches"),
        ("APIRoute", routing.APIRoute, "get_route_handler"),
        ("Route", starlette.routing.Route, "handle"),
        ("Route", starlette.routing.Route, "matches"),
        ("ModelField", ModelField, "validate"),
        ("ModelField", ModelField, "serialize"),
        ("ModelField", ModelField, "serialize_json"),
        ("ModelField", ModelField, "get_default"),
        ("TypeAdapter", pydantic.TypeAdapter, "validate_python"),
        ("TypeAdapter", pydantic.TypeAdapter, "dump_json"),
        ("TypeAdapter", pydantic.TypeAdapter, "dump_python"),
        ("Request", starlette.requests.Request, "body"),
        ("Request", starlette.requests.Request, "json"),
        ("Request", starlette.requests.Request, "form"),
        ("FormParser", starlette.formparsers.FormParser, "parse"),
        ("FormData", starlette.datastructures.FormData, "close"),
        ("UploadFile", starlette.datastructures.UploadFile, "close"),
        ("Response", starlette.responses.Response, "__init__"),
        ("Response", starlette.responses.Response, "__call__"),
        ("Response", starlette.responses.Response, "init_headers"),
        ("JSONResponse", starlette.responses.JSONResponse, "render"),
        ("ServerErrorMiddleware", starlette.middleware.errors.ServerErrorMiddleware, "__call__"),
        (
            "ExceptionMiddleware",
            starlette.middleware.exceptions.ExceptionMiddleware,
            "__call__",
        ),
        ("AsyncExitStackMiddleware", AsyncExitStackMiddleware, "__call__"),
        ("AppBodyLimitMiddleware", AppBodyLimitMiddleware, "__call__"),
        ("RequestBodyLimitMiddleware", RequestBodyLimitMiddleware, "__call__"),
        ("RequestBodyLimitResponder", RequestBodyLimitResponder, "__call__"),
        ("RequestBodyLimitResponder", RequestBodyLimitResponder, "receive_with_limit"),
        ("RequestBodyLimitResponder", RequestBodyLimitResponder, "send_with_limit"),
        ("json", json, "loads"),
        ("json", json, "dumps"),
    ]
    return [(f"{owner_name}.{name}", owner, name) for owner_name, owner, name in owners]


_WATCHED = _watched()


def _functions() -> Iterator[tuple[str, Any]]:
    """(dotted name, function) of the watched ones, as they are now."""
    for dotted, owner, name in _WATCHED:
        yield dotted, getattr(owner, name, None)


_SEEN: dict[str, Any] = dict(_functions())
_HOMES = tuple(
    os.path.dirname(str(module.__file__)) + os.sep
    for module in (fastapi, starlette, pydantic, pydantic_core, json)
)


def _is_original(function: Any) -> bool:
    """Whether a function's code comes from the library itself, not from a wrapper around it."""
    code = getattr(function, "__code__", None)
    if code is None or hasattr(function, "__wrapped__"):
        return False
    return str(code.co_filename).startswith(_HOMES)


def _function_reasons() -> Iterator[Reason]:
    for name, function in _functions():
        if function is None:
            yield reason("internals", what=f"{name} is gone")
        elif function is not _SEEN[name] or not _is_original(function):
            module = getattr(function, "__module__", type(function).__module__)
            yield reason("patched", name=name, module=module)


def _same(names: Any, expected: frozenset[str], what: str) -> Iterator[Reason]:
    found = frozenset(names)
    for name in sorted(found ^ expected):
        verb = "has a new" if name in found else "lacks its"
        yield reason("internals", what=f"{what} {verb} field {name!r}")


def _shape_reasons() -> Iterator[Reason]:
    yield from _same((f.name for f in dataclasses.fields(Dependant)), DEPENDANT_FIELDS, "Dependant")
    yield from _same(
        (f.name for f in dataclasses.fields(ModelField)), MODEL_FIELD_FIELDS, "ModelField"
    )
    if _is_original(fastapi.routing.get_request_handler):  # else it is patched, which is told
        parameters = inspect.signature(fastapi.routing.get_request_handler).parameters
        yield from _same(parameters, HANDLER_PARAMETERS, "get_request_handler")
    if HANDLER_CODE is None or REQUEST_RESPONSE_CODE is None:
        yield reason("internals", what="the request handler is built in another way")
    if not hasattr(fastapi.routing, "iter_route_contexts"):
        yield reason("internals", what="fastapi.routing.iter_route_contexts is gone")


def is_patched() -> bool:
    """Whether a function was replaced since this module was imported. A few us."""
    # Asked many times a second: a plain loop costs a third of one over _functions().
    for dotted, owner, name in _WATCHED:  # noqa: SIM110
        if getattr(owner, name, None) is not _SEEN[dotted]:
            return True
    return False


def check_internals() -> list[Reason]:
    """Reasons why no route of any app may be compiled in this process; empty if all is as tested.

    Cheap enough (some 50 us) to be asked again whenever routes are planned. Never raises.
    """
    if sys.implementation.name != "cpython":
        return [reason("internals", what=f"this is {sys.implementation.name}, not CPython")]
    try:
        return [*version_reasons(), *_function_reasons(), *_shape_reasons()]
    except Exception as exc:  # an internal so different that even looking at it fails
        return [reason("internals", what=f"looking at it raises {type(exc).__name__}: {exc}")]
