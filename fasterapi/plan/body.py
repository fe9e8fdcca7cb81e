"""From FastAPI's body field to the core's JSON body."""

from __future__ import annotations

import json
from typing import Any

from fastapi import params
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant

from fasterapi.plan.params import validator_of
from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.schema import json_validator
from fasterapi.plan.spec import BodySpec

__all__ = ["plan_body"]


def plan_body(
    dependant: Dependant, body_field: ModelField | None, embed: bool, is_form: Any
) -> BodySpec | Reason | None:
    """The body of a route; None if it takes none.

    body_field, embed and is_form are what FastAPI's handler works with. FastAPI takes a JSON body
    through ``json.loads`` and the field's validator; the core does the same, or both steps at once
    where that is proven to be equal.
    """
    fields = dependant.body_params
    if not fields and body_field is None:
        return None
    if is_form or any(isinstance(field.field_info, params.Form) for field in fields):
        return reason("form")
    if embed or len(fields) != 1 or body_field is not fields[0]:
        return reason("embedded-body")
    field = fields[0]
    if not isinstance(field.field_info, params.Body) or field.config:
        return reason("embedded-body")
    validator = validator_of(field)
    if validator is None:
        return reason("deferred-schema", name=field.name)
    return BodySpec(
        keyword=field.name,
        validate_python=validator.validate_python,
        json_loads=json.loads,
        validate_json=json_validator(field._type_adapter.core_schema, validator),
    )
