"""What an app sees of its client and of the scheme, in each tier's way."""

from __future__ import annotations

import inspect
import os
from typing import Any

from fastapi import Request, WebSocket
from field_app import App
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware

app = App()
if os.environ.get("HTTPS_ONLY"):
    app.add_middleware(HTTPSRedirectMiddleware)
if os.environ.get("MIDDLEWARE"):

    @app.middleware("http")
    async def pass_on(request: Request, call_next: Any) -> Any:
        return await call_next(request)


def seen(request: Request) -> dict[str, Any]:
    return {
        "url": str(request.url_for("read_def")),
        "client": request.client,
        "scheme": request.scope["scheme"],
    }


@app.get("/def")
def read_def(request: Request) -> dict[str, Any]:
    return seen(request)


@app.get("/async")
async def read_async(request: Request) -> dict[str, Any]:
    return seen(request)


@app.get("/plain")
async def read_plain() -> int:
    return 1


@app.get("/is-compiled")
async def read_is_compiled() -> bool:
    return not any("starlette" in frame.filename for frame in inspect.stack())


@app.get("/slash/")
async def read_slash() -> int:
    return 1


@app.api_route("/handed/{path:path}")
async def read_handed(path: str, request: Request) -> dict[str, Any]:
    return seen(request)


@app.websocket("/ws")
async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json([websocket.client, websocket.scope["scheme"]])
    await websocket.close()
