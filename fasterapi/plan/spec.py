"""What the C core needs to know about one route, as plain data.

`PlanSpec` and its parts mirror the arguments of the core's ``Plan``; `make_core_plan` builds it.
Nothing here knows FastAPI, so tests can look at a plan without the core.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "BodySpec",
    "Conv",
    "FormSpec",
    "ParamSpec",
    "PlanSpec",
    "ResponseSpec",
    "Source",
    "make_core_plan",
]


class Source(enum.IntEnum):
    """Where a parameter's text comes from. The last two give all of it, as a list of pairs: str of
    the query, raw bytes of the headers."""

    PATH = 0
    QUERY = 1
    HEADER = 2
    COOKIE = 3
    ALL_QUERY = 4
    ALL_HEADERS = 5


class Conv(enum.IntEnum):
    """Who converts the text. The first four are done in C where the text is a plain one."""

    STR = 0
    INT = 1
    FLOAT = 2
    BOOL = 3
    VALIDATOR = 4


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One parameter that is not the body.

    keyword: the endpoint's argument. wire_name: its name in the request (headers in lower case).
    default: used as it is when the value is absent, so it must be immutable; default_factory makes
    a fresh one instead. validate: called as validate(text, from_attributes=True); with a list of
    texts if is_list, with the pairs if the source gives all.
    """

    keyword: str
    source: Source
    wire_name: str
    conv: Conv
    is_list: bool
    required: bool
    default: Any
    default_factory: Callable[[], Any] | None
    validate: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class BodySpec:
    """The JSON body. validate_json is None unless it provably equals the other two in a row."""

    keyword: str
    validate_python: Callable[..., Any]
    json_loads: Callable[..., Any]
    validate_json: Callable[[bytes], Any] | None


@dataclass(frozen=True, slots=True)
class FormSpec:
    """A body that is a form. Both functions raise for one that FastAPI has to look at.

    from_pairs: takes the (name, value) of an urlencoded form; None if the core may not split it.
    from_bytes: takes the content type and the body of any form.
    """

    keyword: str
    from_pairs: Callable[[list[tuple[str, str]]], Any] | None
    from_bytes: Callable[[str, bytes], Any]


@dataclass(frozen=True, slots=True)
class ResponseSpec:
    """How a typed answer is made: to_json(validate_python(value, from_attributes=True), **kwargs).

    slow(value) is for a value that validate_python refused: it raises what FastAPI raises.
    shape: what the core writes without any of them, as `schema.shape_of` names it.
    """

    validate_python: Callable[..., Any]
    to_json: Callable[..., bytes]
    kwargs: dict[str, Any]
    slow: Callable[[Any], bytes]
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class PlanSpec:
    """One route for one or more methods. response None: jsonable_encoder and json.dumps."""

    handler: Callable[..., Any]
    is_async: bool
    can_suspend: bool
    params: tuple[ParamSpec, ...] = ()
    body: BodySpec | None = None
    response: ResponseSpec | None = None
    status_code: int = 200
    inline: bool = field(default=False)
    #: The handler may return NotImplemented: it has done nothing, and FastAPI answers.
    may_decline: bool = field(default=False)
    #: The handler's first argument is the request's Exchange.
    exchange: bool = field(default=False)
    #: The handler calls nothing: it hands a `StreamCall` over to the app's own middleware stack.
    stream: bool = field(default=False)
    form: FormSpec | None = field(default=None)
    #: A larger request body than this is FastAPI's to refuse.
    max_body: int | None = field(default=None)
    #: inner(app) makes the plan for the inner end of an app's middleware stack, where requests come
    #: through ASGI; None from it if the plan is not for there. No `inner`: this plan is for both.
    inner: Callable[[Any], PlanSpec | None] | None = field(default=None, compare=False, repr=False)


def make_core_plan(core: Any, spec: PlanSpec) -> Any:
    """``core.Plan`` for a spec. core: the C module (or something with the same ``Plan``).

    Raises TypeError or ValueError if the core does not take it. Any thread.
    """
    params = tuple(
        (
            param.keyword,
            int(param.source),
            param.wire_name,
            int(param.conv),
            param.is_list,
            param.required,
            param.default,
            param.default_factory,
            param.validate,
        )
        for param in spec.params
    )
    body, form, response = spec.body, spec.form, spec.response
    return core.Plan(
        spec.handler,
        spec.is_async,
        spec.can_suspend,
        params,
        None
        if body is None
        else (body.keyword, body.validate_python, body.json_loads, body.validate_json),
        None
        if response is None
        else (
            response.validate_python,
            response.to_json,
            response.kwargs,
            response.slow,
            response.shape,
        ),
        spec.status_code,
        inline=spec.inline,
        may_decline=spec.may_decline,
        exchange=spec.exchange,
        form=None if form is None else (form.keyword, form.from_pairs, form.from_bytes),
        max_body=-1 if spec.max_body is None else spec.max_body,
    )
