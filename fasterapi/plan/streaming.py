"""Endpoints that stream: what `yield` makes of a generator, as FastAPI's request handler does it.

FastAPI knows three kinds: JSON lines, server-sent events, and raw pieces for a response class that
takes a generator. Its handler builds each of them in functions of its own, so they are repeated
here, in the same order and with the same names where that helps to compare. Everything runs on the
event loop in the request's task, inside the app's middleware stack, where FastAPI runs it too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import anyio
import fastapi.routing
from fastapi.dependencies.models import Dependant, _is_async_gen_callable, _is_gen_callable
from fastapi.encoders import jsonable_encoder
from fastapi.routing import _normalize_non_finite_floats
from fastapi.sse import format_sse_event
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from fasterapi.cancelled import let_go_of_cancelled
from fasterapi.plan.finish import response_arguments
from fasterapi.plan.response import ResponseOptions, validated

__all__ = ["StreamAnswer", "make_stream"]

#: Looked at when FastAPI would look: programs change the interval of the pings.
routing: Final[Any] = fastapi.routing


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """make(generator, request, response parameter or None, background tasks or None) -> Response.

    is_async: it is to be awaited. Both raise what FastAPI raises; loop thread only, in the
    request's task, with FastAPI's exit stacks in the request's scope.
    """

    make: Callable[[Any, Request, Any, Any], Any]
    is_async: bool


def make_stream(handler: Mapping[str, Any], options: ResponseOptions) -> StreamAnswer | None:
    """How one route streams, None if it does not. handler: the variables of FastAPI's handler."""
    call = handler["dependant"].call
    is_async_gen = _is_async_gen_callable(call)
    serialize = _serializer(handler, options)
    if handler["is_sse_stream"]:
        return StreamAnswer(_events(handler, serialize, is_async_gen), True)
    if handler["is_json_stream"]:
        return StreamAnswer(_json_lines(handler, serialize, is_async_gen), False)
    if is_async_gen or _is_gen_callable(call):
        return StreamAnswer(_raw(handler, is_async_gen), False)
    return None


def _where(dependant: Dependant, request: Request) -> str:
    """The "path" of FastAPI's endpoint context."""
    if not dependant.path:
        return ""
    mount_path = request.scope.get("root_path", "").rstrip("/")
    return f"{request.method} {mount_path}{dependant.path}"


def _serializer(
    handler: Mapping[str, Any], options: ResponseOptions
) -> Callable[[Any, Request], bytes]:
    """``_serialize_data``: one item as JSON."""
    field = handler["stream_item_field"]
    dependant: Dependant = handler["dependant"]
    call = dependant.call
    assert call is not None
    keywords = options.every()

    def serialize_data(data: Any, request: Request) -> bytes:
        if field:
            value = validated(field, call, _where(dependant, request), data)
            found: bytes = field.serialize_json(value, **keywords)
            return found
        data = jsonable_encoder(data)
        return json.dumps(_normalize_non_finite_floats(data)).encode("utf-8")

    return serialize_data


# -- JSON lines ------------------------------------------------------------------------------------


def _json_lines(
    handler: Mapping[str, Any], serialize: Callable[[Any, Request], bytes], is_async_gen: bool
) -> Callable[..., Response]:
    status_code = handler["status_code"]

    def make(gen: Any, request: Request, response: Any, background: Any) -> Response:
        if is_async_gen:

            async def async_stream() -> AsyncIterator[bytes]:
                async for item in gen:
                    yield serialize(item, request) + b"\n"
                    await anyio.sleep(0)  # so that a cancellation gets in

            content: AsyncIterator[bytes] | Iterator[bytes] = async_stream()
        else:

            def sync_stream() -> Iterator[bytes]:
                for item in gen:
                    yield serialize(item, request) + b"\n"

            content = sync_stream()
        arguments = response_arguments(status_code, response, background)
        made: Response = routing.StreamingResponse(
            content, media_type="application/jsonl", **arguments
        )
        if response is not None:
            made.headers.raw.extend(response.headers.raw)
        return made

    return make


# -- raw pieces ------------------------------------------------------------------------------------


async def _async_pieces(gen: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for chunk in gen:
        yield chunk
        await anyio.sleep(0)  # so that a cancellation gets in


def _raw(handler: Mapping[str, Any], is_async_gen: bool) -> Callable[..., Response]:
    status_code = handler["status_code"]
    response_class = handler["actual_response_class"]

    def make(gen: Any, request: Request, response: Any, background: Any) -> Response:
        content = _async_pieces(gen) if is_async_gen else gen
        arguments = response_arguments(status_code, response, background)
        made: Response = response_class(content=content, **arguments)
        if response is not None:
            made.headers.raw.extend(response.headers.raw)
        return made

    return make


# -- server-sent events ----------------------------------------------------------------------------


def _events(
    handler: Mapping[str, Any], serialize: Callable[[Any, Request], bytes], is_async_gen: bool
) -> Callable[..., Any]:
    status_code = handler["status_code"]

    def serialize_item(item: Any, request: Request) -> bytes:
        if not isinstance(item, routing.ServerSentEvent):
            return format_sse_event(data_str=serialize(item, request).decode("utf-8"))
        if item.raw_data is not None:
            data: str | None = item.raw_data
        elif item.data is None:
            data = None
        elif hasattr(item.data, "model_dump_json"):
            data = item.data.model_dump_json()
        else:
            data = json.dumps(_normalize_non_finite_floats(jsonable_encoder(item.data)))
        return format_sse_event(
            data_str=data, event=item.event, id=item.id, retry=item.retry, comment=item.comment
        )

    @asynccontextmanager
    async def producing(items: AsyncIterator[Any], request: Request) -> AsyncIterator[Any]:
        send_stream, receive_stream = anyio.create_memory_object_stream[bytes](max_buffer_size=1)

        async def producer() -> None:
            async with send_stream:
                async for item in items:
                    await send_stream.send(serialize_item(item, request))

        send_keepalive, receive_keepalive = anyio.create_memory_object_stream[bytes](
            max_buffer_size=1
        )

        async def keepalive_inserter() -> None:
            async with send_keepalive, receive_stream:
                try:
                    while True:
                        try:
                            with anyio.fail_after(routing._PING_INTERVAL):
                                data = await receive_stream.receive()
                            await send_keepalive.send(data)
                        except TimeoutError:
                            await send_keepalive.send(routing.KEEPALIVE_COMMENT)
                except anyio.EndOfStream:
                    pass

        # FastAPI closes the last stream first. If the client has left, that raises in a task which
        # is about to write to it.
        async with receive_keepalive, anyio.create_task_group() as tg:
            tg.start_soon(producer)
            tg.start_soon(keepalive_inserter)
            yield receive_keepalive
            let_go_of_cancelled(asyncio.current_task())
            tg.cancel_scope.cancel()

    async def with_checkpoints(stream: Any) -> AsyncIterator[bytes]:
        async for data in stream:
            yield data
            await anyio.sleep(0)  # the producer may be faster, and receive() never wait

    async def make(gen: Any, request: Request, response: Any, background: Any) -> Response:
        items = gen.__aiter__() if is_async_gen else iterate_in_threadpool(gen)
        # This stack outlives the answer: the tasks end in the request's own, in good order.
        stack = request.scope["fastapi_inner_astack"]
        stream = await stack.enter_async_context(producing(items, request))
        content = with_checkpoints(stream)
        arguments = response_arguments(status_code, response, background)
        made: Response = routing.StreamingResponse(
            content, media_type="text/event-stream", **arguments
        )
        made.headers["Cache-Control"] = "no-cache"
        made.headers["X-Accel-Buffering"] = "no"
        if response is not None:
            made.headers.raw.extend(response.headers.raw)
        return made

    return make
