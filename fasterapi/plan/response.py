"""From FastAPI's response field and options to the core's answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi._compat import ModelField
from fastapi.datastructures import DefaultPlaceholder
from fastapi.exceptions import EndpointContext, ResponseValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import _extract_endpoint_context
from fastapi.utils import is_body_allowed_for_status_code
from pydantic_core import SchemaSerializer

from fasterapi.plan.params import validator_of
from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.spec import ResponseSpec

__all__ = ["ResponseOptions", "check_response_class", "check_status", "plan_response"]


@dataclass(frozen=True, slots=True)
class ResponseOptions:
    """response_model_* of a route, as FastAPI passes them on to the serialiser."""

    include: Any
    exclude: Any
    by_alias: bool
    exclude_unset: bool
    exclude_defaults: bool
    exclude_none: bool

    def keywords(self) -> dict[str, Any]:
        """Only what differs from the serialiser's own defaults, and by_alias always."""
        every = {
            "include": self.include,
            "exclude": self.exclude,
            "exclude_unset": self.exclude_unset,
            "exclude_defaults": self.exclude_defaults,
            "exclude_none": self.exclude_none,
        }
        given = {
            name: value for name, value in every.items() if value is not None and value is not False
        }
        return {"by_alias": self.by_alias, **given}


def check_response_class(response_class: Any) -> Reason | None:
    """Only FastAPI's default and JSONResponse itself are JSON for certain."""
    actual = response_class
    if isinstance(response_class, DefaultPlaceholder):
        actual = response_class.value
    if actual is JSONResponse:
        return None
    return reason("response-class", name=getattr(actual, "__name__", repr(actual)))


def check_status(status_code: Any) -> int | Reason:
    """The status of an answer; FastAPI takes 200 for None and 0."""
    if not status_code and status_code is not False:
        return 200
    if isinstance(status_code, bool) or not isinstance(status_code, int):
        return reason("status-code", status=status_code)
    if not is_body_allowed_for_status_code(status_code):
        return reason("status-without-body", status=int(status_code))
    if not 200 <= status_code <= 599:
        return reason("status-code", status=status_code)
    return int(status_code)


def _slow(field: ModelField, call: Callable[..., Any], where: str) -> Callable[[Any], bytes]:
    """The second look at a value the validator refused, through FastAPI's own field.

    where: "GET /path" for the error's context, or "" if FastAPI would not give any.
    """

    def slow(value: Any) -> bytes:
        """Raise ResponseValidationError as FastAPI does."""
        _, errors = field.validate(value, {}, loc=("response",))
        if not errors:
            # The first look used up an iterator in the value, or a validator changed its mind.
            message = "The value was refused, but not when it was looked at again"
            errors = [{"type": "value_error", "loc": ("response",), "msg": message, "input": value}]
        context = EndpointContext(**_extract_endpoint_context(call))
        if where:
            context["path"] = where
        raise ResponseValidationError(errors=errors, body=value, endpoint_ctx=context)

    return slow


def _json_dump(field: ModelField, keywords: dict[str, Any]) -> Callable[..., bytes]:
    """What FastAPI does when JSONResponse was asked for by name: to plain objects, then json."""

    def dump(value: Any) -> bytes:
        return json.dumps(
            field.serialize(value, **keywords),
            ensure_ascii=False,
            allow_nan=False,
            indent=None,
            separators=(",", ":"),
        ).encode("utf-8")

    return dump


def plan_response(
    field: ModelField | None,
    response_class: Any,
    options: ResponseOptions,
    call: Callable[..., Any],
    where: str,
) -> ResponseSpec | Reason | None:
    """The typed answer of a route; None if it is untyped.

    Without an explicit class FastAPI serialises straight to JSON; with JSONResponse given by name
    it goes through Python objects, which differs in some values (floats, NaN).
    """
    if field is None:
        return None
    validator = validator_of(field)
    serializer = field._type_adapter.serializer
    if validator is None or type(serializer) is not SchemaSerializer or field.config:
        return reason("deferred-schema", name=field.name)
    keywords = options.keywords()
    direct = isinstance(response_class, DefaultPlaceholder)
    return ResponseSpec(
        validate_python=validator.validate_python,
        to_json=serializer.to_json if direct else _json_dump(field, keywords),
        kwargs=keywords if direct else {},
        slow=_slow(field, call, where),
    )
