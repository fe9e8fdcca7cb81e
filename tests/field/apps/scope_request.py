"""What tools find in a request's scope, and change there. MIDDLEWARE: none, pure or base."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from field_app import App
from field_middleware import add_middleware

app, mounted, router, outer = App(), App(), APIRouter(), APIRouter()
add_middleware(app)

log: list[str] = []


class RegisteredError(Exception):
    """No app knows it."""


def keys_of(request: Request) -> dict[str, str]:
    known = {"app", "router", "route", "endpoint"}
    return {
        name: type(value).__name__ if name not in known else "there"
        for name, value in request.scope.items()
    } | {"path_params": str(request.scope["path_params"])}


async def seen_in_async(request: Request) -> Any:
    return keys_of(request)


def seen_in_def(request: Request) -> Any:
    return keys_of(request)


async def opened(request: Request) -> AsyncIterator[None]:
    request.scope["fastapi_inner_astack"].callback(log.append, "pushed first")
    yield
    log.append("generator")


def opened_in_thread(request: Request) -> Iterator[None]:
    request.scope["fastapi_inner_astack"].callback(log.append, "pushed first")
    yield
    log.append("generator")


def push(request: Request) -> None:
    request.scope["fastapi_inner_astack"].callback(log.append, "request")
    request.scope["fastapi_function_astack"].callback(log.append, "function")
    request.scope["fastapi_middleware_astack"].callback(log.append, "middleware")


async def registered(request: Request, exc: Exception) -> Any:
    return JSONResponse({"registered": str(exc)}, 499)


def add_routes(to: Any) -> None:
    @to.get("/async/{x}")
    async def in_async(x: int, request: Request) -> Any:
        return keys_of(request)

    @to.get("/def/{x}")
    def in_def(x: int, request: Request) -> Any:
        return keys_of(request)

    @to.get("/async-dependency/{x}")
    async def in_async_dependency(x: int, seen: Any = Depends(seen_in_async)) -> Any:
        return seen

    @to.get("/def-dependency/{x}")
    def in_def_dependency(x: int, seen: Any = Depends(seen_in_def)) -> Any:
        return seen

    @to.get("/push/async", dependencies=[Depends(push)])
    async def push_async() -> Any:
        log.append("endpoint")

    @to.get("/push/def", dependencies=[Depends(push)])
    def push_def() -> Any:
        log.append("endpoint")

    @to.get("/push/yield", dependencies=[Depends(opened), Depends(push)])
    async def push_yield() -> Any:
        log.append("endpoint")

    @to.get("/push/def-yield", dependencies=[Depends(opened_in_thread), Depends(push)])
    def push_def_yield() -> Any:
        log.append("endpoint")

    @to.get("/register/{kind}")
    async def register(kind: str, request: Request) -> Any:
        request.scope["starlette.exception_handlers"][0][RegisteredError] = registered
        raise RegisteredError(kind)

    @to.get("/raise")
    def raises() -> Any:
        raise RegisteredError("later")

    @to.get("/own")
    async def own(request: Request) -> Any:
        """As SSE transports do: the endpoint answers itself."""
        headers = [(b"content-type", b"text/event-stream")]
        send = request._send
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number in range(3):
            await send(
                {
                    "type": "http.response.body",
                    "body": b"data: %d\n\n" % number,
                    "more_body": number < 2,
                }
            )


@app.get("/log")
async def read_log() -> Any:
    lines, log[:] = list(log), []
    return lines


add_routes(app)
add_routes(router)
add_routes(mounted)
outer.include_router(router, prefix="/deep")
app.include_router(outer, prefix="/included")
app.mount("/mounted", mounted)
