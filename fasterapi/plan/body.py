"""From FastAPI's body field to the core's JSON body. Forms are another matter, see `form`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fastapi import params
from fastapi._compat import ModelField
from fastapi.dependencies.utils import request_body_to_args

from fasterapi.plan.params import validator_of
from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.schema import json_validator
from fasterapi.plan.scheme import run_now
from fasterapi.plan.spec import BodySpec

__all__ = ["plan_body"]


def plan_body(
    groups: Sequence[list[ModelField]], body_field: ModelField | None, embed: bool
) -> tuple[BodySpec | Reason | None, bool]:
    """(the body of a route or None if it takes none, whether several parameters share it).

    groups: the body parameters of each function that has some, the endpoint's last. body_field and
    embed are what FastAPI's handler works with. FastAPI takes a JSON body through
    ``json.loads`` and the field's validator; the core does the same, or both steps at once where
    that is proven to be equal. A shared body's argument is a tuple: for each group a dict by name.
    """
    fields = [field for group in groups for field in group]
    if not fields and body_field is None:
        return None, False
    field = fields[0]
    is_form = isinstance(field.field_info, params.Form)
    if embed or is_form or len(fields) != 1 or body_field is not field or field.config:
        return _shared(groups, embed), True
    validator = validator_of(field)
    if validator is None:
        return reason("deferred-schema", name=field.name), False
    body = BodySpec(
        keyword=field.name,
        validate_python=validator.validate_python,
        json_loads=json.loads,
        validate_json=json_validator(field._type_adapter.core_schema, validator),
    )
    return body, False


def _shared(groups: Sequence[list[ModelField]], embed: bool) -> BodySpec:
    """FastAPI's own code takes each group's values out of the decoded body."""

    def values_of(body: Any, *, from_attributes: bool) -> tuple[dict[str, Any], ...]:
        del from_attributes  # each field is validated as FastAPI does it
        found = []
        for fields in groups:
            values, errors = run_now(request_body_to_args(fields, body, embed))
            if errors:
                raise ValueError("FastAPI refuses the body")
            found.append(values)
        return tuple(found)

    return BodySpec("body", values_of, json.loads, None)
