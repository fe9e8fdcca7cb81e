"""One app with a bit of everything, for the comparison with FastAPI on Uvicorn.

The routes come from three files: compare_inputs, compare_answers, and this one.
"""

from collections.abc import Iterator
from typing import Annotated, Any

import compare_answers
import compare_inputs
from compare_base import STATIC, App, app, both, both_a, both_d
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Depends,
    File,
    Form,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    UploadFile,
    WebSocket,
    WebSocketDisconnect,
)
from fastapi.security import APIKeyHeader, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from fastapi.staticfiles import StaticFiles

__all__ = ["app", "compare_answers", "compare_inputs"]


# -- what a handler may ask for --------------------------------------------------------------------


@both("/inject/response")
def inject_response(response: Response):
    response.headers["x-injected"] = "1"
    response.set_cookie("k", "v")
    response.status_code = 202
    return {"ok": True}


@both("/inject/background")
def inject_background(tasks: BackgroundTasks):
    tasks.add_task(len, "x")
    return {"ok": True}


@app.api_route("/inject/request/{p}", methods=["GET", "POST", "PATCH"])
async def inject_request(p: str, request: Request):
    return {
        "method": request.method,
        "url": str(request.url),
        "base": str(request.base_url),
        "path": request.url.path,
        "raw_path": request.scope["raw_path"].decode("latin-1"),
        "query": request.url.query,
        "query_items": request.query_params.multi_items(),
        "params": request.path_params,
        "headers": [(k.decode("latin-1"), v.decode("latin-1")) for k, v in request.headers.raw],
        "cookies": request.cookies,
        "http": request.scope["http_version"],
        "scheme": request.scope["scheme"],
        "root": request.scope["root_path"],
        "body": (await request.body()).decode("latin-1"),
    }


@app.post("/inject/stream")
async def inject_stream(request: Request):
    size = 0
    async for part in request.stream():
        size += len(part)
    return size


@app.post("/inject/ignored")
async def inject_ignored():
    return "body not read"


# -- dependencies ----------------------------------------------------------------------------------


def dep_query(q: str | None = None, skip: int = 0):
    return {"q": q, "skip": skip}


async def dep_sub(values: Annotated[dict[str, Any], Depends(dep_query)]):
    return {"sub": values}


def dep_yield(fail: bool = False) -> Iterator[str]:
    if fail:
        raise HTTPException(403, "the dependency says no")
    yield "resource"


async def dep_header(x_key: Annotated[str, Header()]):
    if x_key != "secret":
        raise HTTPException(400, "x-key invalid")


class Pager:
    def __init__(self, page: Annotated[int, Query(ge=1)] = 1) -> None:
        self.page = page


@both("/depends/simple")
def depends_simple(values: Annotated[dict[str, Any], Depends(dep_query)]):
    return values


@both("/depends/sub")
def depends_sub(a: Annotated[Any, Depends(dep_sub)], b: Annotated[Any, Depends(dep_query)]):
    return [a, b]


@both("/depends/class")
def depends_class(pager: Annotated[Pager, Depends()]):
    return pager.page


@both("/depends/yield")
def depends_yield(r: Annotated[str, Depends(dep_yield)]):
    return r


@both("/depends/yieldraise")
def depends_yield_raise(r: Annotated[str, Depends(dep_yield)]):
    raise HTTPException(409, r)


@both("/depends/guarded", dependencies=[Depends(dep_header)])
def depends_guarded():
    return "in"


@both("/security/bearer")
def security_bearer(token: Annotated[Any, Depends(HTTPBearer())]):
    return token


@both("/security/basic")
def security_basic(who: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]):
    return who.username


@both("/security/key")
def security_key(key: Annotated[str, Depends(APIKeyHeader(name="x-api-key"))]):
    return key


# -- forms -----------------------------------------------------------------------------------------


@both("/form/plain", ("POST",))
def form_plain(a: Annotated[str, Form()], n: Annotated[int, Form()] = 0):
    return [a, n]


@both("/form/file", ("POST",))
def form_file(file: Annotated[bytes, File()]):
    return len(file)


@app.post("/form/upload")
async def form_upload(up: UploadFile, tag: Annotated[str, Form()] = "-"):
    return {
        "name": up.filename,
        "type": up.content_type,
        "text": (await up.read()).decode(),
        "tag": tag,
    }


# -- routing ---------------------------------------------------------------------------------------


@both("/order/me")
def order_me():
    return "me"


@both("/order/{name}")
def order_name(name: str):
    return f"name {name}"


@both("/order/late")
def order_late():
    return "never reached"


@both("/slash/with/")
def slash_with():
    return "with"


@both("/slash/without")
def slash_without():
    return "without"


@both("/method/many", ("GET", "POST", "PATCH"))
def method_many():
    return "many"


@app.post("/method/split")
async def method_split_post():
    return "post"


@app.get("/method/split")
async def method_split_get():
    return "get"


@app.head("/method/head")
@app.get("/method/head")
async def method_head():
    return {"head": True}


@app.options("/method/options")
async def method_options():
    return "options"


@app.trace("/method/trace")
async def method_trace():
    return "trace"


@app.get("/ключ/{имя}")
async def non_ascii(имя: str):
    return имя


@app.get("/with.dot/{name}.json")
async def partial_segment(name: str):
    return name


inner_router = APIRouter(prefix="/inner", tags=["t"], dependencies=[Depends(dep_query)])


@inner_router.get("/leaf/{n}")
async def inner_leaf(n: int):
    return n


outer_router = APIRouter(prefix="/outer")
outer_router.include_router(inner_router, prefix="/deep")
app.include_router(outer_router)
app.include_router(both_a)
app.include_router(both_d)

sub_app = App(title="sub")


@sub_app.get("/hello/{name}")
async def sub_hello(name: str, request: Request):
    return {"name": name, "root": request.scope["root_path"]}


app.mount("/sub", sub_app)
app.mount("/static", StaticFiles(directory=STATIC))


# -- websockets ------------------------------------------------------------------------------------


@app.websocket("/ws/echo")
async def ws_echo(websocket: WebSocket):
    await websocket.accept(subprotocol="two" if "two" in websocket["subprotocols"] else None)
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") is not None:
                await websocket.send_text(message["text"])
            else:
                await websocket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        return


@app.websocket("/ws/close/{code}")
async def ws_close(websocket: WebSocket, code: int):
    await websocket.accept()
    await websocket.send_text(f"closing {code}")
    await websocket.close(code, "bye")


@app.websocket("/ws/deny")
async def ws_deny(websocket: WebSocket):
    await websocket.close(4003)
