"""A made-up request for a route, for those who want to measure it.

Values come from the JSON schema of each parameter that is required: its first example, its default,
or the simplest value that the schema allows. They are right in form only; whether the app knows an
item of that number is another question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import params
from fastapi._compat import ModelField
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import BaseModel

from fasterapi._fastapi import FastAPI
from fasterapi.plan.dependants import flat_dependants

__all__ = ["NoSampleError", "Sample", "make_value", "sample_requests"]

#: Format of a string in a JSON schema -> a value.
_FORMATS: Final = {
    "date": "2026-01-02",
    "date-time": "2026-01-02T03:04:05Z",
    "duration": "PT1S",
    "email": "user@example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "03:04:05",
    "uri": "https://example.com/",
    "uuid": "8f0c0a56-5d5e-4f9c-9a47-3f6d1e0b7a11",
}
#: Deeper than this a schema goes round in circles.
_MAX_DEPTH: Final = 20


class NoSampleError(ValueError):
    """No request can be made up; the text says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A request for one method of one route, or why there is none (the rest is empty then)."""

    path: str
    method: str
    target: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    problem: str = ""


def sample_requests(app: FastAPI) -> list[Sample]:
    """A sample for the first method of each path operation of an app, in FastAPI's order."""
    samples = []
    for context in iter_route_contexts(app.router.routes):
        if isinstance(context.original_route, APIRoute) and context.methods:
            # Of several methods the one that is least likely to change anything.
            methods = sorted(context.methods, key=lambda name: (name != "GET", name))
            try:
                samples.append(_sample(context, methods[0]))
            except NoSampleError as exc:
                samples.append(Sample(context.path or "", methods[0], problem=str(exc)))
    return samples


def _sample(context: RouteContext, method: str) -> Sample:
    target = context.path_format or ""
    query: list[tuple[str, str]] = []
    headers: list[tuple[str, str]] = []
    cookies: list[str] = []
    for node in flat_dependants(context.dependant):
        for field in node.path_params:
            value = quote(_text(field), safe="")
            target = target.replace("{" + field.alias + "}", value)
        query += [(field.alias, _text(field)) for field in _required(node.query_params)]
        headers += [(field.alias, _text(field)) for field in _required(node.header_params)]
        cookies += [f"{field.alias}={_text(field)}" for field in _required(node.cookie_params)]
    if "{" in target:
        raise NoSampleError("its path has a parameter that no function takes")
    if cookies:
        headers.append(("cookie", "; ".join(cookies)))
    if query:
        target += "?" + urlencode(dict(query))
    body = _body(context)
    return Sample(context.path or "", method, target, tuple(dict(headers).items()), body)


def _required(fields: list[ModelField]) -> list[ModelField]:
    return [field for field in fields if field.field_info.is_required()]


def _text(field: ModelField) -> str:
    """The value of a parameter as it is in the request."""
    kind = field.field_info.annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        raise NoSampleError(f"parameter {field.name!r} is a model of several inputs")
    value = _value(field)
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, type(None))):
        raise NoSampleError(f"no text can be made up for parameter {field.name!r}")
    return str(value)


def _body(context: RouteContext) -> bytes:
    field = context.body_field
    if field is None or not field.field_info.is_required():
        return b""
    if isinstance(field.field_info, params.Form):
        raise NoSampleError("its body is a form")
    return json.dumps(_value(field)).encode()


def _value(field: ModelField) -> Any:
    try:
        schema = field._type_adapter.json_schema(by_alias=True)
    except Exception as exc:  # Pydantic has no schema for some types
        raise NoSampleError(f"{field.name!r} has no JSON schema: {type(exc).__name__}") from None
    try:
        return make_value(schema, schema.get("$defs", {}))
    except NoSampleError as exc:
        raise NoSampleError(f"no value can be made up for {field.name!r}: {exc}") from None


# -- values from JSON schemas ----------------------------------------------------------------------


def make_value(schema: Mapping[str, Any], defs: Mapping[str, Any], depth: int = 0) -> Any:
    """The simplest value that a JSON schema of Pydantic's allows. Raises NoSampleError."""
    if depth > _MAX_DEPTH:
        raise NoSampleError("its schema goes round in circles")
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("default", "const"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return make_value(defs.get(name, {}), defs, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return _first(schema[key], defs, depth)
    kind = schema.get("type")
    if kind == "object":
        wanted = schema.get("properties", {})
        names = schema.get("required", ())
        return {name: make_value(wanted.get(name, {}), defs, depth + 1) for name in names}
    if kind == "array":
        items = schema.get("prefixItems")
        if items is None:
            # An empty list as a parameter would be no parameter at all.
            items = [schema.get("items", {})] * max(int(schema.get("minItems", 0)), depth == 0)
        return [make_value(item, defs, depth + 1) for item in items]
    if kind in ("integer", "number"):
        return _number(schema)
    if kind == "string":
        return _string(schema)
    if kind == "boolean":
        return True
    if kind == "null" or not schema.keys() - {"title", "description"}:
        return None
    raise NoSampleError(f"schema {json.dumps(dict(schema))[:80]}")


def _first(options: list[Mapping[str, Any]], defs: Mapping[str, Any], depth: int) -> Any:
    """The value of the first option that has one; null only if there is no other."""
    failure = NoSampleError("an empty choice")
    for option in sorted(options, key=lambda one: one.get("type") == "null"):
        try:
            return make_value(option, defs, depth + 1)
        except NoSampleError as exc:
            failure = exc
    raise failure


def _number(schema: Mapping[str, Any]) -> int | float:
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum")
    if low is None and "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"] + step
    high = schema.get("maximum")
    if high is None and "exclusiveMaximum" in schema:
        high = schema["exclusiveMaximum"] - step
    number: int | float = step
    if low is not None and number < low:
        number = low if low % step == 0 else (low // step + 1) * step
    if high is not None and number > high:
        number = high // step * step
    if low is not None and number < low:
        number = (low + high) / 2 if schema.get("type") == "number" and high else number
    return number


def _string(schema: Mapping[str, Any]) -> str:
    form = schema.get("format")
    if form in _FORMATS:
        return _FORMATS[form]
    text = "x" * max(int(schema.get("minLength", 1)), 1)
    pattern = schema.get("pattern")
    if pattern is not None and not re.search(pattern, text):
        raise NoSampleError(f"it must match {pattern}")
    return text
