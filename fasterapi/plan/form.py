"""Bodies that are forms: urlencoded ones, and multipart ones with files.

Starlette parses, FastAPI picks the values out: their own code runs on the whole body, which is in
memory. Only the common case goes a shorter way: an urlencoded form, split by the core, for
parameters and models of which each value has one name.

A form that may leave files with the handler is the last of the values. Its plan keeps it open until
the request is over (`OpenForm`), as FastAPI does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from fastapi import params
from fastapi._compat import (
    ModelField,
    field_annotation_is_sequence,
    get_cached_model_fields,
    is_bytes_or_nonable_bytes_annotation,
    is_bytes_sequence_annotation,
    is_uploadfile_or_nonable_uploadfile_annotation,
    is_uploadfile_sequence_annotation,
)
from fastapi.dependencies.utils import (
    _get_form_models,
    _get_param_aliases,
    _is_json_field,
    request_body_to_args,
)
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import FormParser
from starlette.requests import Request

from fasterapi.plan.params import default_of, validator_of
from fasterapi.plan.scheme import run_now
from fasterapi.plan.spec import FormSpec
from fasterapi.plan.whole import group

__all__ = ["OpenForm", "close_files", "hold_form", "holds_files", "plan_form", "restore_form"]

#: Bytes: a larger body never gets here. Starlette keeps files of that size in memory.
_MAX_BODY: Final = 65536
_MAX_FIELDS: Final = 1000  # if nobody sets another limit
#: Where the scope of a request keeps a form that was read, for those who answer an exception.
_KEPT: Final = "fasterapi.form"

Values = dict[str, list[str]]
Take = Callable[[Values], Any]


def plan_form(
    groups: Sequence[list[ModelField]],
    embed: bool,
    limits: Mapping[str, int],
    keep: bool,
    several: bool = False,
) -> FormSpec:
    """groups, embed: see `plan_body`. limits: arguments of ``request.form()``.

    The argument is a tuple: for each group a dict by name, and with `keep` the form itself. Without
    it, a form that leaves files with the handler is refused. several: functions run one after the
    other. FastAPI reads a file as bytes from where the one before has left it; as all values are
    taken first here, such a file is refused too.
    """
    plain = _plain_groups(groups)
    read_as_bytes = _names_of_bytes(groups)
    max_fields = limits.get("max_fields", _MAX_FIELDS)

    def values_of(form: FormData) -> tuple[Any, ...]:
        found = [_by_fastapi(fields, form, embed) for fields in groups]
        return (*found, form) if keep else tuple(found)

    def from_bytes(content_type: str, body: bytes) -> tuple[Any, ...]:
        form = _parse(content_type, body, limits)
        try:
            files = _files(form).keys()
            if not (keep or files <= read_as_bytes):
                raise ValueError("somebody may get the file")
            if keep and several and files & read_as_bytes:
                raise ValueError("somebody may have read the file before")
            values = values_of(form)
        except BaseException:
            close_files(form)
            raise
        if not keep:
            close_files(form)
        return values

    def from_pairs(pairs: list[tuple[str, Any]]) -> tuple[Any, ...]:
        if len(pairs) > max_fields:
            raise ValueError("too many fields")
        if plain is None:
            return values_of(FormData(pairs))
        given = group(pairs)
        found = [{name: take(given) for name, take in fields} for fields in plain]
        return (*found, FormData(pairs)) if keep else tuple(found)

    can_split = _core_splits() and limits.get("max_part_size", _MAX_BODY) >= _MAX_BODY
    return FormSpec("body", from_pairs if can_split else None, from_bytes)


# -- by FastAPI's own code -------------------------------------------------------------------------


def _parse(content_type: str, body: bytes, limits: Mapping[str, int]) -> FormData:
    """``request.form()`` of a body that is all there: its files fit in memory, so nothing waits."""
    headers = Headers({"content-type": content_type})
    request = Request({"type": "http", "headers": headers.raw})
    request._body = body
    form: FormData = run_now(request._get_form(**limits))
    return form


def _by_fastapi(fields: list[ModelField], form: FormData, embed: bool) -> dict[str, Any]:
    values, errors = run_now(request_body_to_args(fields, form, embed))
    if errors:
        raise ValueError("FastAPI refuses the form")
    return dict(values)


# -- the common case -------------------------------------------------------------------------------


@functools.cache
def _core_splits() -> bool:
    """Whether this python-multipart splits urlencoded forms as the core does."""
    body = b"&a=1&&b=%41+%c3%a9=x&c;d=1;e=2&=f&g=&%zz&=&a=%ff&h"

    async def chunks() -> Any:
        yield body

    form = run_now(FormParser(Headers(), chunks()).parse())
    return bool(form.multi_items() == parse_qsl(body.decode(), keep_blank_values=True))


def _plain_groups(groups: Sequence[list[ModelField]]) -> list[list[tuple[str, Take]]] | None:
    """For each group the names and what takes their values; None if some field is not plain."""
    plain = []
    for fields in groups:
        takes = [_plain_field(field) for field in fields]
        named = [
            (field.name, take)
            for field, take in zip(fields, takes, strict=True)
            if take is not None
        ]
        if len(named) != len(fields):
            return None
        plain.append(named)
    return plain


def _plain_name(field: ModelField) -> tuple[str, bool] | None:
    """(name in the form, whether it is a list) of a field with one name and no conversion."""
    aliases = _get_param_aliases(field)
    if len(aliases) != 1 or _is_json_field(field) or isinstance(field.field_info, params.File):
        return None
    return aliases[0][0], field_annotation_is_sequence(field.field_info.annotation)


def _given(values: Values, name: str, is_list: bool) -> Any:
    """What was sent, None if it counts as absent: an empty text does, an empty item does not."""
    found = values.get(name)
    if found is None:
        return None
    return found.copy() if is_list else found[-1] or None


def _plain_field(field: ModelField) -> Take | None:
    validator = validator_of(field)
    if validator is None or not isinstance(field.field_info, params.Form):
        return None
    if models := _get_form_models(field):
        return _plain_model(field, models, validator.validate_python)
    plain = _plain_name(field)
    if plain is None:
        return None
    name, is_list = plain
    validate = validator.validate_python
    required, default, factory = default_of(field, validate)

    def take(values: Values) -> Any:
        value = _given(values, name, is_list)
        if value is not None:
            return validate(value, from_attributes=True)
        if required:
            raise ValueError("FastAPI says that it is missing")
        return default if factory is None else factory()

    return take


def _plain_model(field: ModelField, models: list[Any], validate: Callable[..., Any]) -> Take | None:
    if field.field_info.annotation is not models[0]:
        return None
    wanted: dict[str, bool] = {}
    for one in get_cached_model_fields(cast("Any", models[0])):
        plain = _plain_name(one)
        if plain is None or plain[0] in wanted:
            return None
        wanted[plain[0]] = plain[1]

    def take(values: Values) -> Any:
        data: dict[str, Any] = {}
        for name, is_list in wanted.items():
            value = _given(values, name, is_list)
            if value is not None:
                data[name] = value
        for name, found in values.items():
            if name not in wanted:
                data[name] = found[0] if len(found) == 1 else found.copy()
        return validate(data, from_attributes=True)

    return take


# -- files -----------------------------------------------------------------------------------------


def _leaves(groups: Sequence[list[ModelField]]) -> list[ModelField]:
    """The fields that take one name each, also those of models."""
    found = []
    for field in [field for fields in groups for field in fields]:
        models = _get_form_models(field)
        found += [one for model in models for one in get_cached_model_fields(model)]
        if not models:
            found.append(field)
    return found


def _becomes_bytes(field: ModelField) -> bool:
    kind = field.field_info.annotation
    return isinstance(field.field_info, params.File) and (
        is_bytes_or_nonable_bytes_annotation(kind) or is_bytes_sequence_annotation(kind)
    )


def holds_files(groups: Sequence[list[ModelField]]) -> bool:
    """Whether a handler of these fields gets files that are open."""
    return any(
        is_uploadfile_or_nonable_uploadfile_annotation(one.field_info.annotation)
        or is_uploadfile_sequence_annotation(one.field_info.annotation)
        or (isinstance(one.field_info, params.File) and not _becomes_bytes(one))
        for one in _leaves(groups)
    )


def _names_of_bytes(groups: Sequence[list[ModelField]]) -> set[str]:
    """Names under which a file is read and not handed on."""
    leaves = [one for one in _leaves(groups) if _becomes_bytes(one)]
    return {alias for one in leaves for alias, _ in _get_param_aliases(one)}


def _files(form: FormData) -> dict[str, UploadFile]:
    return {name: one for name, one in form.multi_items() if isinstance(one, UploadFile)}


def close_files(form: FormData) -> None:
    """``await form.close()`` of files that are in memory. Any thread."""
    for _, file in form.multi_items():
        if isinstance(file, UploadFile):
            file.file.close()


class OpenForm:
    """The outermost block of a plan: its files are closed after the answer and all exits.

    Who answers an exception may still want them, so the app's own stack closes them then.
    """

    __slots__ = ("exchange", "form")

    def __init__(self, exchange: Any, form: FormData) -> None:
        self.exchange = exchange
        self.form = form

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        exchange = self.exchange
        if raised is None or exchange.done or exchange.runtime.answers(raised) is not None:
            close_files(self.form)
        else:
            exchange.scope()[_KEPT] = self.form


async def hold_form(request: Request, form: FormData) -> None:
    """Give a request of the app's own stack the form that was read, as FastAPI leaves it there."""
    async for _ in request.stream():
        pass
    request._form = form
    request.scope["fastapi_middleware_astack"].push_async_callback(form.close)


async def restore_form(request: Request) -> None:
    """The same for one whose handler has raised: the form it had, or a new one of equal texts."""
    form = request.scope.pop(_KEPT, None)
    if form is not None:
        await hold_form(request, form)
        return
    unlimited = float("inf")
    form = await request.form(max_files=unlimited, max_fields=unlimited)
    request.scope["fastapi_middleware_astack"].push_async_callback(form.close)
