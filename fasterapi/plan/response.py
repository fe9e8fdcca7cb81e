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
from fasterapi.plan.schema import shape_of
from fasterapi.plan.spec import ResponseSpec

__all__ = ["ResponseOptions", "is_json_class", "plain_status", "plan_response", "validated"]


@dataclass(frozen=True, slots=True)
class ResponseOptions:
    """response_model_* of a route, as FastAPI passes them on to the serialiser."""

    include: Any
    exclude: Any
    by_alias: bool
    exclude_unset: bool
    exclude_defaults: bool
    exclude_none: bool

    def every(self) -> dict[str, Any]:
        """All of them by name, as ModelField.serialize takes them."""
        return {
            "include": self.include,
            "exclude": self.exclude,
            "by_alias": self.by_alias,
            "exclude_unset": self.exclude_unset,
            "exclude_defaults": self.exclude_defaults,
            "exclude_none": self.exclude_none,
        }

    def keywords(self) -> dict[str, Any]:
        """Only what differs from the serialiser's own defaults, and by_alias always."""
        return {
            name: value
            for name, value in self.every().items()
            if name == "by_alias" or (value is not None and value is not False)
        }


def is_json_class(response_class: Any) -> bool:
    """Whether answers are JSON for certain: FastAPI's default and JSONResponse itself."""
    if isinstance(response_class, DefaultPlaceholder):
        response_class = response_class.value
    return response_class is JSONResponse


def plain_status(status_code: Any) -> int | None:
    """The status of an answer with a body, None for any other; FastAPI takes 200 for None and 0."""
    if not status_code and status_code is not False:
        return 200
    if isinstance(status_code, bool) or not isinstance(status_code, int):
        return None
    if not is_body_allowed_for_status_code(status_code) or not 200 <= status_code <= 599:
        return None
    return int(status_code)


def _refused(errors: Any, value: Any, call: Callable[..., Any], where: str) -> Exception:
    context = EndpointContext(**_extract_endpoint_context(call))
    if where:
        context["path"] = where
    return ResponseValidationError(errors=errors, body=value, endpoint_ctx=context)


def validated(field: ModelField, call: Callable[..., Any], where: str, value: Any) -> Any:
    """The value as the response field has it. Raises ResponseValidationError as FastAPI does.

    where: "GET /path" for the error's context, or "" if FastAPI would not give any.
    """
    found, errors = field.validate(value, {}, loc=("response",))
    if errors:
        raise _refused(errors, value, call, where)
    return found


def _slow(field: ModelField, call: Callable[..., Any], where: str) -> Callable[[Any], bytes]:
    """The second look at a value the validator refused, through FastAPI's own field."""

    def slow(value: Any) -> bytes:
        """Raise ResponseValidationError as FastAPI does."""
        validated(field, call, where, value)
        # The first look used up an iterator in the value, or a validator changed its mind.
        message = "The value was refused, but not when it was looked at again"
        error = {"type": "value_error", "loc": ("response",), "msg": message, "input": value}
        raise _refused([error], value, call, where)

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
    by_default = direct and keywords.keys() == {"by_alias"}
    return ResponseSpec(
        validate_python=validator.validate_python,
        to_json=serializer.to_json if direct else _json_dump(field, keywords),
        kwargs=keywords if direct else {},
        slow=_slow(field, call, where),
        shape=shape_of(field._type_adapter.core_schema) if by_default else None,
    )
