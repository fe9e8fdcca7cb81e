"""From FastAPI's parameter fields to the core's parameters."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from typing import Any, Final

from fastapi._compat import ModelField, field_annotation_is_sequence
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import _get_param_aliases, _is_json_field
from pydantic_core import SchemaValidator

from fasterapi.plan.reasons import Reason, reason
from fasterapi.plan.schema import conv_of
from fasterapi.plan.spec import Conv, ParamSpec, Source
from fasterapi.plan.whole import picks_from_all, whole_param

__all__ = ["default_of", "plan_params", "validator_of"]

_IMMUTABLE: Final = (type(None), bool, int, float, complex, str, bytes)
#: Converters of the path that change the text, and the only conversion for which text and converted
#: value mean the same.
_PATH_CONVERT: Final[dict[str, tuple[Callable[[str], Any], Conv]]] = {
    "int": (int, Conv.INT),
    "float": (float, Conv.FLOAT),
}


def validator_of(field: ModelField) -> SchemaValidator | None:
    """The field's compiled validator; None if it is deferred, or a plugin handles what it is given.

    Where a plugin is installed all validators are wrapped. If none wants to hear of this one, its
    method is still the validator's own, and so is that of a plugin that hears of JSON only, which
    FastAPI does not validate.
    """
    validator: Any = field._type_adapter.validator
    if type(validator).__name__ == "PluggableSchemaValidator":
        inner = getattr(validator, "_schema_validator", None)
        if type(inner) is SchemaValidator and validator.validate_python == inner.validate_python:
            return inner
    return validator if type(validator) is SchemaValidator else None


def _fresh_default(field: ModelField, validate: Callable[..., Any]) -> Any:
    """What FastAPI takes for an absent value, made as it makes it."""
    value = deepcopy(field.default)
    if field.field_info.validate_default:
        value = validate(value, from_attributes=True)
    return value


def default_of(
    field: ModelField, validate: Callable[..., Any]
) -> tuple[bool, Any, Callable[[], Any] | None]:
    """(required, default, default_factory) of a field. The default is used as it is, so it cannot
    be changed; the factory makes a fresh one."""
    info = field.field_info
    if info.is_required():
        return True, None, None
    default = info.default
    plain = type(default) in _IMMUTABLE or isinstance(default, enum.Enum)
    if info.default_factory is None and not info.validate_default and plain:
        return False, default, None
    return False, None, partial(_fresh_default, field, validate)


def _wire_name(field: ModelField, source: Source) -> str | Reason:
    wire = _get_param_aliases(field)[0][1]
    if source is Source.HEADER:
        wire = wire.lower()
    if source in (Source.HEADER, Source.COOKIE) and not (wire.isascii() and wire.isprintable()):
        return reason("param-name", name=field.name, wire=wire)
    try:
        wire.encode("utf-8")
    except UnicodeEncodeError:
        return reason("param-name", name=field.name, wire=wire)
    return wire


def _converted_first(
    convert: Callable[[str], Any], validate: Callable[..., Any]
) -> Callable[..., Any]:
    """For a path parameter: what the path's converter makes of the text is validated."""

    def convert_and_validate(text: str, *, from_attributes: bool) -> Any:
        return validate(convert(text), from_attributes=from_attributes)

    return convert_and_validate


def _never_empty(validate: Callable[..., Any]) -> Callable[..., Any]:
    """For a single text that becomes a list: an empty one counts as absent."""

    def validate_text(text: str, *, from_attributes: bool) -> Any:
        if not text:
            raise ValueError("FastAPI takes the default")
        return validate(text, from_attributes=from_attributes)

    return validate_text


def _plan_param(
    field: ModelField, source: Source, convertors: Mapping[str, str], path: str
) -> ParamSpec | Reason:
    """convertors: path parameter -> name of its converter ("str", "int", "float", "path")."""
    validator = validator_of(field)
    if validator is None:
        return reason("deferred-schema", name=field.name)
    validate: Callable[..., Any] = validator.validate_python
    if source is not Source.PATH and picks_from_all(field):
        return whole_param(field, source, validate)
    wire = _wire_name(field, source)
    if isinstance(wire, Reason):
        return wire
    conv = conv_of(field._type_adapter.core_schema)
    required, default, factory = default_of(field, validate)
    is_sequence = field_annotation_is_sequence(field.field_info.annotation)
    has_many = source in (Source.QUERY, Source.HEADER) and not _is_json_field(field)
    if source is Source.PATH:
        if wire not in convertors:
            return reason("path-missing", name=wire, path=path)
        convert, same = _PATH_CONVERT.get(convertors[wire], (None, conv))
        if convert is not None and conv is not same:
            conv, validate = Conv.VALIDATOR, _converted_first(convert, validate)
    elif is_sequence:
        conv = Conv.VALIDATOR
        validate = validate if has_many else _never_empty(validate)
    return ParamSpec(
        keyword=field.name,
        source=source,
        wire_name=wire,
        conv=conv,
        is_list=is_sequence and has_many,
        required=required,
        default=default,
        default_factory=factory,
        validate=validate,
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
