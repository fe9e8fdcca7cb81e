"""An app with a bit of everything, for servers that are not ours. See test_drop_in.py.

COMPARE_CLASS=fastapi makes it a plain FastAPI app, otherwise it is a FasterAPI app.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    FastAPI,
    File,
    Form,
    HTTPException,
    Request,
    UploadFile,
    WebSocket,
)
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel


class Item(BaseModel):
    name: str
    size: int = 1


class Stamp:
    """Middleware that the core knows nothing of."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-stamp", b"1")]
            await send(message)

        await self.app(scope, receive, sending)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    print("lifespan begins", flush=True)
    yield {"pool": "a pool"}
    print("lifespan ends", flush=True)


log: list[str] = []
token = OAuth2PasswordBearer("token")


def session(request: Request) -> Iterator[str]:
    log.append("open")
    try:
        yield request.state.pool
    finally:
        log.append("close")


async def async_session(s: Annotated[str, Depends(session)]) -> AsyncIterator[str]:
    log.append("async open")
    try:
        yield s
    finally:
        await asyncio.sleep(0)
        log.append("async close")


async def user(who: Annotated[str, Depends(token)], s: Annotated[str, Depends(session)]) -> str:
    if who == "bad":
        raise HTTPException(403, "bad")
    return who


def make(app_class: type[FastAPI]) -> FastAPI:
    app = app_class(lifespan=lifespan)
    app.add_middleware(CORSMiddleware, allow_origins=["*"])
    app.add_middleware(Stamp)
    log.clear()

    @app.exception_handler(LookupError)
    async def lookup(request: Request, exc: LookupError) -> JSONResponse:
        return JSONResponse([str(exc), (await request.body()).decode()], 418)

    @app.get("/log")
    async def read_log() -> list[str]:
        said, log[:] = list(log), []
        return said

    @app.get("/who-called")
    async def who_called(s: Annotated[str, Depends(session)]) -> bool:
        """Whether FastAPI's own request handler has."""
        frame: Any = sys._getframe()
        while frame is not None and frame.f_code.co_name != "run_endpoint_function":
            frame = frame.f_back
        return frame is not None

    add_router(app)
    add_others(app)
    below = app_class()

    @below.get("/{n}")
    async def read_below(n: int, request: Request) -> Any:
        return [n, request.scope["root_path"]]

    app.mount("/below", below)
    return app


def add_router(app: FastAPI) -> None:
    router = APIRouter(prefix="/{team}", dependencies=[Depends(user)])

    @router.get("/items/{n}", response_model=Item)
    async def read(n: int, team: str, s: Annotated[str, Depends(async_session)]) -> Any:
        return {"name": f"{team} {s}", "size": n, "more": 1}

    @router.get("/def/{n}")
    def read_def(n: int, team: str, s: Annotated[str, Depends(session)]) -> Any:
        if n == 13:
            raise LookupError("thirteen")
        return [n, team, s]

    @router.post("/items")
    async def write(item: Item, request: Request, s: Annotated[str, Depends(async_session)]) -> Any:
        if item.size > 9:
            raise LookupError("too large")
        if item.size < 0:
            raise RuntimeError("negative")
        return [item, request.url.path, await request.json()]

    app.include_router(router)


def add_others(app: FastAPI) -> None:
    @app.get("/stream")
    async def stream(s: Annotated[str, Depends(session)], tasks: BackgroundTasks) -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            for n in range(5):
                yield b"%d " % n
                await asyncio.sleep(0)

        tasks.add_task(log.append, "task")
        return StreamingResponse(pieces())

    @app.post("/form")
    async def form(
        name: Annotated[str, Form()],
        upload: Annotated[UploadFile, File()],
        s: str = Depends(session),
    ) -> Any:
        return [name, upload.filename, (await upload.read()).decode()]

    @app.websocket("/ws")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text.upper())


if os.environ.get("COMPARE_CLASS") == "fastapi":
    app = make(FastAPI)
else:
    from fasterapi import FasterAPI

    app = make(FasterAPI)
