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


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.filterwarnings("ignore")
def test_found_once(name: str, pair: Pair):
    source, requests = FOUND[name]
    pair.check(Program(f"{REFERENCE_IMPORT}\nLOG = []\n{source}", requests))
