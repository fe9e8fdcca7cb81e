"""What was different once: each program found by the generator, or thought of beside it, made small."""

from __future__ import annotations

import pytest
from difftest.compare import REFERENCE_IMPORT, Pair, Program

#: name -> (program, requests)
FOUND: dict[str, tuple[str, tuple[bytes, ...]]] = {}


def get(path: str, *headers: str, method: str = "GET") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: testserver", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def found(name: str, source: str, *requests: bytes) -> None:
    FOUND[name] = (source, requests)


found(
    "a router that FastAPI cannot build stops neither the start nor the routes before it",
    """
from fastapi import APIRouter
app = FastAPI()

@app.get("/before")
def first():
    LOG.append("first")
    return 1

router = APIRouter()

@router.get("/{name}")
def inner(name):
    return name

app.include_router(router, prefix="/{name}")

@app.get("/after")
def last():
    return 2
""",
    get("/before"),
    get("/after"),
    get("/nowhere"),
    get("/before", method="POST"),
)

found(
    "middleware is made once",
    """
class Counted:
    made = 0

    def __init__(self, app):
        self.app = app
        Counted.made += 1

    async def __call__(self, scope, receive, send):
        LOG.append(Counted.made)
        await self.app(scope, receive, send)

app = FastAPI()
app.add_middleware(Counted)

@app.get("/")
def root():
    return 1
""",
    get("/"),
    get("/nowhere"),
)


found(
    "what an async endpoint sets in its context is there when its answer is made",
    """
import asyncio, contextvars
from fastapi import BackgroundTasks, Depends, HTTPException, Request
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.background import BackgroundTask

VAR = contextvars.ContextVar("VAR", default="unset")
app = FastAPI()

class Custom(Exception):
    pass

@app.exception_handler(Custom)
async def handle(request, exc):
    LOG.append(("handler", VAR.get()))
    VAR.reset(exc.args[0])
    return PlainTextResponse(VAR.get())

async def later():
    LOG.append(("later", VAR.get()))

def later_in_thread():
    LOG.append(("thread", VAR.get()))

async def session():
    token = VAR.set("session")
    try:
        yield VAR.get()
    finally:
        LOG.append(("exit", VAR.get()))
        VAR.reset(token)

async def setting():
    return VAR.set("dependency")

@app.get("/background")
async def background():
    VAR.set("endpoint")
    return PlainTextResponse("", background=BackgroundTask(later))

@app.get("/thread")
async def in_thread(tasks: BackgroundTasks):
    await asyncio.sleep(0)
    VAR.set("endpoint")
    tasks.add_task(later_in_thread)
    return 1

@app.get("/stream")
async def stream():
    VAR.set("endpoint")

    async def parts():
        yield VAR.get()
        VAR.set("part")
        yield VAR.get()

    return StreamingResponse(parts(), background=BackgroundTask(later))

@app.get("/raised")
async def raised():
    raise Custom(VAR.set("endpoint"))

@app.get("/raised/later")
async def raised_later():
    await asyncio.sleep(0)
    raise Custom(VAR.set("endpoint"))

@app.get("/raised/in/tree")
async def raised_in_tree(token=Depends(setting)):
    raise Custom(token)

@app.get("/def")
def in_def():
    VAR.set("endpoint")
    return PlainTextResponse("", background=BackgroundTask(later))

@app.get("/exits")
async def exits(name=Depends(session)):
    VAR.set("endpoint")
    return PlainTextResponse(name, background=BackgroundTask(later))

@app.get("/exits/raised")
async def exits_raised(request: Request, name=Depends(session)):
    raise Custom(VAR.set("endpoint"))
""",
    get("/background"),
    get("/thread"),
    get("/stream"),
    get("/raised"),
    get("/raised/later"),
    get("/raised/in/tree"),
    get("/def"),
    get("/exits"),
    get("/exits/raised"),
)


def post(path: str, body: bytes, *, chunked: bool = False) -> bytes:
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    if chunked:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: testserver\r\nContent-Type: application/json\r\n".encode()
    )
    return head + length + b"\r\n\r\n" + body


for limits in ("app", "route", "router", "app and route"):
    found(
        f"bodies over a limit of FastAPI's: {limits}",
        f"""
from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

app = FastAPI({"max_body_size=10" if limits.startswith("app") else ""})
router = APIRouter({"max_body_size=10" if limits == "router" else ""})

def session():
    LOG.append("open")
    yield 1
    LOG.append("close")

@router.post("/body"{", max_body_size=20" if "route" in limits.split() else ""})
async def of_body(body: dict, s=Depends(session)):
    LOG.append("body")
    return body

@router.post("/plain"{", max_body_size=20" if "route" in limits.split() else ""})
async def of_plain(body: dict):
    return body

@router.post("/none"{", max_body_size=20" if "route" in limits.split() else ""})
def of_none():
    LOG.append("none")
    return 1

@router.post("/stream"{", max_body_size=20" if "route" in limits.split() else ""})
def of_stream(s=Depends(session)):
    return StreamingResponse(iter(["a", "b"]))

app.include_router(router, prefix="/v1")
""",
        *(
            post(f"/v1{path}", b'{"a":"%s"}' % (b"x" * size), chunked=chunked)
            for path in ("/body", "/plain", "/none", "/stream", "/nowhere")
            for size in (2, 3, 12, 13)
            for chunked in (False, True)
        ),
    )


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.filterwarnings("ignore")
def test_found_once(name: str, pair: Pair):
    source, requests = FOUND[name]
    pair.check(Program(f"{REFERENCE_IMPORT}\nLOG = []\n{source}", requests))


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.filterwarnings("ignore")
def test_found_once_on_uvicorn(name: str, pair_on_uvicorn: Pair):
    source, requests = FOUND[name]
    pair_on_uvicorn.check(Program(f"{REFERENCE_IMPORT}\nLOG = []\n{source}", requests))
