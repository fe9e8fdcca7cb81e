"""From FastAPI's parameter fields to the core's parameters."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from typing import Any, Final

from fastapi._compat import ModelField, field_annotation_is_sequence
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import (
    _get_param_aliases,
    _get_param_model,
    _is_json_field,
)
from pydantic_core import SchemaValidator

from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.schema import conv_of, scalar_of
from fasterapi.plan.spec import Conv, ParamSpec, Source

__all__ = ["plan_params", "validator_of"]

_IMMUTABLE: Final = (type(None), bool, int, float, complex, str, bytes)
#: Converters of the path that change the text, and the only type each may meet: there, text and
#: converted value mean the same to Pydantic.
_PATH_SCALAR: Final = {"int": "int", "float": "float"}


def validator_of(field: ModelField) -> SchemaValidator | None:
    """The field's compiled validator; None if it is deferred or wrapped by a plugin."""
    validator = field._type_adapter.validator
    return validator if type(validator) is SchemaValidator else None


def _fresh_default(field: ModelField, validate: Callable[..., Any]) -> Any:
    """What FastAPI takes for an absent value, made as it makes it."""
    value = deepcopy(field.default)
    if field.field_info.validate_default:
        value = validate(value, from_attributes=True)
    return value


def _default_of(
    field: ModelField, validate: Callable[..., Any]
) -> tuple[bool, Any, Callable[[], Any] | None]:
    """(required, default, default_factory) of a field."""
    info = field.field_info
    if info.is_required():
        return True, None, None
    default = info.default
    plain = type(default) in _IMMUTABLE or isinstance(default, enum.Enum)
    if info.default_factory is None and not info.validate_default and plain:
        return False, default, None
    return False, None, partial(_fresh_default, field, validate)


def _wire_name(field: ModelField, source: Source) -> str | Reason:
    info = field.field_info
    aliases = _get_param_aliases(field)
    plain_alias = info.validation_alias is None or isinstance(info.validation_alias, str)
    if len(aliases) != 1 or not plain_alias or field.config:
        return reason("param-alias", name=field.name)
    wire = aliases[0][1]
    if source is Source.HEADER:
        wire = wire.lower()
    if source in (Source.HEADER, Source.COOKIE) and not (wire.isascii() and wire.isprintable()):
        return reason("param-name", name=field.name, wire=wire)
    try:
        wire.encode("utf-8")
    except UnicodeEncodeError:
        return reason("param-name", name=field.name, wire=wire)
    return wire


def _plan_param(
    field: ModelField, source: Source, convertors: Mapping[str, str], path: str
) -> ParamSpec | Reason:
    """convertors: path parameter -> name of its converter ("str", "int", "float", "path")."""
    if _get_param_model(field) is not None:
        return reason("param-model", name=field.name)
    if _is_json_field(field):
        return reason("json-param", name=field.name)
    wire = _wire_name(field, source)
    if isinstance(wire, Reason):
        return wire
    is_list = field_annotation_is_sequence(field.field_info.annotation)
    if is_list and source not in (Source.QUERY, Source.HEADER):
        return reason("param-list", name=field.name, source=source.name.lower())
    validator = validator_of(field)
    if validator is None:
        return reason("deferred-schema", name=field.name)
    schema = field._type_adapter.core_schema
    if source is Source.PATH:
        if wire not in convertors:
            return reason("path-missing", name=wire, path=path)
        convertor = convertors[wire]
        wanted = _PATH_SCALAR.get(convertor)
        if wanted is not None and scalar_of(schema) != wanted:
            return reason("path-convertor", name=wire, convertor=convertor)
    required, default, factory = _default_of(field, validator.validate_python)
    return ParamSpec(
        keyword=field.name,
        source=source,
        wire_name=wire,
        conv=Conv.VALIDATOR if is_list else conv_of(schema),
        is_list=is_list,
        required=required,
        default=default,
        default_factory=factory,
        validate=validator.validate_python,
    )


def plan_params(
    dependant: Dependant, convertors: Mapping[str, str], path: str
) -> tuple[tuple[ParamSpec, ...], list[Reason]]:
    """All parameters but the body, in FastAPI's order, and what keeps some of them out."""
    groups = (
        (Source.PATH, dependant.path_params),
        (Source.QUERY, dependant.query_params),
        (Source.HEADER, dependant.header_params),
        (Source.COOKIE, dependant.cookie_params),
    )
    params: list[ParamSpec] = []
    reasons: list[Reason] = []
    for source, fields in groups:
        for field in fields:
            planned = _plan_param(field, source, convertors, path)
            if isinstance(planned, Reason):
                reasons.append(planned)
            else:
                params.append(planned)
    return tuple(params), reasons
