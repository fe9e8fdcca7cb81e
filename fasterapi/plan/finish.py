"""From an endpoint's return value to FastAPI's Response object, by FastAPI's own steps.

Only where the core cannot write the answer straight from the value: a response class of the
route's own, a status without a body, headers or a status set on a ``Response`` parameter,
background tasks. The core then sends the object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastapi.datastructures import DefaultPlaceholder
from fastapi.encoders import jsonable_encoder
from fastapi.routing import _build_response_args
from fastapi.utils import is_body_allowed_for_status_code
from starlette.responses import Response

from fasterapi.plan.response import ResponseOptions, validated

__all__ = ["Finish", "make_finish", "new_response", "response_arguments"]

#: finish(value, response parameter or None, background tasks or None) -> Response.
Finish = Callable[[Any, Any, Any], Response]


def new_response() -> Response:
    """What FastAPI gives to a parameter of type Response: it collects a status and headers."""
    response = Response()
    del response.headers["content-length"]
    response.status_code = None  # type: ignore[assignment]
    return response


class _Solved:
    """What `_build_response_args` reads of FastAPI's solved dependencies."""

    __slots__ = ("background_tasks", "response")

    def __init__(self, background_tasks: Any, response: Any) -> None:
        self.background_tasks = background_tasks
        self.response = response


_NOTHING_SET: Final = new_response()


def response_arguments(status_code: Any, response: Any, background: Any) -> dict[str, Any]:
    """Status and background tasks, by FastAPI's own rule, for the class of an answer.

    status_code: the route's; response, background: None if nobody asked for such a parameter.
    """
    solved = _Solved(background, _NOTHING_SET if response is None else response)
    arguments: dict[str, Any] = _build_response_args(status_code=status_code, solved_result=solved)
    return arguments


def make_finish(
    handler: dict[str, Any], options: ResponseOptions, call: Callable[..., Any], where: str
) -> Finish:
    """The last part of FastAPI's request handler, for one route.

    handler: the handler's variables; where: see `plan_response`. The function raises what FastAPI
    raises (ResponseValidationError, ValueError for NaN, ...) and may run on any thread.
    """
    field = handler["response_field"]
    status_code = handler["status_code"]
    response_class = handler["response_class"]
    by_default = isinstance(response_class, DefaultPlaceholder)
    actual_class = response_class.value if by_default else response_class
    dump_json = field is not None and by_default
    keywords = options.every()

    def content_of(value: Any) -> Any:
        if field is None:
            return jsonable_encoder(value)
        value = validated(field, call, where, value)
        return (field.serialize_json if dump_json else field.serialize)(value, **keywords)

    def finish(value: Any, response: Any = None, background: Any = None) -> Response:
        if isinstance(value, Response):
            if value.background is None:
                value.background = background
            return value
        arguments = response_arguments(status_code, response, background)
        content = content_of(value)
        made: Response
        if dump_json:
            made = Response(content=content, media_type="application/json", **arguments)
        else:
            made = actual_class(content, **arguments)
        if not is_body_allowed_for_status_code(made.status_code):
            made.body = b""
        if response is not None:
            made.headers.raw.extend(response.headers.raw)
        return made

    return finish
