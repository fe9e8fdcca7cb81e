"""Parameters that look at a whole query, all headers or all cookies.

These are models (``Annotated[Filters, Query()]``) and parameters with several aliases. FastAPI's
own function picks the values out of all that was sent; for a plain model a shorter one does the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from fastapi._compat import ModelField, field_annotation_is_sequence, get_cached_model_fields
from fastapi.dependencies.utils import (
    _get_param_aliases,
    _get_param_model,
    _is_json_field,
    request_params_to_args,
)
from starlette.datastructures import Headers, QueryParams
from starlette.requests import HTTPConnection

from fasterapi.plan.spec import Conv, ParamSpec, Source

__all__ = ["group", "picks_from_all", "whole_param"]

#: What the core gives: str pairs of the query, raw pairs of the headers.
Pairs = list[tuple[Any, Any]]
Take = Callable[..., Any]


def picks_from_all(field: ModelField) -> bool:
    """Whether one name is not enough to find the parameter's value."""
    return _get_param_model(field) is not None or len(_get_param_aliases(field)) > 1


def whole_param(field: ModelField, source: Source, validate: Callable[..., Any]) -> ParamSpec:
    """The parameter for a field of which `picks_from_all`. source: QUERY, HEADER or COOKIE."""
    take = _plain_model(field, source, validate) or _by_fastapi(field, source)
    whole = Source.ALL_QUERY if source is Source.QUERY else Source.ALL_HEADERS
    return ParamSpec(field.name, whole, "", Conv.VALIDATOR, False, True, None, None, take)


def _cookies(pairs: Pairs) -> dict[str, str]:
    return HTTPConnection({"type": "http", "headers": pairs}).cookies


#: What FastAPI looks into.
_RECEIVED: Final[dict[Source, Callable[[Pairs], Any]]] = {
    Source.QUERY: QueryParams,
    Source.HEADER: lambda pairs: Headers(raw=pairs),
    Source.COOKIE: _cookies,
}
#: The same as texts. Of cookies, and only there, each name comes once.
_TEXTS: Final[dict[Source, Callable[[Pairs], Iterable[tuple[str, str]]]]] = {
    Source.QUERY: lambda pairs: pairs,
    Source.HEADER: lambda pairs: [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs
    ],
    Source.COOKIE: lambda pairs: _cookies(pairs).items(),
}


def _by_fastapi(field: ModelField, source: Source) -> Take:
    received = _RECEIVED[source]

    def take(pairs: Pairs, *, from_attributes: bool) -> Any:
        del from_attributes  # FastAPI validates
        values, errors = request_params_to_args([field], received(pairs))
        if errors:
            raise ValueError("FastAPI refuses the parameter")
        return values[field.name]

    return take


def group(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """All values of each name, names in the order in which they come first."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in found:
            found[name].append(value)
        else:
            found[name] = [value]
    return found


def _plain_model(field: ModelField, source: Source, validate: Callable[..., Any]) -> Take | None:
    """FastAPI's ``_request_param_model_to_args`` for a model each field of which has one name, and
    that is not optional as a whole; None for any other."""
    model = _get_param_model(field)
    if model is None or field.field_info.annotation is not model:
        return None
    is_header = source is Source.HEADER
    by_default = getattr(field.field_info, "convert_underscores", True)
    wanted: list[tuple[str, str, bool]] = []
    skipped: list[str] = []
    for one in get_cached_model_fields(cast("Any", model)):
        is_list = field_annotation_is_sequence(one.field_info.annotation)
        convert = is_header and getattr(one.field_info, "convert_underscores", by_default)
        aliases = _get_param_aliases(one, convert_underscores=convert)
        if len(aliases) != 1 or _is_json_field(one) or (is_list and source is Source.COOKIE):
            return None
        alias, wire = aliases[0]
        if is_header:
            if not wire.isascii():
                return None
            if alias != wire:
                skipped.append(alias.lower())  # what was not converted is no extra header either
            wire = wire.lower()
        wanted.append((wire, alias, is_list))
    if len({wire for wire, _, _ in wanted}) != len(wanted):
        return None
    texts = _TEXTS[source]
    which = 0 if is_header else -1

    def take(pairs: Pairs, *, from_attributes: bool) -> Any:
        found = group(texts(pairs))
        values: dict[str, Any] = {}
        for wire, alias, is_list in wanted:
            given = found.pop(wire, None)
            if given is not None:
                values[alias] = given if is_list else given[which]
        for name in skipped:
            found.pop(name, None)
        for name, given in found.items():
            values[name] = given[0] if len(given) == 1 else given
        return validate(values, from_attributes=from_attributes)

    return take
